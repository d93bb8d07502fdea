#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "stand_in/body.h"

namespace flowmyna::stand_in {

/// What a rule makes of the body of a request: nothing, unless it is about items or sizes.
struct Match {
  // Of an item; an absent field matches any.
  std::optional<std::string> type;      ///< of the upsert's object, or of one that an event names
  std::optional<std::string> id;        ///< of the same object
  std::optional<std::string> event;     ///< the event's name
  std::optional<std::string> property;  ///< a name among the properties that the item carries
  std::optional<std::string> value;  ///< a piece of the value as written, of that property or any
  // Of the request.
  std::optional<std::uint64_t> items_over;
  std::optional<std::uint64_t> bytes_over;

  bool about_items() const { return type || id || event || property || value; }
  bool about_anything() const { return about_items() || items_over || bytes_over; }
};

/// What can be told of a request once it is there in whole.
struct RequestFacts {
  std::optional<Shape> shape;  ///< absent: no write endpoint
  const Body* body = nullptr;  ///< null: it is no JSON, or there is none
  std::size_t bytes = 0;

  std::size_t items() const { return body == nullptr ? 0 : body->items.size(); }
};

/// Whether the item is one that `match` is about; always, when it names nothing of an item.
bool matches_item(const Match& match, Shape shape, const Body& body, const Item& item);

/// Whether the request is as large as `match` wants, and, when it is about items, one of them fits.
bool matches_request(const Match& match, const RequestFacts& facts);

/// Equal for an item that is sent again, and for upserts of one object.
std::uint64_t identity_of(Shape shape, const Body& body, const Item& item);

/// `Order/ORD-1`, or the event's name.
std::string name_of(Shape shape, const Item& item);

}  // namespace flowmyna::stand_in
