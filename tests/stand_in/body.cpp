#include "stand_in/body.h"

#include <simdjson.h>

#include "stand_in/json_text.h"

namespace flowmyna::stand_in {
namespace {

namespace ondemand = simdjson::ondemand;

/// Nesting that is still read; deeper than any real payload, and safe for the recursion.
constexpr int kDepthMax = 900;

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trim_end(std::string_view token) {
  const std::size_t last = token.find_last_not_of(kBlank);
  return last == std::string_view::npos ? std::string_view() : token.substr(0, last + 1);
}

Kind kind_of_scalar(std::string_view token) {
  if (token == "null") return Kind::kNull;
  if (token == "true" || token == "false") return Kind::kBool;
  if (is_number(token)) return Kind::kNumber;
  if (token.size() < 2 || token.front() != '"') return Kind::kAbsent;
  const auto string = scan_string(token.data() + 1, token.data() + token.size());
  const bool whole = string && string->content.size() + 2 == token.size();
  return whole ? Kind::kString : Kind::kAbsent;
}

/// One pass over one document. Every member returns false when the text is no JSON; the reason is
/// then in message().
class Walk {
 public:
  Walk(Shape shape, ondemand::document& document, std::string_view json, Body& body)
      : shape_(shape), document_(document), json_(json), body_(body) {}

  bool root() {
    const std::size_t first = json_.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return fail("Expecting value");
    if (json_[first] == '{') {
      ondemand::object object;
      if (document_.get_object().get(object)) return fail("Expecting value");
      body_.root = Kind::kObject;
      return (is_batch(shape_) ? batch(object) : single(object)) && ended();
    }
    if (json_[first] == '[') {
      ondemand::array array;
      if (document_.get_array().get(array)) return fail("Expecting value");
      body_.root = Kind::kArray;
      return elements(array, 1) && ended();
    }
    body_.root = kind_of_scalar(trim_end(json_.substr(first)));
    return body_.root != Kind::kAbsent || fail("Expecting value");
  }

  const std::string& message() const { return message_; }

 private:
  bool fail(const char* message) {
    if (message_.empty()) message_ = message;
    return false;
  }

  bool ended() {
    const char* rest = nullptr;
    if (document_.current_location().get(rest) == simdjson::OUT_OF_BOUNDS) return true;
    return fail("Extra data");
  }

  /// Calls `on_field(name, value)` for each field; the callee walks the value.
  template <class OnField>
  bool fields(ondemand::object& object, OnField on_field) {
    for (auto result : object) {
      ondemand::field field;
      if (std::move(result).get(field)) return fail("Expecting property name or ',' delimiter");
      const auto key = scan_string(field.key().raw(), json_.data() + json_.size());
      if (!key) return fail("Invalid property name");
      bool surrogate = false;
      if (!on_field(text_of(*key, surrogate), field.value())) return false;
    }
    return true;
  }

  bool batch(ondemand::object& object) {
    return fields(object, [this](std::string_view name, ondemand::value& value) {
      if (name != list_name(shape_)) return skip(value, 1);
      body_.items.clear();
      return list(value, body_.list, [this](ondemand::value& element) {
        return item(element, body_.items.emplace_back());
      });
    });
  }

  bool single(ondemand::object& object) {
    Item& only = body_.items.emplace_back();
    only.kind = Kind::kObject;
    return item_fields(object, only);
  }

  bool item(ondemand::value& value, Item& out) {
    if (!kind(value, out.kind)) return false;
    if (out.kind != Kind::kObject) return skip(value, 2);
    ondemand::object object;
    if (value.get_object().get(object)) return fail("Expecting value");
    return item_fields(object, out);
  }

  bool item_fields(ondemand::object& object, Item& out) {
    return fields(object, [this, &out](std::string_view name, ondemand::value& value) {
      if (name == "properties") return properties(value, out.properties);
      if (!is_event(shape_)) {
        if (name == "type") return text(value, out.type);
        if (name == "id") return text(value, out.id);
        return skip(value, 3);
      }
      if (name == "event") return text(value, out.event);
      if (name == "timestamp") return text(value, out.timestamp);
      if (name == "objects") return named_objects(value, out);
      return skip(value, 3);
    });
  }

  bool named_objects(ondemand::value& value, Item& out) {
    out.objects.begin = static_cast<std::uint32_t>(body_.named_objects.size());
    const bool walked = list(value, out.objects_kind, [this](ondemand::value& element) {
      return named_object(element, body_.named_objects.emplace_back());
    });
    out.objects.end = static_cast<std::uint32_t>(body_.named_objects.size());
    return walked;
  }

  bool named_object(ondemand::value& value, NamedObject& out) {
    if (!kind(value, out.kind)) return false;
    if (out.kind != Kind::kObject) return skip(value, 5);
    ondemand::object object;
    if (value.get_object().get(object)) return fail("Expecting value");
    return fields(object, [this, &out](std::string_view name, ondemand::value& field) {
      if (name == "type") return text(field, out.type);
      if (name == "id") return text(field, out.id);
      if (name == "qualifier") return text(field, out.qualifier);
      if (name == "properties") return properties(field, out.properties);
      return skip(field, 6);
    });
  }

  template <class OnElement>
  bool list(ondemand::value& value, Kind& list_kind, OnElement on_element) {
    if (!kind(value, list_kind)) return false;
    if (list_kind != Kind::kArray) return skip(value, 2);
    ondemand::array array;
    if (value.get_array().get(array)) return fail("Expecting value");
    for (auto result : array) {
      if (result.error()) return fail("Expecting ',' delimiter");
      ondemand::value element = result.value_unsafe();
      if (!on_element(element)) return false;
    }
    return true;
  }

  bool properties(ondemand::value& value, PropertiesField& out) {
    if (!kind(value, out.kind)) return false;
    out.range.begin = static_cast<std::uint32_t>(body_.properties.size());
    out.range.end = out.range.begin;
    if (out.kind != Kind::kObject) return skip(value, 3);
    ondemand::object object;
    if (value.get_object().get(object)) return fail("Expecting value");
    const bool walked = fields(object, [this](std::string_view name, ondemand::value& field) {
      std::string_view raw;
      if (!skip(field, 4, &raw)) return false;
      body_.properties.push_back({name, raw, raw == "null"});
      return true;
    });
    out.range.end = static_cast<std::uint32_t>(body_.properties.size());
    return walked;
  }

  bool text(ondemand::value& value, TextField& out) {
    out = TextField();
    std::string_view raw;
    if (!kind(value, out.kind) || !skip(value, 3, &raw)) return false;
    if (out.kind != Kind::kString) return true;
    const auto string = scan_string(raw.data() + 1, raw.data() + raw.size());
    out.text = text_of(*string, out.lone_surrogate);
    return true;
  }

  std::string_view text_of(const JsonString& string, bool& lone_surrogate) {
    if (!string.escaped) return string.content;
    Unescaped plain = unescape(string.content);
    lone_surrogate = plain.lone_surrogate;
    return body_.unescaped.emplace_back(std::move(plain.text));
  }

  bool token_of(ondemand::value& value, std::string_view& token) {
    token = trim_end(value.raw_json_token());
    return !token.empty() || fail("Expecting value");
  }

  bool kind(ondemand::value& value, Kind& out) {
    std::string_view token;
    if (!token_of(value, token)) return false;
    if (token.front() == '{') {
      out = Kind::kObject;
    } else if (token.front() == '[') {
      out = Kind::kArray;
    } else {
      out = kind_of_scalar(token);
    }
    return out != Kind::kAbsent || fail("Expecting value");
  }

  /// Walks any value to its end, validating it; `raw` receives its bytes.
  bool skip(ondemand::value& value, int depth, std::string_view* raw = nullptr) {
    if (depth > kDepthMax) return fail("Nested too deeply");
    std::string_view token;
    if (!token_of(value, token)) return false;
    if (token.front() != '{' && token.front() != '[') {
      if (raw != nullptr) *raw = token;
      // A string must be consumed: on-demand would take an unread one before a ':' for a key.
      ondemand::raw_json_string consumed;
      if (token.front() == '"' && value.get_raw_json_string().get(consumed)) {
        return fail("Expecting value");
      }
      return kind_of_scalar(token) != Kind::kAbsent || fail("Expecting value");
    }
    if (!(token.front() == '{' ? walk_object(value, depth) : walk_array(value, depth))) {
      return false;
    }
    const char* next = nullptr;
    if (document_.current_location().get(next)) return fail("Expecting ',' delimiter");
    if (raw != nullptr) {
      *raw = trim_end({token.data(), static_cast<std::size_t>(next - token.data())});
    }
    return true;
  }

  bool walk_object(ondemand::value& value, int depth) {
    ondemand::object object;
    if (value.get_object().get(object)) return fail("Expecting value");
    for (auto result : object) {
      ondemand::field field;
      if (std::move(result).get(field)) return fail("Expecting property name or ',' delimiter");
      if (!scan_string(field.key().raw(), json_.data() + json_.size())) {
        return fail("Invalid property name");
      }
      if (!skip(field.value(), depth + 1)) return false;
    }
    return true;
  }

  bool walk_array(ondemand::value& value, int depth) {
    ondemand::array array;
    if (value.get_array().get(array)) return fail("Expecting value");
    return elements(array, depth);
  }

  bool elements(ondemand::array& array, int depth) {
    for (auto result : array) {
      if (result.error()) return fail("Expecting ',' delimiter");
      ondemand::value element = result.value_unsafe();
      if (!skip(element, depth + 1)) return false;
    }
    return true;
  }

  Shape shape_;
  ondemand::document& document_;
  std::string_view json_;
  Body& body_;
  std::string message_;
};

}  // namespace

void Body::clear() {
  root = Kind::kAbsent;
  list = Kind::kAbsent;
  items.clear();
  named_objects.clear();
  properties.clear();
  unescaped.clear();
}

struct BodyReader::Parser {
  ondemand::parser parser;
};

BodyReader::BodyReader() : parser_(std::make_unique<Parser>()) {}
BodyReader::~BodyReader() = default;

std::optional<JsonProblem> BodyReader::read(Shape shape, std::string& json, Body& body) {
  body.clear();
  json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  const auto error =
      parser_->parser.iterate(json.data(), json.size(), json.capacity()).get(document);
  if (error) return JsonProblem{0, simdjson::error_message(error)};
  Walk walk(shape, document, json, body);
  if (walk.root()) return std::nullopt;
  const char* at = nullptr;
  const bool known = !document.current_location().get(at);
  return JsonProblem{known ? static_cast<std::size_t>(at - json.data()) : json.size(),
                     walk.message()};
}

}  // namespace flowmyna::stand_in
