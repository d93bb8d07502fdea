#include <algorithm>

#include "stand_in/json_text.h"
#include "stand_in/world.h"

namespace flowmyna::stand_in {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{') out += ',';
  append_quoted(out, name);
  out += ':';
  append_quoted(out, text);
}

void append_properties(std::string& out, const SharedProperties& properties) {
  out += '{';
  if (properties) {
    for (const StoredProperty& property : *properties) {
      if (&property != &properties->front()) out += ',';
      append_quoted(out, property.name);
      out += ':';
      out += property.raw;
    }
  }
  out += '}';
}

bool shows(const World::Filter& filter, std::string_view type, std::string_view id) {
  return (filter.type.empty() || filter.type == type) && (filter.id.empty() || filter.id == id);
}

void append_event_object(std::string& out, const EventObject& object) {
  out += '{';
  append_field(out, "type", object.type);
  append_field(out, "id", object.id);
  if (object.qualifier) {
    append_field(out, "qualifier", *object.qualifier);
  } else {
    out += R"(,"qualifier":null)";
  }
  out += R"(,"properties":)";
  out += object.inline_properties.empty() ? "{}" : object.inline_properties;
  out += object.existed ? R"(,"existed":true)" : R"(,"existed":false)";
  out += R"(,"found":)";
  append_properties(out, object.found);
  out += '}';
}

void append_event(std::string& out, const EventRecord& event) {
  out += '{';
  append_field(out, "event", event.event);
  append_field(out, "event_id", event_uuid(event.number));
  append_field(out, "timestamp", event.timestamp);
  out += R"(,"properties":)";
  out += event.properties;
  out += R"(,"objects":[)";
  for (const EventObject& object : event.objects) {
    if (&object != &event.objects.front()) out += ',';
    append_event_object(out, object);
  }
  out += ']';
  if (event.idempotency_key) {
    append_field(out, "key", *event.idempotency_key);
  } else {
    out += R"(,"key":null)";
  }
  out += '}';
}

}  // namespace

std::string World::dump(const Filter& filter) const {
  struct Row {
    std::string_view type;
    std::string_view id;
    const Object* object;
  };
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [type, of_type] : objects_) {
    if (!filter.type.empty() && filter.type != type) continue;
    if (!filter.id.empty()) {
      const auto only = of_type.find(filter.id);
      if (only != of_type.end()) rows.push_back({type, only->first, &only->second});
      continue;
    }
    for (const auto& [id, object] : of_type) rows.push_back({type, id, &object});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& left, const Row& right) {
    return left.type != right.type ? left.type < right.type : left.id < right.id;
  });

  std::string out = R"({"objects":[)";
  for (const Row& row : rows) {
    out += &row == &rows.front() ? "{" : ",{";
    append_field(out, "type", row.type);
    append_field(out, "id", row.id);
    append_field(out, "object_id", object_uuid(row.object->number));
    out += R"(,"properties":)";
    append_properties(out, row.object->properties);
    out += '}';
  }
  out += R"(],"events":[)";
  bool first = true;
  for (const EventRecord& event : events_) {
    const bool wanted = std::any_of(
        event.objects.begin(), event.objects.end(),
        [&](const EventObject& object) { return shows(filter, object.type, object.id); });
    if (!wanted) continue;
    if (!first) out += ',';
    first = false;
    append_event(out, event);
  }
  out += "]}";
  return out;
}

}  // namespace flowmyna::stand_in
