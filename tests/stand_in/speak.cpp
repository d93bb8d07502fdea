#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "stand_in/speech.h"
#include "stand_in/world.h"

namespace flowmyna::stand_in {
namespace {

/// Keeps the fields in the order of the page.
using Json = nlohmann::ordered_json;

/// Of an object and an event that nobody sent.
constexpr std::uint64_t kForeignNumber = 1ULL << 62;

Json foreign(const Json& answer) {
  if (answer.contains("event_ids")) return event_uuid(kForeignNumber);
  return {{"object_id", object_uuid(kForeignNumber)},
          {"object_type", "Elsewhere"},
          {"external_id", "ELSEWHERE-1"},
          {"created", true}};
}

void add_to(Json& answer, const char* name, int difference) {
  answer[name] = answer[name].get<std::int64_t>() + difference;
}

void contradict_in_list(Contradiction contradiction, Json& answer, Json& list) {
  if (contradiction == Contradiction::kListedMore) return list.push_back(foreign(answer));
  if (list.empty()) return;
  if (contradiction == Contradiction::kListedFewer) list.erase(list.size() - 1);
  if (contradiction == Contradiction::kListedForeign) list.back() = foreign(answer);
  if (contradiction == Contradiction::kListedNull) list.back() = nullptr;
  if (contradiction != Contradiction::kListedTwice) return;
  const Json first = list.front();
  if (list.size() == 1) {
    list.push_back(first);
  } else {
    list.back() = first;
  }
}

void contradict(Contradiction contradiction, Json& answer) {
  switch (contradiction) {
    case Contradiction::kSuccessFalse:
      answer["success"] = false;
      return;
    case Contradiction::kProcessedShort:
      return add_to(answer, "processed", -1);
    case Contradiction::kProcessedLong:
      return add_to(answer, "processed", 1);
    case Contradiction::kFailedLong:
      return add_to(answer, "failed", 1);
    case Contradiction::kErrorsWithoutFailure:
      answer["failed"] = 0;
      answer["errors"] = Json::array({"index 0: something is wrong"});
      return;
    default:
      return contradict_in_list(contradiction, answer,
                                answer[answer.contains("objects") ? "objects" : "event_ids"]);
  }
}

/// In an order that is the same in every run, and another one for two or more.
void shuffle(Json& list) {
  const Json before = list;
  std::mt19937_64 random;  // NOLINT(cert-msc51-cpp): repeatable on purpose
  std::shuffle(list.begin(), list.end(), random);
  if (list == before) std::rotate(list.begin(), list.begin() + (list.empty() ? 0 : 1), list.end());
}

void write_list(AnswerForm::List form, const char* name, Json& answer) {
  const auto list = answer.find(name);
  if (list == answer.end()) return;
  if (form == AnswerForm::List::kNull) *list = nullptr;
  if (form == AnswerForm::List::kShuffled) shuffle(*list);
  if (form == AnswerForm::List::kAbsent) answer.erase(name);
}

void write_errors(const AnswerForm& form, Json& answer) {
  Json& errors = answer["errors"];
  if (errors.empty()) {
    if (form.errors == AnswerForm::NoErrors::kNull) errors = nullptr;
    if (form.errors == AnswerForm::NoErrors::kAbsent) answer.erase("errors");
    return;
  }
  switch (form.failure_errors) {
    case AnswerForm::Errors::kGiven:
      return;
    case AnswerForm::Errors::kNull:
      errors = nullptr;
      return;
    case AnswerForm::Errors::kAbsent:
      answer.erase("errors");
      return;
    case AnswerForm::Errors::kEmpty:
      errors = Json::array();
      return;
    case AnswerForm::Errors::kSingle:
      errors = Json::array({errors.front()});
      return;
    case AnswerForm::Errors::kShuffled:
      return shuffle(errors);
  }
}

void write_fields(const AnswerForm& form, Json& object) {
  if (!object.is_object()) return;
  for (const std::string& name : form.absent_fields) object.erase(name);
  for (const std::string& name : form.null_fields) {
    if (object.contains(name)) object[name] = nullptr;
  }
  if (!form.further_fields.empty()) object.update(Json::parse(form.further_fields));
}

}  // namespace

void speak(const AnswerForm& form, Reply& reply) {
  if (form == AnswerForm() || reply.status != 200) return;
  Json answer = Json::parse(reply.body, nullptr, false);
  if (!answer.is_object()) return;
  if (answer.contains("processed")) {
    for (const Contradiction contradiction : form.contradictions) contradict(contradiction, answer);
    if (answer.contains("objects")) {
      for (Json& object : answer["objects"]) write_fields(form, object);
    }
    write_list(form.objects, "objects", answer);
    write_list(form.event_ids, "event_ids", answer);
    write_errors(form, answer);
  } else if (std::find(form.contradictions.begin(), form.contradictions.end(),
                       Contradiction::kSuccessFalse) != form.contradictions.end() &&
             answer.contains("success")) {
    answer["success"] = false;
  }
  write_fields(form, answer);
  reply.body = answer.dump();
}

}  // namespace flowmyna::stand_in
