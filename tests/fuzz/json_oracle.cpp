#include "tests/fuzz/json_oracle.h"

#include <string>

namespace flowmyna::test {
namespace {

using nlohmann::json;

bool differs_by_design(std::string_view text) {
  return text.find('\0') != std::string_view::npos || text.starts_with("\xef\xbb\xbf");
}

/// Accepts everything; remembers where a number was too large.
class Listener : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) {
      overflow_end = position;
      overflow_length = token.size();
    }
    return false;
  }

  std::size_t overflow_end = 0;
  std::size_t overflow_length = 0;
};

}  // namespace

bool is_json(std::string_view text) {
  if (differs_by_design(text)) return false;
  std::string shrunk(text);
  while (true) {
    Listener listener;
    if (json::sax_parse(shrunk, &listener)) return true;
    if (listener.overflow_length == 0) return false;
    // A number beyond a double is a number: put a small one in its place and go on. The blanks keep
    // what follows it apart.
    const std::size_t begin = listener.overflow_end - listener.overflow_length;
    shrunk.replace(begin, listener.overflow_length, listener.overflow_length, ' ');
    shrunk[begin] = '1';
  }
}

std::optional<json> parse_json(std::string_view text) {
  if (differs_by_design(text)) return std::nullopt;
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return std::nullopt;
  return document;
}

std::size_t nesting(std::string_view json) {
  std::size_t depth = 0;
  std::size_t depth_max = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      depth_max = std::max(depth_max, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return depth_max;
}

}  // namespace flowmyna::test
