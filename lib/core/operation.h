#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/patch.h"

namespace flowmyna {

enum class Kind : std::uint8_t { kUpsert = 1, kEvent = 2 };

/// For arrays with an element a kind.
inline constexpr std::size_t kKinds = 2;
inline constexpr std::array<Kind, kKinds> kAllKinds{Kind::kUpsert, Kind::kEvent};
constexpr std::size_t index_of(Kind kind) {
  return kind == Kind::kUpsert ? 0 : 1;
}

/// An object as the API identifies it. Both are insides of JSON strings in canonical escaping.
struct ObjectKey {
  std::string_view type;
  std::string_view id;
  bool operator==(const ObjectKey&) const = default;
};

struct ObjectKeyHash {
  std::size_t operator()(const ObjectKey& key) const noexcept {
    const std::hash<std::string_view> hash;
    return hash(key.id) * 31 + hash(key.type);
  }
};

/// One object that an event names; it writes the object when it carries properties.
struct EventObject {
  ObjectKey key;
  std::string_view qualifier;  ///< empty when absent
  PropertiesView properties;
  bool writes() const { return !properties.empty(); }
};

/// One accepted operation, read from its stored form without a copy: every view points into the
/// bytes it was parsed from, strings in canonical escaping, values as written.
///
/// The stored form is what the outbox keeps a month of on a small device, so it is binary and holds
/// each string once; JSON was rejected because planning would have to parse it again:
///
///     upsert: 1 type id (name value)*
///     event:  2 flags [boot[8] boot-ms] name timestamp count
///             (type id qualifier length (name value)*){count} (name value)*
///
/// with every string length-prefixed by a varint, flags one byte, count and length varints.
/// Flags: 1 the timestamp is the agent's own acceptance time, not the application's; 2 besides, the
/// wall clock was not synchronised, and a boot stamp follows: the boot's id, little-endian, and the
/// boot clock in milliseconds, a varint.
struct Operation {
  Kind kind = Kind::kUpsert;
  ObjectKey object;                  ///< upsert only
  bool is_stamped_here = false;      ///< event only: the timestamp is the agent's, of acceptance
  std::optional<BootStamp> boot;     ///< the same moment, while the clock was not synchronised
  std::string_view name;             ///< event only
  std::string_view timestamp;        ///< event only
  std::vector<EventObject> objects;  ///< event only
  PropertiesView properties;
  std::size_t stored_size = 0;  ///< bytes of the stored form it was parsed from

  /// Nothing when the bytes are not an operation (damaged, or of a later format).
  static std::optional<Operation> parse(std::string_view stored);

  /// Appends the stored form.
  void encode(std::string& out) const;

  /// Appends the operation as the API takes it as an item of a batch.
  void append_json(std::string& out) const;
  /// An upper bound of what append_json() appends, and of what an upsert adds to one that it is
  /// merged into. For an operation that was parsed.
  std::size_t json_bytes_max() const;
};

/// Of an operation in its stored form, without reading the rest of it: the object of an upsert, and
/// the boot stamp of an event.
std::optional<ObjectKey> upsert_key_of(std::string_view stored);
std::optional<BootStamp> boot_stamp_of(std::string_view stored);

/// Appends `{"type":…,"id":…,"properties":{…}}`; properties are left out when there are none.
void append_upsert_json(std::string& out, const ObjectKey& key,
                        std::span<const Property> properties);

}  // namespace flowmyna
