#include "client/body.h"

#include "core/json_text.h"

namespace flowmyna::client {
namespace {

/// Writes one body and remembers the first thing that has no JSON form.
class Writer {
 public:
  void upsert(std::string_view type, std::string_view id, const Properties& properties) {
    open_object(type, id);
    append_properties(properties);
    body_ += '}';
  }

  void event(std::string_view name, const std::vector<EventObject>& objects,
             const EventDetails& details) {
    body_ += "{\"event\":";
    string("event", name);
    body_ += ",\"objects\":[";
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (i > 0) body_ += ',';
      event_object(objects[i]);
    }
    body_ += ']';
    optional_string(",\"timestamp\":", "timestamp", details.timestamp);
    append_properties(details.properties);
    body_ += '}';
  }

  void item(std::size_t index) {
    if (index > 0) body_ += ',';
    where_ = "item " + std::to_string(index) + ", ";
  }
  void text(std::string_view text) { body_ += text; }

  Result<std::string> take() {
    if (!problem_.empty()) return Error{ErrorKind::kInvalid, problem_, 0, {}, {}};
    return std::move(body_);
  }

 private:
  void event_object(const EventObject& object) {
    open_object(object.type, object.id);
    append_properties(object.properties);
    optional_string(",\"qualifier\":", "qualifier", object.qualifier);
    body_ += '}';
  }

  void open_object(std::string_view type, std::string_view id) {
    body_ += "{\"type\":";
    string("type", type);
    body_ += ",\"id\":";
    string("id", id);
  }

  void append_properties(const Properties& properties) {
    if (properties.empty()) return;
    body_ += ",\"properties\":{";
    for (std::size_t i = 0; i < properties.size(); ++i) {
      if (i > 0) body_ += ',';
      string("property name", properties[i].name);
      body_ += ':';
      body_ += properties[i].value.json();
      if (const char* why = properties[i].value.problem()) {
        complain("property \"" + properties[i].name + "\"", why);
      }
    }
    body_ += '}';
  }

  void optional_string(std::string_view key, std::string_view field, std::string_view value) {
    if (value.empty()) return;
    body_ += key;
    string(field, value);
  }

  void string(std::string_view field, std::string_view value) {
    if (!is_utf8(value)) return complain(std::string(field), "the string is not valid UTF-8");
    body_ += json_string(value);
  }

  void complain(const std::string& field, const char* why) {
    if (problem_.empty()) problem_ = where_ + field + ": " + why;
  }

  std::string body_;
  std::string where_;
  std::string problem_;
};

}  // namespace

Result<std::string> upsert_body(std::string_view type, std::string_view id,
                                const Properties& properties) {
  Writer writer;
  writer.upsert(type, id, properties);
  return writer.take();
}

Result<std::string> event_body(std::string_view event, const std::vector<EventObject>& objects,
                               const EventDetails& details) {
  Writer writer;
  writer.event(event, objects, details);
  return writer.take();
}

Result<std::string> upsert_batch_body(const std::vector<Upsert>& upserts) {
  Writer writer;
  writer.text("{\"objects\":[");
  for (std::size_t i = 0; i < upserts.size(); ++i) {
    writer.item(i);
    writer.upsert(upserts[i].type, upserts[i].id, upserts[i].properties);
  }
  writer.text("]}");
  return writer.take();
}

Result<std::string> event_batch_body(const std::vector<Event>& events) {
  Writer writer;
  writer.text("{\"events\":[");
  for (std::size_t i = 0; i < events.size(); ++i) {
    writer.item(i);
    writer.event(events[i].event, events[i].objects, events[i].details);
  }
  writer.text("]}");
  return writer.take();
}

}  // namespace flowmyna::client
