#include "core/operation.h"

#include "core/bytes.h"

namespace flowmyna {
namespace {

// The least that one object of an event takes: four empty strings.
constexpr std::size_t kEventObjectMinBytes = 4;

constexpr std::uint8_t kStampedHere = 1;
constexpr std::uint8_t kClockUnsynced = 2;

std::uint8_t flags_of(const Operation& event) {
  if (!event.is_stamped_here) return 0;
  return event.boot ? kStampedHere | kClockUnsynced : kStampedHere;
}

/// What an event begins with. False for flags that are not this format's: an application's own
/// timestamp has no boot stamp.
bool parse_stamps(ByteReader& reader, bool& is_stamped_here, std::optional<BootStamp>& boot) {
  const auto flags = reader.byte();
  if (!flags) return false;
  is_stamped_here = *flags != 0;
  if (*flags == 0 || *flags == kStampedHere) return true;
  if (*flags != (kStampedHere | kClockUnsynced)) return false;
  const auto id = reader.fixed64();
  const auto at = reader.varint();
  if (!id || !at) return false;
  boot = {*id, BootTime(static_cast<std::int64_t>(*at))};
  return true;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.push_back('"');
  out.append(name);
  out.append("\":\"");
  out.append(text);
  out.push_back('"');
}

template <class Properties>
void append_properties(std::string& out, const Properties& properties) {
  if (properties.empty()) return;
  out.append(",\"properties\":");
  append_json_object(out, properties);
}

std::optional<EventObject> parse_object(ByteReader& reader) {
  const auto type = reader.string();
  const auto id = reader.string();
  const auto qualifier = reader.string();
  const auto properties = reader.string();
  if (!type || !id || !qualifier || !properties) return std::nullopt;
  if (!PropertiesView::valid(*properties)) return std::nullopt;
  return EventObject{{*type, *id}, *qualifier, PropertiesView(*properties)};
}

bool parse_event(ByteReader& reader, Operation& operation) {
  if (!parse_stamps(reader, operation.is_stamped_here, operation.boot)) return false;
  const auto name = reader.string();
  const auto timestamp = reader.string();
  const auto count = reader.varint();
  if (!name || !timestamp || !count) return false;
  if (*count > reader.rest().size() / kEventObjectMinBytes) return false;
  operation.name = *name;
  operation.timestamp = *timestamp;
  operation.objects.reserve(*count);
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto object = parse_object(reader);
    if (!object) return false;
    operation.objects.push_back(*object);
  }
  return true;
}

}  // namespace

std::optional<Operation> Operation::parse(std::string_view stored) {
  ByteReader reader(stored);
  Operation operation;
  const auto kind = reader.byte();
  if (kind == static_cast<std::uint8_t>(Kind::kUpsert)) {
    const auto type = reader.string();
    const auto id = reader.string();
    if (!type || !id) return std::nullopt;
    operation.object = {*type, *id};
  } else if (kind == static_cast<std::uint8_t>(Kind::kEvent)) {
    operation.kind = Kind::kEvent;
    if (!parse_event(reader, operation)) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!PropertiesView::valid(reader.rest())) return std::nullopt;
  operation.properties = PropertiesView(reader.rest());
  operation.stored_size = stored.size();
  return operation;
}

void Operation::encode(std::string& out) const {
  out.push_back(static_cast<char>(kind));
  if (kind == Kind::kUpsert) {
    put_string(out, object.type);
    put_string(out, object.id);
  } else {
    const std::uint8_t flags = flags_of(*this);
    out.push_back(static_cast<char>(flags));
    if ((flags & kClockUnsynced) != 0) {
      put_fixed64(out, boot->boot);
      put_varint(out, static_cast<std::uint64_t>(boot->at.count()));
    }
    put_string(out, name);
    put_string(out, timestamp);
    put_varint(out, objects.size());
    for (const auto& named : objects) {
      put_string(out, named.key.type);
      put_string(out, named.key.id);
      put_string(out, named.qualifier);
      put_string(out, named.properties.encoded());
    }
  }
  out.append(properties.encoded());
}

void Operation::append_json(std::string& out) const {
  out.push_back('{');
  if (kind == Kind::kUpsert) {
    append_member(out, "type", object.type);
    out.push_back(',');
    append_member(out, "id", object.id);
  } else {
    append_member(out, "event", name);
    out.append(",\"objects\":[");
    for (const auto& named : objects) {
      if (&named != &objects.front()) out.push_back(',');
      out.push_back('{');
      append_member(out, "type", named.key.type);
      out.push_back(',');
      append_member(out, "id", named.key.id);
      if (!named.qualifier.empty()) {
        out.push_back(',');
        append_member(out, "qualifier", named.qualifier);
      }
      append_properties(out, named.properties);
      out.push_back('}');
    }
    out.append("],");
    append_member(out, "timestamp", timestamp);
  }
  append_properties(out, properties);
  out.push_back('}');
}

// What append_json() puts around the strings of an operation, and around those of an object that an
// event names, with all that may be absent. The stored form holds the same strings and nothing of
// this.
constexpr std::size_t kJsonFrame =
    std::string_view(R"({"event":"","objects":[],"timestamp":"","properties":{}})").size();
constexpr std::size_t kObjectFrame =
    std::string_view(R"({"type":"","id":"","qualifier":"","properties":{}},)").size();

std::size_t Operation::json_bytes_max() const {
  const auto frames_of = [](PropertiesView some) {
    std::size_t bytes = 0;
    for ([[maybe_unused]] const Property& property : some) bytes += kJsonPropertyFrame;
    return bytes;
  };
  std::size_t bytes = stored_size + kJsonFrame + frames_of(properties);
  for (const EventObject& named : objects) bytes += kObjectFrame + frames_of(named.properties);
  return bytes;
}

std::optional<ObjectKey> upsert_key_of(std::string_view stored) {
  ByteReader reader(stored);
  if (reader.byte() != static_cast<std::uint8_t>(Kind::kUpsert)) return std::nullopt;
  const auto type = reader.string();
  const auto id = reader.string();
  if (!type || !id) return std::nullopt;
  return ObjectKey{*type, *id};
}

std::optional<BootStamp> boot_stamp_of(std::string_view stored) {
  ByteReader reader(stored);
  bool is_stamped_here = false;
  std::optional<BootStamp> boot;
  if (reader.byte() != static_cast<std::uint8_t>(Kind::kEvent)) return std::nullopt;
  if (!parse_stamps(reader, is_stamped_here, boot)) return std::nullopt;
  return boot;
}

void append_upsert_json(std::string& out, const ObjectKey& key,
                        std::span<const Property> properties) {
  out.push_back('{');
  append_member(out, "type", key.type);
  out.push_back(',');
  append_member(out, "id", key.id);
  append_properties(out, properties);
  out.push_back('}');
}

}  // namespace flowmyna
