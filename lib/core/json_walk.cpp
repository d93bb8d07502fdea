#include "core/json_walk.h"

#include "core/json_text.h"

namespace flowmyna {
namespace {

using simdjson::error_code;
namespace ondemand = simdjson::ondemand;

std::string_view trim_end(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

error_code walk(ondemand::value& value, ondemand::json_type type, int depth);

error_code walk_child(ondemand::value& child, int depth) {
  ondemand::json_type type{};
  if (const auto error = child.type().get(type)) return error;
  return walk(child, type, depth);
}

error_code walk_array(ondemand::value& value, int depth) {
  ondemand::array array;
  if (const auto error = value.get_array().get(array)) return error;
  return each_element(array, [depth](ondemand::value& child) { return walk_child(child, depth); });
}

error_code walk_object(ondemand::value& value, int depth) {
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  return each_member(object, [depth](const JsonText&, ondemand::value& child) {
    return walk_child(child, depth);
  });
}

error_code check_literal(ondemand::value& value) {
  const std::string_view token = trim_end(value.raw_json_token());
  const bool ok = token == "true" || token == "false" || token == "null" || is_json_number(token);
  return ok ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

error_code walk(ondemand::value& value, ondemand::json_type type, int depth) {
  switch (type) {
    case ondemand::json_type::array:
      return depth > 0 ? walk_array(value, depth - 1) : simdjson::DEPTH_ERROR;
    case ondemand::json_type::object:
      return depth > 0 ? walk_object(value, depth - 1) : simdjson::DEPTH_ERROR;
    case ondemand::json_type::string: {
      JsonText text;
      return read_text(value, text);
    }
    default:
      return check_literal(value);
  }
}

}  // namespace

error_code walk_json(ondemand::value& value, int depth, std::string_view& text) {
  ondemand::json_type type{};
  if (const auto error = value.type().get(type)) return error;
  const std::string_view token = value.raw_json_token();
  if (const auto error = walk(value, type, depth)) return error;
  if (type != ondemand::json_type::array && type != ondemand::json_type::object) {
    text = trim_end(token);
    return simdjson::SUCCESS;
  }
  const char* next = nullptr;
  if (const auto error = value.current_location().get(next)) return error;
  text = trim_end({token.data(), static_cast<std::size_t>(next - token.data())});
  return simdjson::SUCCESS;
}

}  // namespace flowmyna
