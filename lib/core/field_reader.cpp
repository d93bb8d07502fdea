#include "core/field_reader.h"

#include "core/decode.h"
#include "core/json_text.h"

namespace flowmyna {

using simdjson::error_code;
using simdjson::ondemand::json_type;
namespace ondemand = simdjson::ondemand;

void FieldReader::start() {
  problems_.clear();
  properties_.clear();
  kept_.clear();
}

error_code FieldReader::text(ondemand::value& value, const TextField& field, Text& out) {
  problems_.forget(field.name);
  out.reset();
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == json_type::null && field.nullable) return skip(value);
  if (type != json_type::string) {
    problems_.add(field.name, "Input should be a valid string", "string_type");
    out = "";  // present, though wrong: no second complaint that it is missing
    return skip(value);
  }
  JsonText text;
  if (const auto error = read_text(value, text)) return error;
  if (text.characters.empty()) {
    problems_.add(field.name, "String should have at least 1 character", "string_too_short");
  } else if (text.characters.size() > field.characters_max &&
             count_characters(text.characters) > field.characters_max) {
    problems_.add(
        field.name,
        "String should have at most " + std::to_string(field.characters_max) + " characters",
        "string_too_long");
  }
  out = canonical(text);
  return simdjson::SUCCESS;
}

error_code FieldReader::timestamp(ondemand::value& value, Text& out) {
  static constexpr std::string_view kField = "timestamp";
  problems_.forget(kField);
  out.reset();
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == json_type::null) return skip(value);
  if (type != json_type::string) {
    problems_.add(kField, "Input should be a valid datetime", "datetime_type");
    return skip(value);
  }
  JsonText text;
  if (const auto error = read_text(value, text)) return error;
  if (!is_iso8601(text.characters)) {
    problems_.add(kField, "Input should be a valid datetime in ISO 8601, like 2023-01-15T10:30:00Z",
                  "datetime_parsing");
  }
  out = canonical(text);
  return simdjson::SUCCESS;
}

error_code FieldReader::properties(ondemand::value& value, PropertiesRange& out) {
  static constexpr std::string_view kField = "properties";
  problems_.forget(kField);
  out = {};
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == json_type::null) return skip(value);
  if (type != json_type::object) {
    problems_.add(kField, "Input should be a valid dictionary", "dict_type");
    return skip(value);
  }
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  properties_.begin_object();
  const auto set = [this](const JsonText& name, ondemand::value& property) {
    std::string_view written;
    const auto error = walk_json(property, Decoder::kMaxDepth, written);
    if (!error) properties_.set(canonical(name), written);
    return error;
  };
  if (const auto error = each_member(object, set)) return error;
  out = properties_.end_object();
  return simdjson::SUCCESS;
}

error_code FieldReader::skip(ondemand::value& value) {
  std::string_view written;
  return walk_json(value, Decoder::kMaxDepth, written);
}

void FieldReader::require(const Text& text, std::string_view field) {
  if (!text) problems_.add(field, "Field required", "missing");
}

std::string_view FieldReader::escape_anew(std::string_view characters) {
  if (!needs_escape(characters)) return characters;
  std::string& escaped = kept_.emplace_back();
  append_escaped(escaped, characters);
  return escaped;
}

}  // namespace flowmyna
