#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stand_in/body.h"

namespace flowmyna::stand_in {

/// What the API keeps of one property: its unescaped name and its value as it was written.
struct StoredProperty {
  std::string name;
  std::string raw;
};

/// The properties of one object, sorted by name. An event refers to the state in which it found
/// an object by sharing that state: whoever changes an object copies the state first if anybody
/// else holds it. So history costs one copy per change after an event, not one per event.
using Properties = std::vector<StoredProperty>;
using SharedProperties = std::shared_ptr<Properties>;

struct UpsertResult {
  std::uint64_t object_number = 0;  ///< see object_uuid()
  bool created = false;
};

/// An object as an event named it.
struct EventObject {
  std::string type;
  std::string id;
  std::optional<std::string> qualifier;
  std::string inline_properties;  ///< JSON object; empty when the event carried none
  bool existed = false;
  SharedProperties found;  ///< before the event's own properties were merged; null: none
};

struct EventRecord {
  std::uint64_t number = 0;  ///< see event_uuid()
  std::string event;
  std::string timestamp;
  std::string properties;  ///< JSON object
  std::vector<EventObject> objects;
  std::shared_ptr<const std::string> idempotency_key;
};

struct WorldSize {
  std::uint64_t objects = 0;
  std::uint64_t events = 0;  ///< all that were recorded, with or without history
};

std::string object_uuid(std::uint64_t number);
std::string event_uuid(std::uint64_t number);

/// The dataset behind the API: objects, merged as documented, and the events in the order in which
/// they were applied. Thread-safe; one batch is applied under one lock.
class World {
 public:
  /// Without history events are counted, applied to their objects, and forgotten.
  explicit World(bool keep_history) : keep_history_(keep_history) {}

  /// Applies body.items[i] for each i of `order`, in that order; results[i] belongs to item i.
  void apply_upserts(const Body& body, std::span<const std::uint32_t> order,
                     std::vector<UpsertResult>& results);

  /// The same for events; numbers[i] is the number of item i's event. An event without a timestamp
  /// gets `now`.
  void apply_events(const Body& body, std::span<const std::uint32_t> order, std::string_view now,
                    const std::shared_ptr<const std::string>& idempotency_key,
                    std::vector<std::uint64_t>& numbers);

  WorldSize size() const;
  void clear();

  /// Which objects dump() shows, and the events that name one of them; empty: all.
  struct Filter {
    std::string type;
    std::string id;
  };

  /// The whole state as JSON. Objects are sorted by type and id, properties by name, and names are
  /// escaped in one way, so that equal states give equal text; values are as they were written.
  std::string dump(const Filter& filter) const;

 private:
  struct Object {
    std::uint64_t number = 0;
    SharedProperties properties;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class Value>
  using ByName = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

  Object* find(std::string_view type, std::string_view id);
  Object& create(std::string_view type, std::string_view id);
  void record(const Body& body, const Item& item, std::string_view now,
              const std::shared_ptr<const std::string>& idempotency_key, std::uint64_t number);

  const bool keep_history_;
  mutable std::mutex mutex_;
  ByName<ByName<Object>> objects_;  ///< by type, then by id
  std::vector<EventRecord> events_;
  std::uint64_t object_count_ = 0;
  std::uint64_t event_count_ = 0;
};

}  // namespace flowmyna::stand_in
