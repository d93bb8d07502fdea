#include "tests/fuzz/codec_invariants.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/clock_correction.h"
#include "core/decode.h"
#include "core/json_error.h"
#include "core/operation.h"
#include "tests/fuzz/json_oracle.h"
#include "tests/unit/core/padded_body.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr std::string_view kNow = "2026-01-02T03:04:05.678Z";
// The longest stamp that there is, so that every event without a time of its own carries it.
const EventStamp kStamp{kNow, BootStamp{0xfedc'ba98'7654'3210, BootTime(1'234'567'890)}};
// The tree keeps the last of equal names alone, so its verdict is that of the last one.
constexpr const char* kDuplicatesMatter =
    "refused, but accepted without the members that a later one replaces";
constexpr std::array kKinds = {Kind::kUpsert, Kind::kEvent};

std::string_view without_mark(std::string_view body) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  return body.substr(body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
}

Decoder& decoder() {
  static Decoder shared;  // one for all inputs, so that what one leaves behind meets the next
  return shared;
}

tl::expected<std::string, Refusal> decode_one(Kind kind, std::string_view body, char fill = '\0') {
  const PaddedBody padded(body, fill);
  return decoder().single(kind, padded.view(), kStamp).map([](const EncodedOperations& operations) {
    return std::string(operations[0]);
  });
}

std::string item_json(std::string_view stored) {
  std::string out;
  if (const auto operation = Operation::parse(stored)) operation->append_json(out);
  return out;
}

bool is_given(const json& item, const char* field) {
  return item.contains(field) && !item[field].is_null();
}

/// What must arrive of an item, worked out on the document tree: the fields that the API knows,
/// without those that say nothing.
json expected_item(Kind kind, const json& item) {
  json out;
  const auto copy = [&](const char* field) {
    if (is_given(item, field)) out[field] = item[field];
  };
  if (is_given(item, "properties") && !item["properties"].empty()) copy("properties");
  if (kind == Kind::kUpsert) {
    copy("type");
    copy("id");
    return out;
  }
  copy("event");
  out["timestamp"] = is_given(item, "timestamp") ? item["timestamp"] : json(kNow);
  out["objects"] = json::array();
  for (const json& object : item["objects"]) {
    json named = expected_item(Kind::kUpsert, object);
    if (is_given(object, "qualifier")) named["qualifier"] = object["qualifier"];
    out["objects"].push_back(std::move(named));
  }
  return out;
}

std::string without_stamp(std::string_view stored) {
  auto operation = Operation::parse(stored);
  std::string out;
  if (!operation) return out;
  operation->is_stamped_here = false;
  operation->boot.reset();
  operation->encode(out);
  return out;
}

std::string check_refusal(const Refusal& refusal) {
  const json detail = json::parse(refusal.detail, nullptr, false);
  if (detail.is_discarded()) return "a refusal's detail is not JSON: " + refusal.detail;
  if (refusal.status == 400 || refusal.status == 413) {
    return detail.is_string() ? "" : "the detail of a 400 or 413 is no text";
  }
  if (refusal.status != 422) return "a refusal with status " + std::to_string(refusal.status);
  if (!detail.is_array() || detail.empty()) return "the detail of a 422 is no list";
  for (const json& problem : detail) {
    if (problem.size() != 3 || problem["loc"][0] != "body" || !problem["msg"].is_string() ||
        !problem["type"].is_string()) {
      return "a problem without the API's shape: " + problem.dump();
    }
  }
  return "";
}

/// 400 exactly for what is not JSON or nests too deep.
std::string check_status(std::string_view body, bool valid, const Refusal* refusal) {
  const bool broken = refusal != nullptr && refusal->status == 400;
  if (!valid && !broken) return "accepted as JSON, though it is none";
  if (valid && broken && nesting(body) <= static_cast<std::size_t>(Decoder::kMaxDepth)) {
    return "refused as broken, though it is JSON: " + refusal->detail;
  }
  return refusal != nullptr ? check_refusal(*refusal) : "";
}

/// A corrected event is the same event at another time, and only one that was stamped here changes.
std::string check_correction(const Operation& operation, std::string_view stored) {
  const ClockCorrection right{kStamp.boot->boot, 1'700'000'000'000};
  if (boot_stamp_of(stored) != operation.boot) return "a boot stamp is read differently alone";
  const auto event = corrected(stored, right);
  if (event.has_value() != operation.boot.has_value()) return "the wrong events are corrected";
  if (!event) return "";
  if (corrected(stored, {right.boot + 1, 0})) return "an event of another boot is corrected";
  if (corrected(event->stored, right)) return "an event is corrected twice";
  auto after = Operation::parse(event->stored);
  if (!after || after->timestamp != "2023-11-29T05:09:27.890Z") return "a corrected time is wrong";
  after->timestamp = operation.timestamp;
  after->boot = operation.boot;
  std::string restored;
  after->encode(restored);
  return restored == stored ? "" : "a correction changes more than the time";
}

/// An accepted operation survives its stored form, and its JSON means the same again.
std::string check_accepted(Kind kind, std::string_view stored, const json* item) {
  const auto operation = Operation::parse(stored);
  if (!operation || operation->kind != kind) return "an accepted operation cannot be read back";
  std::string encoded;
  operation->encode(encoded);
  if (encoded != stored) return "an accepted operation is stored differently the second time";
  const std::string written = item_json(stored);
  if (!is_json(written)) return "an accepted operation becomes broken JSON: " + written;
  const auto again = decode_one(kind, written);
  if (!again) return "an accepted operation is refused when sent: " + again.error().detail;
  if (*again != without_stamp(stored)) return "decoding what is sent gives another operation";
  if (auto broken = check_correction(*operation, stored); !broken.empty()) return broken;
  if (item != nullptr && json::parse(written) != expected_item(kind, *item)) {
    return "what is sent differs from what was written: " + written;
  }
  return "";
}

std::string check_single(Kind kind, std::string_view body, bool valid, const json* document) {
  const auto result = decode_one(kind, body);
  const auto again = decode_one(kind, body, '}');
  if (result.has_value() != again.has_value() || (result && *result != *again)) {
    return "what stands behind the body changes the verdict";
  }
  auto broken = check_status(body, valid, result ? nullptr : &result.error());
  if (!broken.empty() || !document) return broken;
  if (result) return check_accepted(kind, *result, document);
  const bool taken = result.error().status == 422 && decode_one(kind, document->dump());
  return taken ? kDuplicatesMatter : "";
}

std::string check_partition(const DecodedBatch& batch, std::size_t count) {
  std::vector<int> seen(count, 0);
  for (const std::size_t index : batch.accepted_indexes) {
    if (index >= count || ++seen[index] > 1) return "an accepted index is wrong";
  }
  for (const ItemError& error : batch.errors) {
    if (error.index >= count || ++seen[error.index] > 1) return "an index of an error is wrong";
    if (error.reason.empty()) return "an error without a reason";
  }
  const bool complete = batch.accepted.size() == batch.accepted_indexes.size() &&
                        batch.accepted.size() + batch.errors.size() == count;
  return complete ? "" : "an item is neither accepted nor reported";
}

/// 400 exactly for what is not JSON, or cannot be stored outside its items.
std::string check_batch_status(std::string_view body, bool valid,
                               const tl::expected<DecodedBatch, Refusal>& result) {
  const bool broken = !result && result.error().status == 400;
  if (find_grammar_error(body) && !broken) return "accepted as JSON, though it is none";
  if (!valid && result && result->errors.empty()) return "half of a character was accepted";
  if (valid && broken && nesting(body) <= static_cast<std::size_t>(Decoder::kMaxDepth)) {
    return "refused as broken, though it is JSON: " + result.error().detail;
  }
  return result ? "" : check_refusal(result.error());
}

bool batch_is_taken(Kind kind, std::string_view body) {
  const PaddedBody padded(body);
  return decoder().batch(kind, padded.view(), kStamp).has_value();
}

std::string check_batch(Kind kind, std::string_view body, bool valid, const json* document) {
  const PaddedBody padded(body);
  const auto result = decoder().batch(kind, padded.view(), kStamp);
  auto broken = check_batch_status(without_mark(body), valid, result);
  if (!broken.empty() || !document) return broken;
  if (!result) {
    const bool taken = result.error().status == 422 && batch_is_taken(kind, document->dump());
    return taken ? kDuplicatesMatter : "";
  }
  if (nesting(body) > 10 * static_cast<std::size_t>(Decoder::kMaxDepth)) return "";  // for dump()
  const json& list = (*document)[kind == Kind::kUpsert ? "objects" : "events"];
  broken = check_partition(*result, list.size());
  for (std::size_t i = 0; broken.empty() && i < result->accepted.size(); ++i) {
    const json& item = list[result->accepted_indexes[i]];
    broken = check_accepted(kind, std::string(result->accepted[i]), &item);
  }
  for (std::size_t i = 0; broken.empty() && i < result->errors.size(); ++i) {
    if (decode_one(kind, list[result->errors[i].index].dump())) {
      broken = "an item is refused in a batch and accepted alone";
    }
  }
  return broken;
}

std::string check_ndjson(Kind kind, std::string_view body) {
  const PaddedBody padded(body, '"');
  const auto result = decoder().ndjson(kind, padded.view(), kStamp);
  if (!result) return check_refusal(result.error());
  body = without_mark(body);
  std::size_t count = 0;
  std::size_t accepted = 0;
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const bool is_marked = without_mark(line) != line;  // which is taken at the start alone
    if (const auto alone = decode_one(kind, line); alone && !is_marked) {
      if (accepted == result->accepted.size() || result->accepted_indexes[accepted] != count ||
          result->accepted[accepted] != *alone) {
        return "a line is read differently alone and among others";
      }
      ++accepted;
    }
    ++count;
  }
  return check_partition(*result, count);
}

/// Bytes from a damaged outbox are refused, or read back the same.
std::string check_stored(std::string_view bytes) {
  const std::string exact(bytes);  // a block of its own, so that an overread is seen
  const auto operation = Operation::parse(exact);
  if (!operation) return "";
  std::string encoded;
  operation->encode(encoded);
  if (encoded != exact) return "stored bytes are read as another operation";
  std::string json_text;
  operation->append_json(json_text);
  return json_text.empty() ? "a stored operation without JSON" : "";
}

}  // namespace

std::string broken_promise(std::string_view bytes) {
  if (find_json_error(bytes).has_value() == is_json(bytes)) {
    return is_json(bytes) ? "an error is found in valid JSON" : "no error is found in broken JSON";
  }
  const std::string_view text = without_mark(bytes);
  const bool valid = is_json(text);
  const bool may_have_halves = text.find("\\u") != std::string_view::npos;
  if (find_grammar_error(text) ? valid : !valid && !may_have_halves) {
    return "the grammar of JSON is another one";
  }
  auto parsed = valid ? parse_json(text) : std::nullopt;
  const json* document = parsed ? &*parsed : nullptr;
  std::string broken = check_stored(bytes);
  for (const Kind kind : kKinds) {
    if (broken.empty()) broken = check_single(kind, bytes, valid, document);
    if (broken.empty()) broken = check_batch(kind, bytes, valid, document);
    if (broken.empty()) broken = check_ndjson(kind, bytes);
  }
  return broken;
}

}  // namespace flowmyna::test
