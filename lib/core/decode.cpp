#include "core/decode.h"

#include <simdjson.h>

#include "core/item_reader.h"
#include "core/json_error.h"
#include "core/json_text.h"
#include "core/json_walk.h"
#include "core/problems.h"

namespace flowmyna {
namespace {

using simdjson::error_code;
using simdjson::ondemand::json_type;
namespace ondemand = simdjson::ondemand;

static_assert(Decoder::kPadding >= simdjson::SIMDJSON_PADDING);

// A reader's buffers grow to a few times the largest body that it has seen; after a larger one than
// this they are given back.
constexpr std::size_t kKeptBodyBytes = std::size_t{256} * 1024;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view without_mark(std::string_view body) {
  return body.substr(body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
}

/// Errors that concern one item only: JSON that cannot be stored, but also some text that is not
/// JSON; find_grammar_error() tells them apart.
bool is_of_one_item(error_code error) {
  return error == simdjson::DEPTH_ERROR || error == simdjson::STRING_ERROR;
}

std::string describe(const JsonError& error) {
  return "not valid JSON at byte " + std::to_string(error.offset_bytes) + ": " + error.reason;
}

std::string describe(error_code error, std::string_view body) {
  if (error == simdjson::DEPTH_ERROR) {
    return "a value is nested deeper than " + std::to_string(Decoder::kMaxDepth) +
           " levels; flatten it or send it as a string";
  }
  if (error == simdjson::EMPTY) return "the body is empty; send a JSON object";
  if (const auto found = find_json_error(body)) return describe(*found);
  return std::string("the body cannot be read: ") + simdjson::error_message(error);
}

Refusal bad_request(std::string_view text) {
  return {400, json_string(text)};
}

Refusal unprocessable(const Problems& problems) {
  return {422, problems.detail()};
}

Refusal too_many_lines() {
  return {413, json_string("more than " + std::to_string(Decoder::kMaxBatchItems) +
                           " items in one request, nothing was accepted; send them in several "
                           "requests")};
}

error_code check_end(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS
             ? simdjson::SUCCESS
             : simdjson::TRAILING_CONTENT;
}

void take(const ItemReader& item, std::size_t index, DecodedBatch& out) {
  if (item.problems().empty()) {
    out.accepted.add(item.operation());
    out.accepted_indexes.push_back(index);
  } else {
    out.errors.push_back({index, item.problems().reason()});
  }
}

}  // namespace

class Decoder::Reader {
 public:
  tl::expected<EncodedOperations, Refusal> single(Kind kind, std::string_view body,
                                                  const EventStamp& now) {
    if (const auto error = one(kind, body, now)) {
      return tl::make_unexpected(bad_request(describe(error, body)));
    }
    if (!item_.problems().empty()) return tl::make_unexpected(unprocessable(item_.problems()));
    EncodedOperations out;
    out.reserve(body.size());  // about: the stored form leaves out what JSON adds
    out.add(item_.operation());
    return out;
  }

  tl::expected<DecodedBatch, Refusal> batch(Kind kind, std::string_view body,
                                            const EventStamp& now) {
    DecodedBatch out;
    is_doubtful_ = false;
    const auto error = list(kind, body, now, out);
    if (is_doubtful_) {
      const auto broken = find_grammar_error(body);
      if (broken) return tl::make_unexpected(bad_request(describe(*broken)));
    }
    if (error) return tl::make_unexpected(bad_request(describe(error, body)));
    if (!list_problems_.empty()) return tl::make_unexpected(unprocessable(list_problems_));
    return out;
  }

  tl::expected<DecodedBatch, Refusal> ndjson(Kind kind, std::string_view body,
                                             const EventStamp& now) {
    DecodedBatch out;
    out.accepted.reserve(body.size());
    std::size_t count = 0;
    while (!body.empty()) {
      const std::size_t end = body.find('\n');
      const std::string_view line = body.substr(0, end);
      body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (count == kMaxBatchItems) return tl::make_unexpected(too_many_lines());
      if (const auto error = one(kind, line, now)) {
        out.errors.push_back({count, describe(error, line)});
      } else {
        take(item_, count, out);
      }
      ++count;
    }
    if (count == 0) {
      return tl::make_unexpected(bad_request("the body is empty; send one JSON object per line"));
    }
    return out;
  }

 private:
  /// Reads one document that is one item. An error code says that it is not JSON; that it does not
  /// fit the schema is said by the problems of `item_`.
  error_code one(Kind kind, std::string_view body, const EventStamp& now) {
    ondemand::document document;
    ondemand::object object;
    bool is_object = false;
    if (const auto error = open(body, document, object, is_object)) return error;
    if (!is_object) {
      item_.refuse_type();
      return simdjson::SUCCESS;
    }
    if (const auto error = item_.read(kind, object, now)) return error;
    return check_end(document);
  }

  /// Reads one document that holds a list of items; what is wrong with the document goes to
  /// `list_problems_`, what is wrong with an item to `out`.
  error_code list(Kind kind, std::string_view body, const EventStamp& now, DecodedBatch& out) {
    list_problems_.clear();
    ondemand::document document;
    ondemand::object object;
    bool is_object = false;
    if (const auto error = open(body, document, object, is_object)) return error;
    if (!is_object) {
      item_.refuse_type();
      list_problems_ = item_.problems();
      return simdjson::SUCCESS;
    }
    const std::string_view field = kind == Kind::kUpsert ? "objects" : "events";
    bool found = false;
    const auto read_member = [&](const JsonText& name, ondemand::value& value) {
      if (name.characters != field) return skip(value);
      found = true;
      list_problems_.forget(field);
      out = {};
      return items(kind, field, body, value, now, out);
    };
    if (const auto error = each_member(object, read_member)) return error;
    if (!found) list_problems_.add(field, "Field required", "missing");
    return check_end(document);
  }

  /// A body that is JSON but no object is checked here to its end.
  error_code open(std::string_view body, ondemand::document& document, ondemand::object& object,
                  bool& is_object) {
    const simdjson::padded_string_view padded(body.data(), body.size(), body.size() + kPadding);
    if (const auto error = parser_.iterate(padded).get(document)) return error;
    json_type type{};
    if (const auto error = document.type().get(type)) return error;
    is_object = type == json_type::object;
    if (is_object) return document.get_object().get(object);
    return find_json_error(body) ? simdjson::TAPE_ERROR : simdjson::SUCCESS;
  }

  error_code items(Kind kind, std::string_view field, std::string_view body, ondemand::value& value,
                   const EventStamp& now, DecodedBatch& out) {
    json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type != json_type::array) {
      list_problems_.add(field, "Input should be a valid list", "list_type");
      return skip(value);
    }
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    std::size_t count = 0;
    const auto read_element = [&](ondemand::value& element) {
      const char* const begin = element.raw_json_token().data();
      const auto error = item_.read(kind, element, now);
      if (!error && count < kMaxBatchItems) take(item_, count, out);
      const bool is_of_item = is_of_one_item(error);
      is_doubtful_ = is_doubtful_ || is_of_item;
      if (is_of_item && count < kMaxBatchItems) {
        const char* const end = body.data() + body.size();
        out.errors.push_back(
            {count, describe(error, {begin, static_cast<std::size_t>(end - begin)})});
      }
      ++count;
      return is_of_item ? simdjson::SUCCESS : error;
    };
    if (const auto error = each_element(array, read_element)) return error;
    if (count == 0) {
      list_problems_.add(field, "List should have at least 1 item after validation, not 0",
                         "too_short");
    } else if (count > kMaxBatchItems) {
      list_problems_.add(field,
                         "List should have at most " + std::to_string(kMaxBatchItems) +
                             " items after validation, not " + std::to_string(count),
                         "too_long");
    }
    return simdjson::SUCCESS;
  }

  static error_code skip(ondemand::value& value) {
    std::string_view written;
    return walk_json(value, kMaxDepth, written);
  }

  ondemand::parser parser_;
  ItemReader item_;
  Problems list_problems_;
  bool is_doubtful_ = false;  // an item was left in the middle, and the rest of it may be no JSON
};

Decoder::Decoder() : reader_(std::make_unique<Reader>()) {}
Decoder::~Decoder() = default;

tl::expected<EncodedOperations, Refusal> Decoder::single(Kind kind, std::string_view body,
                                                         const EventStamp& now) {
  auto result = reader_->single(kind, without_mark(body), now);
  give_back(body.size());
  return result;
}

tl::expected<DecodedBatch, Refusal> Decoder::batch(Kind kind, std::string_view body,
                                                   const EventStamp& now) {
  auto result = reader_->batch(kind, without_mark(body), now);
  give_back(body.size());
  return result;
}

tl::expected<DecodedBatch, Refusal> Decoder::ndjson(Kind kind, std::string_view body,
                                                    const EventStamp& now) {
  auto result = reader_->ndjson(kind, without_mark(body), now);
  give_back(body.size());
  return result;
}

void Decoder::give_back(std::size_t body_bytes) {
  if (body_bytes > kKeptBodyBytes) reader_ = std::make_unique<Reader>();
}

std::string detail_body(std::string_view text) {
  return "{\"detail\":" + json_string(text) + "}";
}

}  // namespace flowmyna
