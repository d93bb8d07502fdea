#include "core/json_error.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/json_text.h"

namespace flowmyna {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr const char* kNoValue =
    "expected a value; NaN, Infinity, leading zeros, comments and unquoted text are not JSON";
constexpr std::string_view kShortEscapes = "\"\\/bfnrt";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20;
}
bool is_surrogate(std::uint32_t code, std::uint32_t first) {
  return code >= first && code < first + 0x400;
}

class Checker {
 public:
  Checker(std::string_view text, std::size_t depth_max, bool may_be_half)
      : text_(text), depth_max_(depth_max), may_be_half_(may_be_half) {}

  std::optional<JsonError> run() {
    if (text_.starts_with(kByteOrderMark)) {
      return JsonError{0, "a byte order mark; send plain UTF-8 without one"};
    }
    while (!error_) {
      skip_space();
      if (expect_ == Expect::kEnd && open_.empty() && at_ == text_.size()) return std::nullopt;
      step();
    }
    return error_;
  }

 private:
  /// What may come next; kFirst… also allows the bracket that closes an empty list or object.
  enum class Expect { kValue, kFirstElement, kName, kFirstName, kEnd };

  void step() {
    switch (expect_) {
      case Expect::kFirstElement:
        if (take(']')) return close();
        [[fallthrough]];
      case Expect::kValue:
        return value();
      case Expect::kFirstName:
        if (take('}')) return close();
        [[fallthrough]];
      case Expect::kName:
        return name();
      case Expect::kEnd:
        return after_value();
    }
  }

  void value() {
    if (take('{')) return open(true, Expect::kFirstName);
    if (take('[')) return open(false, Expect::kFirstElement);
    expect_ = Expect::kEnd;
    if (peek() == '"') return string();
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n,:[]{}\"", at_), text_.size());
    const std::string_view token = text_.substr(at_, end - at_);
    if (token != "true" && token != "false" && token != "null" && !is_json_number(token)) {
      return fail(at_, at_ == text_.size() ? "expected a value" : kNoValue);
    }
    at_ = end;
  }

  void name() {
    if (peek() != '"') return fail(at_, "expected a property name in double quotes");
    string();
    skip_space();
    if (!error_ && !take(':')) fail(at_, "expected ':' after the property name");
    expect_ = Expect::kValue;
  }

  void after_value() {
    if (open_.empty()) return fail(at_, "something follows the end of the document");
    const bool in_object = open_.back();
    if (take(',')) {
      expect_ = in_object ? Expect::kName : Expect::kValue;
    } else if (take(in_object ? '}' : ']')) {
      close();
    } else {
      fail(at_, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
  }

  void open(bool object, Expect next) {
    if (open_.size() == depth_max_) {
      return fail(at_ - 1, "nested deeper than " + std::to_string(depth_max_) + " levels");
    }
    open_.push_back(object);
    expect_ = next;
  }
  void close() {
    open_.pop_back();
    expect_ = Expect::kEnd;
  }

  void string() {
    const std::size_t start = at_++;
    while (!error_) {
      if (at_ == text_.size()) return fail(start, "the string that starts here never ends");
      if (take('"')) return;
      if (peek() == '\\') {
        escape();
      } else if (is_control(peek())) {
        fail(at_, "a control character in a string; write it as an escape, as in \\n or \\u0001");
      } else if (const auto length = utf8_length(text_.substr(at_))) {
        at_ += length;
      } else {
        fail(at_, "not valid UTF-8");
      }
    }
  }

  void escape() {
    const std::size_t start = at_++;
    if (at_ < text_.size() && kShortEscapes.find(peek()) != std::string_view::npos) {
      ++at_;
      return;
    }
    const auto code = unicode_escape();
    if (!code) return fail(start, "an invalid escape in a string");
    if (may_be_half_) return;
    if (is_surrogate(*code, 0xd800)) {
      const auto low = take('\\') ? unicode_escape() : std::nullopt;
      if (!low || !is_surrogate(*low, 0xdc00)) fail(start, "half of a surrogate pair");
    } else if (is_surrogate(*code, 0xdc00)) {
      fail(start, "half of a surrogate pair");
    }
  }

  /// The value of `uXXXX`.
  std::optional<std::uint32_t> unicode_escape() {
    if (!take('u') || text_.size() - at_ < 4) return std::nullopt;
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(text_[at_++]);
      if (digit == std::string_view::npos) return std::nullopt;
      code = code * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
    }
    return code;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  void fail(std::size_t offset, std::string reason) {
    if (error_) return;
    if (offset == text_.size()) reason += ", found the end";
    error_ = JsonError{offset, std::move(reason)};
  }

  std::string_view text_;
  std::size_t depth_max_;
  bool may_be_half_;  // a character of two that are written as escapes
  std::size_t at_ = 0;
  Expect expect_ = Expect::kValue;
  std::vector<bool> open_;  // what is open, outermost first: true for an object, false for a list
  std::optional<JsonError> error_;
};

}  // namespace

std::optional<JsonError> find_json_error(std::string_view text, std::size_t depth_max) {
  return Checker(text, depth_max, false).run();
}

std::optional<JsonError> find_grammar_error(std::string_view text, std::size_t depth_max) {
  return Checker(text, depth_max, true).run();
}

}  // namespace flowmyna
