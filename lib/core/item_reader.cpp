#include "core/item_reader.h"

#include <cstddef>
#include <string>

#include "core/json_walk.h"

namespace flowmyna {
namespace {

using simdjson::error_code;
using simdjson::ondemand::json_type;
namespace ondemand = simdjson::ondemand;

// The API's page on the endpoints.
constexpr TextField kType = {"type", 100};
constexpr TextField kId = {"id", 500};
constexpr TextField kEvent = {"event", 200};
constexpr TextField kQualifier = {"qualifier", 100, true};

// An event may name millions of objects that are all wrong; these many problems tell enough.
constexpr std::size_t kProblemsMax = 16;

}  // namespace

error_code ItemReader::read(Kind kind, ondemand::object object, const EventStamp& now) {
  start();
  return kind == Kind::kUpsert ? upsert(object) : event(object, now);
}

error_code ItemReader::read(Kind kind, ondemand::value& value, const EventStamp& now) {
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type != json_type::object) {
    refuse_type();
    return fields_.skip(value);
  }
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  return read(kind, object, now);
}

void ItemReader::refuse_type() {
  start();
  add_not_an_object();
}

void ItemReader::start() {
  fields_.start();
  objects_.clear();
  operation_.objects.clear();
}

void ItemReader::add_not_an_object() {
  fields_.problems().add("Input should be a valid dictionary or object to extract fields from",
                         "model_attributes_type");
}

error_code ItemReader::upsert(ondemand::object object) {
  ObjectFields fields;
  if (const auto error = object_fields(object, false, fields)) return error;
  operation_.kind = Kind::kUpsert;
  operation_.object = {fields.type, fields.id};
  operation_.properties = fields_.resolve(fields.properties);
  return simdjson::SUCCESS;
}

error_code ItemReader::event(ondemand::object object, const EventStamp& now) {
  FieldReader::Text name;
  FieldReader::Text timestamp;
  FieldReader::PropertiesRange properties;
  bool has_objects = false;
  const auto read_field = [&](const JsonText& written, ondemand::value& value) {
    const std::string_view field = written.characters;
    if (field == kEvent.name) return fields_.text(value, kEvent, name);
    if (field == "timestamp") return fields_.timestamp(value, timestamp);
    if (field == "properties") return fields_.properties(value, properties);
    if (field != "objects") return fields_.skip(value);
    has_objects = true;
    return event_objects(value);
  };
  if (const auto error = each_member(object, read_field)) return error;
  fields_.require(name, kEvent.name);
  if (!has_objects) fields_.problems().add("objects", "Field required", "missing");

  operation_.kind = Kind::kEvent;
  operation_.is_stamped_here = !timestamp.has_value();
  operation_.boot = timestamp ? std::nullopt : now.boot;
  operation_.name = name.value_or("");
  operation_.timestamp = timestamp.value_or(now.timestamp);
  operation_.properties = fields_.resolve(properties);
  for (const ObjectFields& named : objects_) {
    operation_.objects.push_back(
        {{named.type, named.id}, named.qualifier, fields_.resolve(named.properties)});
  }
  return simdjson::SUCCESS;
}

error_code ItemReader::event_objects(ondemand::value& list) {
  Problems& problems = fields_.problems();
  problems.forget("objects");
  objects_.clear();
  json_type type{};
  if (const auto error = list.type().get(type)) return error;
  if (type != json_type::array) {
    problems.add("objects", "Input should be a valid list", "list_type");
    return fields_.skip(list);
  }
  ondemand::array array;
  if (const auto error = list.get_array().get(array)) return error;
  std::size_t count = 0;
  std::size_t dropped = 0;
  problems.enter("objects");
  const auto read_element = [&](ondemand::value& value) {
    problems.enter(count++);
    const auto error = event_object(value);
    problems.leave();
    dropped += problems.cut(kProblemsMax);
    return error;
  };
  if (const auto error = each_element(array, read_element)) return error;
  if (count == 0) {
    problems.add("List should have at least 1 item after validation, not 0", "too_short");
  }
  if (dropped > 0) {
    problems.add(std::to_string(dropped) + " more problems in this list", "too_many_errors");
  }
  problems.leave();
  return simdjson::SUCCESS;
}

error_code ItemReader::event_object(ondemand::value& value) {
  json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type != json_type::object) {
    add_not_an_object();
    return fields_.skip(value);
  }
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  ObjectFields fields;
  if (const auto error = object_fields(object, true, fields)) return error;
  objects_.push_back(fields);
  return simdjson::SUCCESS;
}

error_code ItemReader::object_fields(ondemand::object object, bool in_event, ObjectFields& out) {
  FieldReader::Text type;
  FieldReader::Text id;
  FieldReader::Text qualifier;
  const auto read_field = [&](const JsonText& written, ondemand::value& value) {
    const std::string_view field = written.characters;
    if (field == kType.name) return fields_.text(value, kType, type);
    if (field == kId.name) return fields_.text(value, kId, id);
    if (field == "properties") return fields_.properties(value, out.properties);
    if (in_event && field == kQualifier.name) return fields_.text(value, kQualifier, qualifier);
    return fields_.skip(value);
  };
  if (const auto error = each_member(object, read_field)) return error;
  fields_.require(type, kType.name);
  fields_.require(id, kId.name);
  out.type = type.value_or("");
  out.id = id.value_or("");
  out.qualifier = qualifier.value_or("");
  return simdjson::SUCCESS;
}

}  // namespace flowmyna
