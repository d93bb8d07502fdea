#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::stand_in {

/// The four write endpoints differ only in the shape of their body.
enum class Shape { kObject, kObjectBatch, kEvent, kEventBatch };

inline bool is_batch(Shape shape) {
  return shape == Shape::kObjectBatch || shape == Shape::kEventBatch;
}
inline bool is_event(Shape shape) {
  return shape == Shape::kEvent || shape == Shape::kEventBatch;
}
/// The name under which a batch carries its items.
inline std::string_view list_name(Shape shape) {
  return is_event(shape) ? "events" : "objects";
}

enum class Kind : std::uint8_t { kAbsent, kNull, kBool, kNumber, kString, kArray, kObject };

/// A field that should be a string; `text` is its unescaped value when it is one.
struct TextField {
  Kind kind = Kind::kAbsent;
  bool lone_surrogate = false;
  std::string_view text;
};

/// One property: its unescaped name and the bytes of its value, as they were written.
struct Property {
  std::string_view name;
  std::string_view raw;
  bool is_null = false;
};

/// A run of entries in one of Body's tables.
struct Range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

struct PropertiesField {
  Kind kind = Kind::kAbsent;
  Range range;  ///< in Body::properties, duplicates included, in written order
};

/// An object that an event names.
struct NamedObject {
  Kind kind = Kind::kAbsent;
  TextField type;
  TextField id;
  TextField qualifier;
  PropertiesField properties;
};

/// An upsert or an event; which fields matter depends on the Shape.
struct Item {
  Kind kind = Kind::kAbsent;
  TextField type;
  TextField id;
  TextField event;
  TextField timestamp;
  PropertiesField properties;
  Kind objects_kind = Kind::kAbsent;
  Range objects;  ///< in Body::named_objects
};

/// A request body, read into flat tables whose views point into the body's text and into
/// `unescaped`; valid as long as both are. Reused from request to request to spare allocations.
struct Body {
  Kind root = Kind::kAbsent;
  Kind list = Kind::kAbsent;  ///< of the batch's list
  std::vector<Item> items;    ///< one for the single endpoints
  std::vector<NamedObject> named_objects;
  std::vector<Property> properties;
  std::deque<std::string> unescaped;

  void clear();
  std::span<const Property> properties_of(const PropertiesField& field) const {
    return std::span(properties)
        .subspan(field.range.begin, std::size_t{field.range.end} - field.range.begin);
  }
  std::span<const NamedObject> objects_of(const Item& item) const {
    return std::span(named_objects)
        .subspan(item.objects.begin, std::size_t{item.objects.end} - item.objects.begin);
  }
};

struct JsonProblem {
  std::size_t offset = 0;
  std::string message;
};

/// Reads request bodies with simdjson's on-demand parser. On-demand validates only what it is
/// asked for, so every value is walked, also those that mean nothing to the API. A tree of nodes
/// was rejected: it would convert numbers, and cost more than all the rest of a request.
/// Of two fields with one name the last wins. One reader is used by one thread.
class BodyReader {
 public:
  BodyReader();
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  /// Fills `body` from `json`, whose capacity is enlarged for the parser's padding.
  /// A JsonProblem: `json` is no JSON text. Whether the fields fit the schema is validate()'s
  /// concern.
  std::optional<JsonProblem> read(Shape shape, std::string& json, Body& body);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace flowmyna::stand_in
