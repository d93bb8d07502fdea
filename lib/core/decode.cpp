#include "core/decode.h"

#include <simdjson.h>

#include <deque>
#include <optional>

#include "core/json_text.h"
#include "core/json_walk.h"

namespace flowmyna {
namespace {

using simdjson::error_code;
namespace ondemand = simdjson::ondemand;

static_assert(Decoder::kPadding >= simdjson::SIMDJSON_PADDING);

// Limits of the API's page, in characters.
constexpr std::size_t kTypeMax = 100;
constexpr std::size_t kIdMax = 500;
constexpr std::size_t kEventMax = 200;
constexpr std::size_t kQualifierMax = 100;

// A parser's buffers grow to the largest body that it has seen; beyond this they are given back.
constexpr std::size_t kKeepCapacity = 256 * 1024;

/// One reason why an item does not fit the schema, in the words of the API's own validator.
struct Problem {
  std::vector<std::string> path;  ///< below the item, each a JSON text
  std::string message;
  std::string type;
};

Refusal unprocessable(const std::vector<Problem>& problems) {
  std::string detail = "[";
  for (const Problem& problem : problems) {
    if (detail.size() > 1) detail += ',';
    detail += R"({"loc":["body")";
    for (const auto& step : problem.path) detail += "," + step;
    detail += R"(],"msg":)" + json_string(problem.message) + R"(,"type":)" +
              json_string(problem.type) + "}";
  }
  return {422, detail + "]"};
}

std::string reason_of(const std::vector<Problem>& problems) {
  std::string reason;
  for (const Problem& problem : problems) {
    if (!reason.empty()) reason += "; ";
    std::string path;
    for (const auto& step : problem.path) {
      const std::string_view bare =
          step.front() == '"' ? std::string_view(step).substr(1, step.size() - 2) : step;
      path += (path.empty() ? "" : ".") + std::string(bare);
    }
    reason += (path.empty() ? "" : path + ": ") + problem.message;
  }
  return reason;
}

std::string describe(error_code error) {
  if (error == simdjson::DEPTH_ERROR) {
    return "nested deeper than " + std::to_string(Decoder::kMaxDepth) + " levels";
  }
  if (error == simdjson::EMPTY) return "the body is empty";
  if (error == simdjson::UTF8_ERROR) return "not valid UTF-8";
  if (error == simdjson::TRAILING_CONTENT) return "something follows the document";
  if (error == simdjson::STRING_ERROR) return "a string has an invalid escape or surrogate";
  return "not valid JSON";
}

bool at_end(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace

class Decoder::Reader {
 public:
  /// Reads one document that holds one item. A schema problem ends up in `problems()`.
  error_code document(Kind kind, std::string_view body, std::string_view now) {
    start_item();
    ondemand::document document;
    if (const auto error = open(body, document)) return error;
    ondemand::json_type type{};
    if (const auto error = document.type().get(type)) return error;
    if (type != ondemand::json_type::object) return not_an_object(document);
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) return error;
    if (const auto error = item(kind, object, now)) return error;
    return at_end(document) ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
  }

  error_code batch(Kind kind, std::string_view body, std::string_view now, DecodedBatch& out) {
    start_item();
    ondemand::document document;
    if (const auto error = open(body, document)) return error;
    ondemand::json_type type{};
    if (const auto error = document.type().get(type)) return error;
    if (type != ondemand::json_type::object) return not_an_object(document);
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) return error;
    const std::string_view list = kind == Kind::kUpsert ? "objects" : "events";
    bool found = false;
    std::vector<Problem> list_problems;
    for (auto member : object) {
      ondemand::field field;
      std::string_view name;
      if (const auto error = std::move(member).get(field)) return error;
      if (const auto error = field.unescaped_key().get(name)) return error;
      if (name != list) {
        if (const auto error = skip(field.value())) return error;
        continue;
      }
      found = true;
      out = {};
      if (const auto error = items(kind, field.value(), now, out, list_problems)) return error;
    }
    problems_ = std::move(list_problems);
    if (!found) problems_.push_back({{json_string(list)}, "Field required", "missing"});
    return at_end(document) ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
  }

  const std::vector<Problem>& problems() const { return problems_; }
  const Operation& operation() const { return operation_; }

  /// Gives back what a large body has left behind.
  void trim() {
    if (parser_.capacity() > kKeepCapacity) parser_ = ondemand::parser();
    if (scratch_.capacity() > kKeepCapacity) scratch_ = std::string();
  }

 private:
  struct Text {
    std::optional<std::string_view> value;
  };
  struct PropertiesRange {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  struct ObjectFields {
    std::string_view type;
    std::string_view id;
    std::string_view qualifier;
    PropertiesRange properties;
  };

  error_code open(std::string_view body, ondemand::document& document) {
    // A byte order mark is not JSON; simdjson would otherwise say so less clearly.
    const simdjson::padded_string_view padded(body.data(), body.size(), body.size() + kPadding);
    return parser_.iterate(padded).get(document);
  }

  void start_item() {
    problems_.clear();
    path_.clear();
    scratch_.clear();
    arena_.clear();
    objects_.clear();
    operation_.objects.clear();
  }

  error_code not_an_object(ondemand::document& document) {
    // A list at the top is walked, so that broken JSON is called broken; a scalar was checked by
    // the parser's own root handling.
    ondemand::json_type type{};
    if (const auto error = document.type().get(type)) return error;
    if (type == ondemand::json_type::array) {
      ondemand::array array;
      if (const auto error = document.get_array().get(array)) return error;
      for (auto element : array) {
        ondemand::value value;
        if (const auto error = std::move(element).get(value)) return error;
        if (const auto error = skip(value)) return error;
      }
      if (!at_end(document)) return simdjson::TRAILING_CONTENT;
    }
    problem("Input should be a valid dictionary or object to extract fields from",
            "model_attributes_type");
    return simdjson::SUCCESS;
  }

  error_code items(Kind kind, ondemand::value list, std::string_view now, DecodedBatch& out,
                   std::vector<Problem>& list_problems) {
    list_problems.clear();
    const std::string name = kind == Kind::kUpsert ? "\"objects\"" : "\"events\"";
    ondemand::json_type type{};
    if (const auto error = list.type().get(type)) return error;
    if (type != ondemand::json_type::array) {
      list_problems.push_back({{name}, "Input should be a valid list", "list_type"});
      return skip(list);
    }
    ondemand::array array;
    if (const auto error = list.get_array().get(array)) return error;
    std::size_t count = 0;
    for (auto element : array) {
      ondemand::value value;
      if (const auto error = std::move(element).get(value)) return error;
      start_item();
      if (const auto error = element_item(kind, value, now)) return error;
      if (count < kMaxBatchItems) take(count, out);
      ++count;
    }
    if (count == 0) {
      list_problems.push_back(
          {{name}, "List should have at least 1 item after validation, not 0", "too_short"});
    } else if (count > kMaxBatchItems) {
      list_problems.push_back({{name},
                               "List should have at most " + std::to_string(kMaxBatchItems) +
                                   " items after validation, not " + std::to_string(count),
                               "too_long"});
    }
    return simdjson::SUCCESS;
  }

  error_code element_item(Kind kind, ondemand::value value, std::string_view now) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type != ondemand::json_type::object) {
      problem("Input should be a valid dictionary or object to extract fields from",
              "model_attributes_type");
      return skip(value);
    }
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    return item(kind, object, now);
  }

  void take(std::size_t index, DecodedBatch& out) const {
    if (problems_.empty()) {
      out.accepted.add(operation_);
      out.accepted_indexes.push_back(index);
    } else {
      out.errors.push_back({index, reason_of(problems_)});
    }
  }

  error_code item(Kind kind, ondemand::object object, std::string_view now) {
    return kind == Kind::kUpsert ? upsert(object) : event(object, now);
  }

  error_code upsert(ondemand::object object) {
    ObjectFields fields;
    if (const auto error = object_fields(object, false, fields)) return error;
    operation_.kind = Kind::kUpsert;
    operation_.object = {fields.type, fields.id};
    operation_.properties = resolve(fields.properties);
    return simdjson::SUCCESS;
  }

  error_code event(ondemand::object object, std::string_view now) {
    Text name;
    Text timestamp;
    PropertiesRange properties;
    bool has_objects = false;
    for (auto member : object) {
      ondemand::field field;
      std::string_view key;
      if (const auto error = std::move(member).get(field)) return error;
      if (const auto error = field.unescaped_key().get(key)) return error;
      error_code error = simdjson::SUCCESS;
      if (key == "event") {
        error = string_field(field.value(), "event", kEventMax, false, name);
      } else if (key == "timestamp") {
        error = timestamp_field(field.value(), timestamp);
      } else if (key == "properties") {
        error = properties_field(field.value(), properties);
      } else if (key == "objects") {
        has_objects = true;
        error = event_objects(field.value());
      } else {
        error = skip(field.value());
      }
      if (error) return error;
    }
    require(name, "event");
    if (!has_objects) problem_at("objects", "Field required", "missing");

    operation_.kind = Kind::kEvent;
    operation_.flags = timestamp.value ? 0 : Operation::kStampedHere;
    operation_.name = name.value.value_or("");
    operation_.timestamp = timestamp.value.value_or(now);
    operation_.properties = resolve(properties);
    operation_.objects.clear();
    for (const ObjectFields& named : objects_) {
      operation_.objects.push_back(
          {{named.type, named.id}, named.qualifier, resolve(named.properties)});
    }
    return simdjson::SUCCESS;
  }

  error_code event_objects(ondemand::value list) {
    objects_.clear();
    ondemand::json_type type{};
    if (const auto error = list.type().get(type)) return error;
    if (type != ondemand::json_type::array) {
      problem_at("objects", "Input should be a valid list", "list_type");
      return skip(list);
    }
    ondemand::array array;
    if (const auto error = list.get_array().get(array)) return error;
    path_.push_back("\"objects\"");
    std::size_t index = 0;
    for (auto element : array) {
      ondemand::value value;
      if (const auto error = std::move(element).get(value)) return error;
      path_.push_back(std::to_string(index++));
      if (const auto error = event_object(value)) return error;
      path_.pop_back();
    }
    path_.pop_back();
    if (index == 0) {
      problem_at("objects", "List should have at least 1 item after validation, not 0",
                 "too_short");
    }
    return simdjson::SUCCESS;
  }

  error_code event_object(ondemand::value value) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type != ondemand::json_type::object) {
      problem("Input should be a valid dictionary or object to extract fields from",
              "model_attributes_type");
      return skip(value);
    }
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    ObjectFields fields;
    if (const auto error = object_fields(object, true, fields)) return error;
    objects_.push_back(fields);
    return simdjson::SUCCESS;
  }

  error_code object_fields(ondemand::object object, bool with_qualifier, ObjectFields& out) {
    Text type;
    Text id;
    Text qualifier;
    for (auto member : object) {
      ondemand::field field;
      std::string_view key;
      if (const auto error = std::move(member).get(field)) return error;
      if (const auto error = field.unescaped_key().get(key)) return error;
      error_code error = simdjson::SUCCESS;
      if (key == "type") {
        error = string_field(field.value(), "type", kTypeMax, false, type);
      } else if (key == "id") {
        error = string_field(field.value(), "id", kIdMax, false, id);
      } else if (key == "properties") {
        error = properties_field(field.value(), out.properties);
      } else if (with_qualifier && key == "qualifier") {
        error = string_field(field.value(), "qualifier", kQualifierMax, true, qualifier);
      } else {
        error = skip(field.value());
      }
      if (error) return error;
    }
    require(type, "type");
    require(id, "id");
    out.type = type.value.value_or("");
    out.id = id.value.value_or("");
    out.qualifier = qualifier.value.value_or("");
    return simdjson::SUCCESS;
  }

  error_code string_field(ondemand::value value, std::string_view field, std::size_t max_characters,
                          bool nullable, Text& out) {
    out.value.reset();
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type != ondemand::json_type::string) {
      if (!(nullable && type == ondemand::json_type::null)) {
        problem_at(field, "Input should be a valid string", "string_type");
        out.value = "";  // present, though wrong: no second complaint that it is missing
      }
      return skip(value);
    }
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return error;
    const std::size_t characters = count_characters(text);
    if (characters == 0) {
      problem_at(field, "String should have at least 1 character", "string_too_short");
    } else if (characters > max_characters) {
      problem_at(field,
                 "String should have at most " + std::to_string(max_characters) + " characters",
                 "string_too_long");
    }
    out.value = canonical(text);
    return simdjson::SUCCESS;
  }

  error_code timestamp_field(ondemand::value value, Text& out) {
    out.value.reset();
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::null) return skip(value);
    if (type != ondemand::json_type::string) {
      problem_at("timestamp", "Input should be a valid datetime", "datetime_type");
      return skip(value);
    }
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return error;
    if (!is_iso8601(text)) {
      problem_at("timestamp", "Input should be a valid datetime in ISO 8601", "datetime_parsing");
    }
    out.value = canonical(text);
    return simdjson::SUCCESS;
  }

  error_code properties_field(ondemand::value value, PropertiesRange& out) {
    out = {};
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::null) return skip(value);
    if (type != ondemand::json_type::object) {
      problem_at("properties", "Input should be a valid dictionary", "dict_type");
      return skip(value);
    }
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    patch_.clear();
    for (auto member : object) {
      ondemand::field field;
      std::string_view name;
      std::string_view text;
      if (const auto error = std::move(member).get(field)) return error;
      if (const auto error = field.unescaped_key().get(name)) return error;
      if (const auto error = walk_json(field.value(), kMaxDepth, text)) return error;
      patch_.set(canonical(name), text);
    }
    out.begin = scratch_.size();
    PropertiesView::encode(patch_.properties(), scratch_);
    out.end = scratch_.size();
    return simdjson::SUCCESS;
  }

  static error_code skip(ondemand::value value) {
    std::string_view text;
    return walk_json(value, kMaxDepth, text);
  }

  PropertiesView resolve(const PropertiesRange& range) const {
    return PropertiesView(std::string_view(scratch_).substr(range.begin, range.end - range.begin));
  }

  /// `text` in canonical escaping; it points into the parser's buffer or into the arena.
  std::string_view canonical(std::string_view text) {
    if (!needs_escape(text)) return text;
    std::string& escaped = arena_.emplace_back();
    append_escaped(escaped, text);
    return escaped;
  }

  void require(const Text& field, std::string_view name) {
    if (!field.value) problem_at(name, "Field required", "missing");
  }
  void problem(std::string message, std::string type) {
    problems_.push_back({path_, std::move(message), std::move(type)});
  }
  void problem_at(std::string_view field, std::string message, std::string type) {
    problem(std::move(message), std::move(type));
    problems_.back().path.push_back(json_string(field));
  }

  ondemand::parser parser_;
  Operation operation_;
  std::vector<Problem> problems_;
  std::vector<std::string> path_;
  std::vector<ObjectFields> objects_;
  std::string scratch_;            // encoded properties of the item
  std::deque<std::string> arena_;  // strings of the item that had to be escaped anew
  Patch patch_;
};

Decoder::Decoder() : reader_(std::make_unique<Reader>()) {}
Decoder::~Decoder() = default;

tl::expected<EncodedOperations, Refusal> Decoder::single(Kind kind, std::string_view body,
                                                         std::string_view now) {
  const auto error = reader_->document(kind, body, now);
  if (error) return tl::make_unexpected(Refusal{400, json_string(describe(error))});
  if (!reader_->problems().empty()) return tl::make_unexpected(unprocessable(reader_->problems()));
  EncodedOperations out;
  out.add(reader_->operation());
  reader_->trim();
  return out;
}

tl::expected<DecodedBatch, Refusal> Decoder::batch(Kind kind, std::string_view body,
                                                   std::string_view now) {
  DecodedBatch out;
  const auto error = reader_->batch(kind, body, now, out);
  if (error) return tl::make_unexpected(Refusal{400, json_string(describe(error))});
  if (!reader_->problems().empty()) return tl::make_unexpected(unprocessable(reader_->problems()));
  reader_->trim();
  return out;
}

tl::expected<DecodedBatch, Refusal> Decoder::ndjson(Kind kind, std::string_view body,
                                                    std::string_view now) {
  DecodedBatch out;
  std::size_t index = 0;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const std::string_view line = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (index == kMaxBatchItems) {
      return tl::make_unexpected(
          Refusal{413, json_string("more than " + std::to_string(kMaxBatchItems) +
                                   " items in one request; send the rest in another")});
    }
    if (const auto error = reader_->document(kind, line, now)) {
      out.errors.push_back({index, describe(error)});
    } else if (!reader_->problems().empty()) {
      out.errors.push_back({index, reason_of(reader_->problems())});
    } else {
      out.accepted.add(reader_->operation());
      out.accepted_indexes.push_back(index);
    }
    ++index;
  }
  reader_->trim();
  if (index == 0) return tl::make_unexpected(Refusal{400, json_string(describe(simdjson::EMPTY))});
  return out;
}

std::string detail_body(std::string_view text) {
  return "{\"detail\":" + json_string(text) + "}";
}

}  // namespace flowmyna
