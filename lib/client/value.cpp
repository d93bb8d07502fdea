#include <array>
#include <charconv>
#include <cmath>

#include "client/json_check.h"
#include "core/json_text.h"
#include "flowmyna/client.h"

namespace flowmyna::client {
namespace {

constexpr const char* kNotFinite = "NaN and infinity have no JSON form";
constexpr const char* kNotUtf8 = "the string is not valid UTF-8";
constexpr const char* kNoString = "the string is a null pointer";
constexpr const char* kNotJson = "the raw text is not one JSON value of at most 100 levels";

template <class Number>
std::string shortest(Number value) {
  std::array<char, 32> buffer{};  // the longest double takes 24
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace

Value::Value(std::nullptr_t) : text_("null") {}

Value::Value(float value)
    : Value(std::isfinite(value) ? Value::raw(shortest(value)) : Value(Invalid{kNotFinite})) {}

Value::Value(double value)
    : Value(std::isfinite(value) ? Value::raw(shortest(value)) : Value(Invalid{kNotFinite})) {}

Value::Value(const char* utf8)
    : Value(utf8 != nullptr ? Value(std::string_view(utf8)) : Value(Invalid{kNoString})) {}

Value::Value(std::string_view utf8) {
  if (is_utf8(utf8)) {
    text_ = json_string(utf8);
  } else {
    problem_ = kNotUtf8;
  }
}

Value Value::raw(std::string json) {
  if (!is_json(json)) return Value(Invalid{kNotJson});
  Value value;
  value.text_ = std::move(json);
  return value;
}

}  // namespace flowmyna::client
