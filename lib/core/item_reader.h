#pragma once

#include <simdjson.h>

#include <string_view>
#include <vector>

#include "core/decode.h"
#include "core/field_reader.h"
#include "core/operation.h"

namespace flowmyna {

/// Reads one item, an upsert or an event, of a parsed document. Fields that the API does not know
/// are checked as JSON and otherwise ignored, as the API does.
///
/// An error code is only given for what is not JSON. Otherwise `problems()` says why the item is
/// refused, and when it is empty, `operation()` is the item; both until the next one is read, and
/// as long as the document.
class ItemReader {
 public:
  /// `now` stamps an event that has no timestamp of its own.
  simdjson::error_code read(Kind kind, simdjson::ondemand::object object, const EventStamp& now);
  simdjson::error_code read(Kind kind, simdjson::ondemand::value& value, const EventStamp& now);
  /// For an item that is not an object.
  void refuse_type();

  const Problems& problems() const { return fields_.problems(); }
  const Operation& operation() const { return operation_; }

 private:
  struct ObjectFields {
    std::string_view type;
    std::string_view id;
    std::string_view qualifier;
    FieldReader::PropertiesRange properties;
  };

  void start();
  simdjson::error_code upsert(simdjson::ondemand::object object);
  simdjson::error_code event(simdjson::ondemand::object object, const EventStamp& now);
  simdjson::error_code event_objects(simdjson::ondemand::value& list);
  simdjson::error_code event_object(simdjson::ondemand::value& value);
  simdjson::error_code object_fields(simdjson::ondemand::object object, bool in_event,
                                     ObjectFields& out);
  void add_not_an_object();

  FieldReader fields_;
  Operation operation_;
  std::vector<ObjectFields> objects_;  // of the event
};

}  // namespace flowmyna
