#include "agent/api/delivered_answer.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/batch_answer.h"
#include "core/json_text.h"
#include "core/operation.h"

namespace flowmyna {
namespace {

EncodedOperations without_properties(const EncodedOperations& operations) {
  EncodedOperations bare;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto operation = Operation::parse(operations[i]);
    if (!operation) continue;  // it was encoded just now
    operation->properties = {};
    for (EventObject& object : operation->objects) object.properties = {};
    bare.add(*operation);
  }
  return bare;
}

bool is_delivered(const OperationOutcome& outcome) {
  return outcome.state == OperationOutcome::State::kDelivered;
}

/// The API's fields of an object; canonical escaping stays as it is.
void append_object(std::string& out, const ObjectKey& key, const OperationOutcome& outcome) {
  out += R"("object_id":)" + json_string(outcome.id) + R"(,"object_type":")";
  out += key.type;
  out += R"(","external_id":")";
  out += key.id;
  out += R"(","created":)";
  out += outcome.created ? "true" : "false";
}

void append_upsert(std::string& out, const ObjectKey& key, const OperationOutcome& outcome) {
  append_object(out, key, outcome);
  out += R"(,"message":"Object ')";
  out += key.type;
  out += '/';
  out += key.id;
  out += outcome.created ? "' created" : "' updated";
}

void append_event(std::string& out, const Operation& event, const OperationOutcome& outcome) {
  out += R"("event_id":)" + json_string(outcome.id) + R"(,"event_type":")";
  out += event.name;
  out += R"(","timestamp":")";
  out += event.timestamp;
  out += R"(","objects_count":)" + std::to_string(event.objects.size());
  out += R"(,"message":"Event ')";
  out += event.name;
  out += "' recorded";
}

bool is_dropped(const OperationOutcome& outcome) {
  return outcome.state == OperationOutcome::State::kDropped;
}

/// The API's words about an item, without its place in the request that was sent, which is of no
/// use to the writer.
std::string words_of(const OperationOutcome& outcome) {
  if (is_dropped(outcome)) return "dropped by a person before it was delivered";
  return std::string(split_item_error(outcome.reason).reason);
}

/// The status that the API would have answered to the item alone.
int status_of(const OperationOutcome& outcome) {
  if (is_dropped(outcome)) return 410;  // by intent, so a client must not try again by itself
  // Nobody knows whether the API has it (on_unknown = "hold"), and a person will decide: a client
  // must not try again by itself, as it might after a 5xx.
  if (outcome.status == 0) return 409;
  const bool is_refusal = outcome.status == 400 || outcome.status == 413;
  return is_refusal ? outcome.status : 422;  // 200: it failed as an item of a batch
}

HttpResponse refusal(const OperationOutcome& outcome) {
  HttpResponse response;
  response.status = status_of(outcome);
  response.body = R"({"detail":)" + json_string(words_of(outcome)) + R"(,"receipt":)" +
                  std::to_string(outcome.receipt) +
                  (is_dropped(outcome) ? R"(,"state":"dropped"})" : R"(,"state":"dead"})");
  return response;
}

/// The elements of a JSON array.
template <class Items, class Append>
void append_list(std::string& out, const Items& items, const Append& append) {
  for (const auto& item : items) {
    if (&item != &*std::begin(items)) out += ',';
    append(item);
  }
}

}  // namespace

DeliveredAnswer::DeliveredAnswer(Kind kind, bool is_batch, const EncodedOperations& operations)
    : kind_(kind), is_batch_(is_batch), operations_(without_properties(operations)) {}

DeliveredAnswer DeliveredAnswer::to_single(Kind kind, const EncodedOperations& operation) {
  return {kind, false, operation};
}

DeliveredAnswer DeliveredAnswer::to_batch(Kind kind, const DecodedBatch& batch) {
  DeliveredAnswer answer(kind, true, batch.accepted);
  answer.indexes_ = batch.accepted_indexes;
  answer.errors_ = batch.errors;
  return answer;
}

HttpResponse DeliveredAnswer::render(const std::vector<OperationOutcome>& outcomes) const {
  HttpResponse response = is_batch_ ? batch(outcomes) : single(outcomes.front());
  response.preference_applied = "wait";
  return response;
}

HttpResponse DeliveredAnswer::single(const OperationOutcome& outcome) const {
  if (!is_delivered(outcome)) return refusal(outcome);
  HttpResponse response;
  std::string& out = response.body;
  out = R"({"success":true,)";
  if (const auto operation = Operation::parse(operations_[0])) {
    if (kind_ == Kind::kUpsert) {
      append_upsert(out, operation->object, outcome);
    } else {
      append_event(out, *operation, outcome);
    }
  }
  out += R"( successfully","queued":false,"receipt":)" + std::to_string(outcome.receipt) + "}";
  return response;
}

HttpResponse DeliveredAnswer::batch(const std::vector<OperationOutcome>& outcomes) const {
  std::vector<ItemError> errors = errors_;
  std::vector<std::size_t> delivered;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (is_delivered(outcomes[i])) {
      delivered.push_back(i);
    } else {
      errors.push_back({indexes_[i], words_of(outcomes[i])});
    }
  }
  std::ranges::sort(errors, {}, &ItemError::index);

  HttpResponse response;
  std::string& out = response.body;
  out.reserve(128 + outcomes.size() * 160);
  out = R"({"success":)";
  out += errors.empty() ? "true" : "false";
  out += R"(,"processed":)" + std::to_string(delivered.size());
  out += R"(,"failed":)" + std::to_string(errors.size());
  out += kind_ == Kind::kUpsert ? R"(,"objects":[)" : R"(,"event_ids":[)";
  append_list(out, delivered, [&](std::size_t i) {
    if (kind_ == Kind::kEvent) {
      out += json_string(outcomes[i].id);
      return;
    }
    out += '{';
    if (const auto upsert = Operation::parse(operations_[i])) {
      append_object(out, upsert->object, outcomes[i]);
    }
    out += '}';
  });
  out += R"(],"errors":[)";
  append_list(out, errors, [&](const ItemError& error) {
    out += json_string("index " + std::to_string(error.index) + ": " + error.reason);
  });
  out += R"(],"queued":false,"receipts":[)";
  append_list(out, outcomes,
              [&](const OperationOutcome& outcome) { out += std::to_string(outcome.receipt); });
  out += "]}";
  return response;
}

}  // namespace flowmyna
