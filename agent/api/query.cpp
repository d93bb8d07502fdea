#include "agent/api/query.h"

#include <charconv>

#include "core/json_text.h"

namespace flowmyna {
namespace {

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      unsigned value = 0;
      const std::string_view digits = text.substr(i + 1, 2);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) {
        return fail(Error::Kind::kInvalid,
                    "the query string has a '%' that is not followed by two hexadecimal digits");
      }
      out.push_back(static_cast<char>(value));
      i += 2;
    }
  }
  if (!is_utf8(out)) return fail(Error::Kind::kInvalid, "the query string is not UTF-8");
  return out;
}

}  // namespace

Result<std::map<std::string, std::string>> parse_query(std::string_view query) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto name = decode(pair.substr(0, equals));
    const auto value = decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name) return tl::make_unexpected(name.error());
    if (!value) return tl::make_unexpected(value.error());
    parameters[*name] = *value;
  }
  return parameters;
}

}  // namespace flowmyna
