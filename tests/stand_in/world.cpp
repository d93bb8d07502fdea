#include "stand_in/world.h"

#include <algorithm>
#include <array>

#include "stand_in/json_text.h"

namespace flowmyna::stand_in {
namespace {

bool by_name(const StoredProperty& left, const StoredProperty& right) {
  return left.name < right.name;
}

/// A UUID of version 4 that is a pure function of its number, and so the same in every run.
std::string uuid_of(std::uint64_t number, std::uint64_t salt) {
  const auto mix = [](std::uint64_t x) {  // splitmix64: one to one, so numbers never collide
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  };
  const std::array words = {mix(number ^ salt), mix(~number ^ salt)};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text += '-';
    auto digit = (words[nibble / 16] >> (60 - 4 * (nibble % 16))) & 0xF;
    if (nibble == 12) digit = 4;
    if (nibble == 16) digit = 8 | (digit & 3);
    text += kHex[digit];
  }
  return text;
}

/// Sets one property that exists, or says that it does not.
bool replace(Properties& properties, const Property& change) {
  const auto at = std::lower_bound(
      properties.begin(), properties.end(), change.name,
      [](const StoredProperty& left, std::string_view name) { return left.name < name; });
  if (at == properties.end() || at->name != change.name) return false;
  at->raw = change.raw;
  return true;
}

/// Adds what is new in one sorted pass, so that a large object costs no quadratic work. Of two
/// additions with one name the later stays.
void add(Properties& properties, std::span<const Property> additions) {
  const auto old_size = static_cast<std::ptrdiff_t>(properties.size());
  for (const Property& addition : additions) {
    properties.push_back({std::string(addition.name), std::string(addition.raw)});
  }
  const auto middle = properties.begin() + old_size;
  std::stable_sort(middle, properties.end(), by_name);
  std::inplace_merge(properties.begin(), middle, properties.end(), by_name);
  const auto same = [](const StoredProperty& left, const StoredProperty& right) {
    return left.name == right.name;
  };
  // unique() keeps the first of equals, so it runs from the back.
  const auto kept = std::unique(properties.rbegin(), properties.rend(), same);
  properties.erase(properties.begin(), kept.base());
}

/// Property by property, in written order, a null removing what it names.
void merge(SharedProperties& shared, std::span<const Property> changes) {
  if (changes.empty()) return;
  if (!shared) shared = std::make_shared<Properties>();
  if (shared.use_count() > 1) shared = std::make_shared<Properties>(*shared);
  std::vector<Property> additions;
  bool removed = false;
  for (const Property& change : changes) {
    if (replace(*shared, change)) {
      removed = removed || change.is_null;
    } else {
      additions.push_back(change);
      removed = removed || change.is_null;
    }
  }
  if (!additions.empty()) add(*shared, additions);
  if (!removed) return;
  std::erase_if(*shared, [](const StoredProperty& property) { return property.raw == "null"; });
}

/// What an event carries: one entry a name, sorted by name, nulls kept.
std::string canonical(std::span<const Property> written) {
  std::vector<Property> sorted(written.begin(), written.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Property& left, const Property& right) {
    return left.name < right.name;
  });
  std::string out = "{";
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i + 1 < sorted.size() && sorted[i + 1].name == sorted[i].name) continue;
    if (out.size() > 1) out += ',';
    append_quoted(out, sorted[i].name);
    out += ':';
    out += sorted[i].raw;
  }
  out += '}';
  return out;
}

}  // namespace

std::string object_uuid(std::uint64_t number) {
  return uuid_of(number, 0x6F626A6563740000U);
}
std::string event_uuid(std::uint64_t number) {
  return uuid_of(number, 0x6576656E74000000U);
}

World::Object* World::find(std::string_view type, std::string_view id) {
  const auto of_type = objects_.find(type);
  if (of_type == objects_.end()) return nullptr;
  const auto object = of_type->second.find(id);
  return object == of_type->second.end() ? nullptr : &object->second;
}

World::Object& World::create(std::string_view type, std::string_view id) {
  auto of_type = objects_.find(type);
  if (of_type == objects_.end()) of_type = objects_.try_emplace(std::string(type)).first;
  return of_type->second.try_emplace(std::string(id), Object{++object_count_, nullptr})
      .first->second;
}

void World::apply_upserts(const Body& body, std::span<const std::uint32_t> order,
                          std::vector<UpsertResult>& results) {
  results.assign(body.items.size(), {});
  const std::lock_guard lock(mutex_);
  for (const std::uint32_t index : order) {
    const Item& item = body.items[index];
    Object* object = find(item.type.text, item.id.text);
    const bool created = object == nullptr;
    if (created) object = &create(item.type.text, item.id.text);
    merge(object->properties, body.properties_of(item.properties));
    results[index] = {object->number, created};
  }
}

void World::apply_events(const Body& body, std::span<const std::uint32_t> order,
                         std::string_view now,
                         const std::shared_ptr<const std::string>& idempotency_key,
                         std::vector<std::uint64_t>& numbers) {
  numbers.assign(body.items.size(), 0);
  const std::lock_guard lock(mutex_);
  for (const std::uint32_t index : order) {
    const Item& item = body.items[index];
    numbers[index] = ++event_count_;
    if (keep_history_) record(body, item, now, idempotency_key, event_count_);
    for (const NamedObject& named : body.objects_of(item)) {
      Object* object = find(named.type.text, named.id.text);
      if (object == nullptr) object = &create(named.type.text, named.id.text);
      merge(object->properties, body.properties_of(named.properties));
    }
  }
}

void World::record(const Body& body, const Item& item, std::string_view now,
                   const std::shared_ptr<const std::string>& idempotency_key,
                   std::uint64_t number) {
  EventRecord event;
  event.number = number;
  event.event = item.event.text;
  event.timestamp = item.timestamp.kind == Kind::kString ? item.timestamp.text : now;
  event.properties = canonical(body.properties_of(item.properties));
  event.idempotency_key = idempotency_key;
  for (const NamedObject& named : body.objects_of(item)) {
    EventObject& seen = event.objects.emplace_back();
    seen.type = named.type.text;
    seen.id = named.id.text;
    if (named.qualifier.kind == Kind::kString) seen.qualifier = named.qualifier.text;
    const auto carried = body.properties_of(named.properties);
    if (!carried.empty()) seen.inline_properties = canonical(carried);
    const Object* object = find(named.type.text, named.id.text);
    seen.existed = object != nullptr;
    if (object != nullptr) seen.found = object->properties;
  }
  events_.push_back(std::move(event));
}

WorldSize World::size() const {
  const std::lock_guard lock(mutex_);
  return {object_count_, event_count_};
}

void World::clear() {
  const std::lock_guard lock(mutex_);
  objects_.clear();
  events_.clear();
  object_count_ = 0;
  event_count_ = 0;
}

}  // namespace flowmyna::stand_in
