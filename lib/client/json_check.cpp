#include "client/json_check.h"

#include <cstddef>

#include "core/json_text.h"

namespace flowmyna::client {
namespace {

// What the agent puts around an application's values.
constexpr int kAnswerDepth = 10;

using Parts = std::vector<JsonPart>;

/// Length of the UTF-8 sequence at the front of `text`, 0 when it is not one (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (!continues(1)) return 0;
  if (first < 0xe0) return 2;
  if (!continues(2)) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (!continues(3) || first > 0xf4) return 0;
  const bool overlong = first == 0xf0 && byte(1) < 0x90;
  const bool beyond = first == 0xf4 && byte(1) > 0x8f;
  return overlong || beyond ? 0 : 4;
}

bool is_number_character(char c) {
  return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Recursive descent over one value; the depth limit bounds the stack.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// Collects the parts of the outermost object or array when `parts` is given.
  bool document(int depth_max, Parts* parts) {
    skip_space();
    if (!value(depth_max, parts)) return false;
    skip_space();
    return rest_.empty();
  }

 private:
  bool value(int depth, Parts* parts) {
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return depth > 0 && object(depth - 1, parts);
      case '[':
        return depth > 0 && array(depth - 1, parts);
      case '"':
        return string();
      default:
        return word("true") || word("false") || word("null") || number();
    }
  }

  bool object(int depth, Parts* parts) {
    rest_.remove_prefix(1);
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      const std::string_view before = rest_;
      if (!string()) return false;
      const auto name = before.substr(1, before.size() - rest_.size() - 2);
      skip_space();
      if (!take(':')) return false;
      if (!part(depth, name, parts)) return false;
    } while (take(','));
    return take('}');
  }

  bool array(int depth, Parts* parts) {
    rest_.remove_prefix(1);
    skip_space();
    if (take(']')) return true;
    do {
      if (!part(depth, {}, parts)) return false;
    } while (take(','));
    return take(']');
  }

  bool part(int depth, std::string_view name, Parts* parts) {
    skip_space();
    const std::string_view before = rest_;
    if (!value(depth, nullptr)) return false;
    if (parts != nullptr) parts->push_back({name, before.substr(0, before.size() - rest_.size())});
    skip_space();
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      if (take('"')) return true;
      if (rest_.front() == '\\') {
        if (!escape()) return false;
        continue;
      }
      if (static_cast<unsigned char>(rest_.front()) < 0x20) return false;
      const std::size_t length = sequence_length(rest_);
      if (length == 0) return false;
      rest_.remove_prefix(length);
    }
    return false;
  }

  bool escape() {
    static constexpr std::string_view kLetters = "\"\\/bfnrt";
    if (rest_.size() < 2) return false;
    if (kLetters.find(rest_[1]) != std::string_view::npos) {
      rest_.remove_prefix(2);
      return true;
    }
    if (rest_[1] != 'u' || rest_.size() < 6) return false;
    for (std::size_t i = 2; i < 6; ++i) {
      if (!is_hex(rest_[i])) return false;
    }
    rest_.remove_prefix(6);
    return true;
  }

  bool number() {
    std::size_t length = 0;
    while (length < rest_.size() && is_number_character(rest_[length])) ++length;
    if (!is_json_number(rest_.substr(0, length))) return false;
    rest_.remove_prefix(length);
    return true;
  }

  bool word(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_space() {
    const auto next = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(next == std::string_view::npos ? rest_.size() : next);
  }

  std::string_view rest_;
};

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_json(std::string_view text) {
  return Scanner(text).document(kMaxJsonDepth, nullptr);
}

std::optional<std::vector<JsonPart>> json_parts(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool has_parts =
      first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  Parts parts;
  if (!has_parts || !Scanner(text).document(kMaxJsonDepth + kAnswerDepth, &parts)) {
    return std::nullopt;
  }
  return parts;
}

std::optional<std::vector<std::string_view>> member_names(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return std::nullopt;
  Parts parts;
  if (!Scanner(text).document(kMaxJsonDepth, &parts)) return std::nullopt;
  std::vector<std::string_view> names;
  for (const JsonPart& part : parts) names.push_back(part.name);
  return names;
}

}  // namespace flowmyna::client
