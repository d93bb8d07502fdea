#include "agent/api/write_answers.h"

#include "agent/api/uuid.h"
#include "core/json_text.h"
#include "core/operation.h"

namespace flowmyna {
namespace {

/// `"type/id"` of an object, or an event's name, inside a message. Canonical escaping stays as it
/// is: it already is the inside of a JSON string.
void append_object(std::string& out, const ObjectKey& key) {
  out += R"("object_id":")";
  append_object_uuid(out, key);
  out += R"(","object_type":")";
  out += key.type;
  out += R"(","external_id":")";
  out += key.id;
  // Only the API knows whether it will be new.
  out += R"(","created":null)";
}

}  // namespace

std::string single_answer_head(std::string room, std::string_view stored, std::int64_t unix_ms) {
  std::string out = std::move(room);
  out.reserve(384);
  out += R"({"success":true,)";
  if (const auto object = upsert_key_of(stored)) {
    append_object(out, *object);
    out += R"(,"message":"Object ')";
    out += object->type;
    out += '/';
    out += object->id;
  } else if (const auto event = Operation::parse(stored)) {
    out += R"("event_id":")";
    append_event_uuid(out, unix_ms);
    out += R"(","event_type":")";
    out += event->name;
    out += R"(","timestamp":")";
    out += event->timestamp;
    out += R"(","objects_count":)" + std::to_string(event->objects.size());
    out += R"(,"message":"Event ')";
    out += event->name;
  }
  out += R"(' queued for delivery","queued":true,"receipt":)";
  return out;
}

std::string batch_answer_head(Kind kind, const DecodedBatch& batch, std::int64_t unix_ms) {
  const std::size_t accepted = batch.accepted.size();
  std::string out = R"({"success":)";
  out.reserve(128 + accepted * 160);
  out += batch.errors.empty() ? "true" : "false";
  out += R"(,"processed":)" + std::to_string(accepted);
  out += R"(,"failed":)" + std::to_string(batch.errors.size());
  out += kind == Kind::kUpsert ? R"(,"objects":[)" : R"(,"event_ids":[)";
  for (std::size_t i = 0; i < accepted; ++i) {
    if (i > 0) out += ',';
    if (kind == Kind::kEvent) {
      out += '"';
      append_event_uuid(out, unix_ms);
      out += '"';
      continue;
    }
    out += '{';
    if (const auto object = upsert_key_of(batch.accepted[i])) append_object(out, *object);
    out += '}';
  }
  out += R"(],"errors":[)";
  for (const ItemError& error : batch.errors) {
    if (&error != &batch.errors.front()) out += ',';
    out += json_string("index " + std::to_string(error.index) + ": " + error.reason);
  }
  out += R"(],"queued":true,"receipts":[)";
  return out;
}

std::string single_answer(std::string head, Receipt receipt) {
  head += std::to_string(receipt);
  head += '}';
  return head;
}

std::string batch_answer(std::string head, Receipt first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) head += ',';
    head += std::to_string(first + i);
  }
  head += "]}";
  return head;
}

}  // namespace flowmyna
