#include "stand_in/match.h"

#include <algorithm>
#include <string_view>

#include "stand_in/request_log.h"

namespace flowmyna::stand_in {
namespace {

bool equals(const std::optional<std::string>& wanted, std::string_view text) {
  return !wanted || *wanted == text;
}

bool carries(const Match& match, const Body& body, const PropertiesField& field) {
  const auto properties = body.properties_of(field);
  return std::any_of(properties.begin(), properties.end(), [&match](const Property& property) {
    return equals(match.property, property.name) &&
           (!match.value || property.raw.find(*match.value) != std::string_view::npos);
  });
}

bool matches_event(const Match& match, const Body& body, const Item& item) {
  if (!equals(match.event, item.event.text)) return false;
  const bool wants_property = match.property || match.value;
  const bool itself_carries = wants_property && carries(match, body, item.properties);
  const auto objects = body.objects_of(item);
  return std::any_of(objects.begin(), objects.end(), [&](const NamedObject& object) {
    return equals(match.type, object.type.text) && equals(match.id, object.id.text) &&
           (!wants_property || itself_carries || carries(match, body, object.properties));
  });
}

/// Adds one text to what is hashed; the length before it keeps "ab","c" apart from "a","bc".
void append(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

void append(std::string& out, const Body& body, const PropertiesField& field) {
  for (const Property& property : body.properties_of(field)) {
    append(out, property.name);
    append(out, property.raw);
  }
}

}  // namespace

bool matches_item(const Match& match, Shape shape, const Body& body, const Item& item) {
  if (!match.about_items()) return true;
  if (is_event(shape)) return matches_event(match, body, item);
  const bool wants_property = match.property || match.value;
  return !match.event && equals(match.type, item.type.text) && equals(match.id, item.id.text) &&
         (!wants_property || carries(match, body, item.properties));
}

bool matches_request(const Match& match, const RequestFacts& facts) {
  if (match.items_over && facts.items() <= *match.items_over) return false;
  if (match.bytes_over && facts.bytes <= *match.bytes_over) return false;
  if (!match.about_items()) return true;
  if (!facts.shape || facts.body == nullptr) return false;
  const auto& items = facts.body->items;
  return std::any_of(items.begin(), items.end(), [&](const Item& item) {
    return matches_item(match, *facts.shape, *facts.body, item);
  });
}

std::uint64_t identity_of(Shape shape, const Body& body, const Item& item) {
  std::string text;
  if (!is_event(shape)) {
    append(text, item.type.text);
    append(text, item.id.text);
    return hash_of(text);
  }
  append(text, item.event.text);
  append(text, item.timestamp.text);
  append(text, body, item.properties);
  for (const NamedObject& object : body.objects_of(item)) {
    append(text, object.type.text);
    append(text, object.id.text);
    append(text, body, object.properties);
  }
  return hash_of(text);
}

std::string name_of(Shape shape, const Item& item) {
  if (is_event(shape)) return std::string(item.event.text);
  return std::string(item.type.text) + "/" + std::string(item.id.text);
}

}  // namespace flowmyna::stand_in
