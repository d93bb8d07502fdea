#include "tests/fuzz/judge_invariants.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/identity.h"
#include "core/judge.h"
#include "tests/fuzz/json_oracle.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr std::size_t kItems = 3;
constexpr std::array kBases = {IndexBase::kUnknown, IndexBase::kZero, IndexBase::kOne,
                               IndexBase::kUnreliable};

const std::string kUpserts =
    R"({"objects":[{"type":"T","id":"a"},{"type":"T","id":"b"},{"type":"U","id":"a"}]})";
const std::string kEvents =
    R"({"events":[)"
    R"({"event":"A","timestamp":"2026-01-02","objects":[{"type":"T","id":"a"}]},)"
    R"({"event":"B","timestamp":"2026-01-02","objects":[{"type":"T","id":"b"}]},)"
    R"({"event":"C","timestamp":"2026-01-02","objects":[{"type":"U","id":"a"}]}]})";

const std::array<Touch, kItems> kTouches = {Touch{hash_object({"T", "a"}), true},
                                            Touch{hash_object({"T", "b"}), true},
                                            Touch{hash_object({"U", "a"}), true}};

std::size_t delivered(const Verdict& verdict) {
  return static_cast<std::size_t>(std::ranges::count(verdict.items, Verdict::Item::kDelivered));
}

bool is_count(const json& answer, const char* name, std::size_t value) {
  return answer.contains(name) && answer[name].is_number_integer() && answer[name] == value;
}

/// The counts of the answer account for every item, and for those that are taken as delivered.
std::string check_counts(const Verdict& verdict, const json& answer) {
  const std::size_t done = delivered(verdict);
  const bool are_right = answer.is_object() && answer.contains("success") &&
                         answer["success"].is_boolean() && is_count(answer, "processed", done) &&
                         is_count(answer, "failed", kItems - done);
  return are_right ? "" : "settled against its counts";
}

/// The body without the mark that the independent reader has no use for.
std::string_view json_of(const Answer& answer) {
  std::string_view body = answer.body;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  return body;
}

bool has_identity_of_failure(const JudgedRequest& request, const Answer& answer,
                             const Verdict& verdict) {
  const auto identities = read_identities(request.kind, request.body, verdict, answer);
  for (std::size_t i = 0; i < kItems; ++i) {
    if (identities[i] && verdict.items[i] != Verdict::Item::kDelivered) return true;
  }
  return false;
}

std::string check_settled(const JudgedRequest& request, const Answer& answer,
                          const Verdict& verdict) {
  if (answer.status != 200) return "settled by another status than 200";
  if (verdict.items.size() != kItems) return "settled other items than were sent";
  if (verdict.outcome_unknown || verdict.is_of_path) return "settled in doubt";
  if (has_identity_of_failure(request, answer, verdict)) return "a failure has an identity";
  if (!is_json(json_of(answer))) return "settled by what is not JSON";
  const auto document = parse_json(json_of(answer));
  return document ? check_counts(verdict, *document) : "";
}

/// Only what the API says in its own words ends an operation's wait.
std::string check_refused(const Answer& answer, const Verdict& verdict) {
  if (verdict.outcome_unknown || verdict.words.empty()) return "refused without words";
  if (!is_json(json_of(answer))) return "refused by what is not JSON";
  const auto document = parse_json(json_of(answer));
  const bool is_right = !document || (document->is_object() && document->contains("detail"));
  return is_right ? "" : "refused without the API's words";
}

bool is_one_line(const std::string& text) {
  return simdjson::validate_utf8(text.data(), text.size()) &&
         text.find_first_of("\r\n\x1b") == std::string::npos;
}

std::string check(const JudgedRequest& request, const Answer& answer, IndexBase base) {
  const Verdict verdict = judge(request, answer, 0, base);
  if (!is_one_line(verdict.reason)) return "a reason that is no readable line";
  if (verdict.action == Verdict::Action::kSettle) return check_settled(request, answer, verdict);
  if (!verdict.items.empty()) return "unsettled, but with items";
  return verdict.action == Verdict::Action::kSplit ? check_refused(answer, verdict) : "";
}

/// That it is known what a request touches makes the verdict come sooner, and changes nothing.
std::string check_with_touches(const Answer& answer, IndexBase base) {
  const Verdict with = judge({Kind::kUpsert, kItems, kUpserts, kTouches}, answer, 0, base);
  const Verdict without = judge({Kind::kUpsert, kItems, kUpserts}, answer, 0, base);
  const bool are_same = with.action == without.action && with.items == without.items &&
                        with.reason == without.reason && with.reasons == without.reasons;
  return are_same ? "" : "another verdict once it is known what was touched";
}

std::string check_health(const Answer& answer) {
  const Verdict verdict = judge_health(answer, 0);
  if (verdict.outcome_unknown || !verdict.items.empty()) return "health has an outcome";
  const bool is_settled = verdict.action == Verdict::Action::kSettle;
  return is_settled && !is_json(json_of(answer)) ? "healthy by what is not JSON" : "";
}

std::string check_status(int status, const std::string& body) {
  Answer answer;
  answer.status = status;
  answer.body = body;
  std::string broken = check_health(answer);
  for (const IndexBase base : kBases) {
    if (status != 200 && base != IndexBase::kUnknown) break;
    if (broken.empty()) broken = check({Kind::kUpsert, kItems, kUpserts}, answer, base);
    if (broken.empty()) broken = check({Kind::kEvent, kItems, kEvents}, answer, base);
    if (broken.empty()) broken = check_with_touches(answer, base);
  }
  return broken.empty() ? "" : "HTTP " + std::to_string(status) + ": " + broken;
}

std::string counts(int processed, int failed, const std::string& rest) {
  return R"({"success":)" + std::string(failed == 0 ? "true" : "false") + R"(,"processed":)" +
         std::to_string(processed) + R"(,"failed":)" + std::to_string(failed) + rest + "}";
}

std::vector<std::string> make_seeds() {
  const std::string a = R"({"object_id":"u1","object_type":"T","external_id":"a","created":true})";
  const std::string b = R"({"object_id":"u2","object_type":"T","external_id":"b","created":null})";
  const std::string c = R"({"object_type":"U","external_id":"a"})";
  return {
      counts(3, 0, ""),
      counts(3, 0, R"(,"errors":null,"a":12345678901234567890123,"b":1e400)"),
      counts(3, 0, R"(,"event_ids":["u1","u2","u3"],"errors":[])"),
      counts(3, 0, R"(,"objects":[)" + c + "," + a + "," + b + R"(],"errors":[])"),
      counts(2, 1, R"(,"event_ids":["u1","u2"],"errors":["index 0: no"])"),
      counts(2, 1, R"(,"event_ids":["u1","u2"],"errors":["Index 3: T/b: no"])"),
      counts(1, 2, R"(,"errors":["T/a: no","event 'C' is unknown"])"),
      counts(1, 2, R"(,"objects":[)" + b + R"(],"errors":["index 1: no","index 3: no"])"),
      counts(0, 3, R"(,"objects":null,"event_ids":[],"errors":["index 2: a","no",null])"),
      "\xef\xbb\xbf " + counts(3, 0, R"(,"message":"ok")"),
      R"({"detail":"no"})",
      R"({"detail":[{"loc":["body","events",0],"msg":"bad","type":"x","input":1e400}]})",
      R"({"status":"Healthy","workspace_id":"w"})",
      "<!DOCTYPE html><html></html>",
  };
}

}  // namespace

std::string broken_verdict(std::string_view bytes) {
  const std::string body(bytes);
  std::string broken;
  for (const int status : {200, 201, 302, 401, 404, 413, 422, 429, 500}) {
    if (broken.empty()) broken = check_status(status, body);
  }
  return broken;
}

const std::vector<std::string>& answer_seeds() {
  static const std::vector<std::string> all = make_seeds();
  return all;
}

}  // namespace flowmyna::test
