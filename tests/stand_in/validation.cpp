#include "stand_in/validation.h"

#include <array>
#include <limits>

#include "stand_in/json_text.h"

namespace flowmyna::stand_in {
namespace {

// Limits of the API's page.
constexpr std::size_t kTypeMax = 100;
constexpr std::size_t kIdMax = 500;
constexpr std::size_t kEventMax = 200;
constexpr std::size_t kQualifierMax = 100;

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
constexpr std::string_view kNotAnObject =
    "Input should be a valid dictionary or object to extract fields from";

/// Where in the body a check looks; written out only when it fails.
struct Place {
  std::string_view list;          ///< "objects" or "events" of a batch, else empty
  std::size_t item = kNowhere;    ///< index in that list
  std::size_t object = kNowhere;  ///< index in an event's own "objects"
};

class Problems {
 public:
  void add(const Place& place, std::string_view field, std::string_view message,
           std::string_view type) {
    text_ += text_.empty() ? "[" : ",";
    text_ += R"({"loc":["body")";
    if (!place.list.empty()) name(place.list);
    if (place.item != kNowhere) number(place.item);
    if (place.object != kNowhere) {
      name("objects");
      number(place.object);
    }
    if (!field.empty()) name(field);
    text_ += R"(],"msg":)";
    append_quoted(text_, message);
    text_ += R"(,"type":)";
    append_quoted(text_, type);
    text_ += '}';
  }

  std::string finish() && {
    if (!text_.empty()) text_ += ']';
    return std::move(text_);
  }

 private:
  void name(std::string_view value) {
    text_ += ',';
    append_quoted(text_, value);
  }
  void number(std::size_t value) { text_ += "," + std::to_string(value); }

  std::string text_;
};

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

void check_string(Problems& problems, const Place& place, std::string_view name,
                  const TextField& field, std::size_t length_max) {
  if (field.kind == Kind::kAbsent) {
    problems.add(place, name, "Field required", "missing");
  } else if (field.kind != Kind::kString) {
    problems.add(place, name, "Input should be a valid string", "string_type");
  } else if (field.lone_surrogate) {
    problems.add(place, name,
                 "Input should be a valid string, unable to parse raw data as a unicode string",
                 "string_unicode");
  } else if (field.text.empty()) {
    problems.add(place, name, "String should have at least 1 character", "string_too_short");
  } else if (field.text.size() > length_max && count_characters(field.text) > length_max) {
    problems.add(place, name, "String should have at most " + counted(length_max, "character"),
                 "string_too_long");
  }
}

void check_optional_string(Problems& problems, const Place& place, std::string_view name,
                           const TextField& field, std::size_t length_max) {
  if (field.kind == Kind::kAbsent || field.kind == Kind::kNull) return;
  check_string(problems, place, name, field, length_max);
}

void check_properties(Problems& problems, const Place& place, const PropertiesField& field) {
  if (field.kind == Kind::kAbsent || field.kind == Kind::kNull || field.kind == Kind::kObject) {
    return;
  }
  problems.add(place, "properties", "Input should be a valid dictionary", "dict_type");
}

void check_timestamp(Problems& problems, const Place& place, const TextField& field) {
  if (field.kind == Kind::kAbsent || field.kind == Kind::kNull) return;
  if (field.kind != Kind::kString) {
    problems.add(place, "timestamp", "Input should be a valid datetime", "datetime_type");
  } else if (!is_iso8601(field.text)) {
    problems.add(place, "timestamp", "Input should be a valid datetime, invalid ISO 8601 text",
                 "datetime_parsing");
  }
}

void check_upsert(Problems& problems, const Place& place, const Item& item) {
  check_string(problems, place, "type", item.type, kTypeMax);
  check_string(problems, place, "id", item.id, kIdMax);
  check_properties(problems, place, item.properties);
}

void check_named_object(Problems& problems, const Place& place, const NamedObject& object) {
  if (object.kind != Kind::kObject) {
    problems.add(place, "", kNotAnObject, "model_attributes_type");
    return;
  }
  check_string(problems, place, "type", object.type, kTypeMax);
  check_string(problems, place, "id", object.id, kIdMax);
  check_optional_string(problems, place, "qualifier", object.qualifier, kQualifierMax);
  check_properties(problems, place, object.properties);
}

/// False when the list itself is at fault, so that its elements need no look.
bool check_list(Problems& problems, const Place& place, std::string_view name, Kind kind,
                std::size_t size, std::size_t size_max) {
  if (kind == Kind::kAbsent) {
    problems.add(place, name, "Field required", "missing");
  } else if (kind != Kind::kArray) {
    problems.add(place, name, "Input should be a valid list", "list_type");
  } else if (size == 0) {
    problems.add(place, name, "List should have at least 1 item after validation, not 0",
                 "too_short");
  } else if (size > size_max) {
    problems.add(place, name,
                 "List should have at most " + counted(size_max, "item") +
                     " after validation, not " + std::to_string(size),
                 "too_long");
  } else {
    return true;
  }
  return false;
}

void check_event(Problems& problems, const Place& place, const Body& body, const Item& item) {
  check_string(problems, place, "event", item.event, kEventMax);
  const auto objects = body.objects_of(item);
  if (check_list(problems, place, "objects", item.objects_kind, objects.size(), kNowhere)) {
    for (std::size_t i = 0; i < objects.size(); ++i) {
      check_named_object(problems, {place.list, place.item, i}, objects[i]);
    }
  }
  check_timestamp(problems, place, item.timestamp);
  check_properties(problems, place, item.properties);
}

void check_item(Problems& problems, const Place& place, Shape shape, const Body& body,
                const Item& item) {
  if (item.kind != Kind::kObject) {
    problems.add(place, "", kNotAnObject, "model_attributes_type");
  } else if (is_event(shape)) {
    check_event(problems, place, body, item);
  } else {
    check_upsert(problems, place, item);
  }
}

/// Reads numbers off the front of a text.
class Digits {
 public:
  explicit Digits(std::string_view text) : rest_(text) {}

  /// Exactly `count` digits with a value in [low, high]; -1 when they are not there.
  int take(std::size_t count, int low, int high) {
    if (rest_.size() < count) return -1;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value >= low && value <= high ? value : -1;
  }
  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_run() {
    const std::size_t count = rest_.find_first_not_of("0123456789");
    const std::size_t length = count == std::string_view::npos ? rest_.size() : count;
    rest_.remove_prefix(length);
    return length > 0;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

int days_in(int year, int month) {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

bool take_date(Digits& text) {
  const int year = text.take(4, 1, 9999);
  if (year < 0 || !text.skip("-")) return false;
  const int month = text.take(2, 1, 12);
  return month > 0 && text.skip("-") && text.take(2, 1, days_in(year, month)) > 0;
}

bool take_time(Digits& text) {
  if (text.take(2, 0, 23) < 0 || !text.skip(":") || text.take(2, 0, 59) < 0) return false;
  if (!text.skip(":")) return true;
  if (text.take(2, 0, 59) < 0) return false;
  return !text.skip(".,") || text.skip_run();
}

bool take_zone(Digits& text) {
  if (text.done() || text.skip("Zz")) return true;
  if (!text.skip("+-") || text.take(2, 0, 23) < 0) return false;
  if (text.done()) return true;
  text.skip(":");
  return text.take(2, 0, 59) >= 0;
}

}  // namespace

std::string validate(Shape shape, const Body& body, std::size_t items_max) {
  Problems problems;
  if (body.root == Kind::kNull) {
    problems.add({}, "", "Field required", "missing");
  } else if (body.root != Kind::kObject) {
    problems.add({}, "", kNotAnObject, "model_attributes_type");
  } else if (!is_batch(shape)) {
    check_item(problems, {}, shape, body, body.items.front());
  } else if (check_list(problems, {}, list_name(shape), body.list, body.items.size(), items_max)) {
    for (std::size_t i = 0; i < body.items.size(); ++i) {
      check_item(problems, {list_name(shape), i, kNowhere}, shape, body, body.items[i]);
    }
  }
  return std::move(problems).finish();
}

std::string problem_with_body(std::string_view message, std::string_view type) {
  Problems problems;
  problems.add({}, "", message, type);
  return std::move(problems).finish();
}

std::string problem_with_item(Shape shape, std::size_t index, std::string_view message,
                              std::string_view type) {
  Problems problems;
  problems.add(is_batch(shape) ? Place{list_name(shape), index, kNowhere} : Place{}, "", message,
               type);
  return std::move(problems).finish();
}

bool is_iso8601(std::string_view text) {
  Digits digits(text);
  if (!take_date(digits)) return false;
  if (digits.done()) return true;
  return digits.skip("Tt ") && take_time(digits) && take_zone(digits) && digits.done();
}

}  // namespace flowmyna::stand_in
