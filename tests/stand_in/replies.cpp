#include "stand_in/replies.h"

#include "stand_in/json_text.h"
#include "stand_in/speech.h"

namespace flowmyna::stand_in {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

Reply ok(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

/// The fields that an upsert's answer and an entry of a batch's answer have in common.
void append_object(std::string& out, const Item& item, const UpsertResult& result) {
  out += R"("object_id":")";
  out += object_uuid(result.object_number);
  out += R"(","object_type":)";
  append_quoted(out, item.type.text);
  out += R"(,"external_id":)";
  append_quoted(out, item.id.text);
  out += result.created ? R"(,"created":true)" : R"(,"created":false)";
}

std::string batch_head(std::size_t processed, std::size_t failed) {
  return std::string(R"({"success":)") + (failed == 0 ? "true" : "false") + R"(,"processed":)" +
         std::to_string(processed) + R"(,"failed":)" + std::to_string(failed);
}

void append_errors(std::string& out, std::span<const std::string> errors) {
  out += R"(,"errors":[)";
  for (const std::string& error : errors) {
    if (&error != &errors.front()) out += ',';
    append_quoted(out, error);
  }
  out += "]}";
}

constexpr std::string_view kPortalPage =
    "<!DOCTYPE html>\n<html><head><title>Guest network</title></head>\n"
    "<body><h1>Welcome</h1><p>Accept the terms to go on-line.</p></body></html>\n";

/// Enough text to be cut in the middle.
constexpr std::string_view kCutText =
    R"({"success":true,"processed":1,"failed":0,"objects":[],"event_ids":[],"errors":[]})";

Reply status_reply(const StatusAnswer& answer, std::chrono::system_clock::time_point now) {
  Reply reply;
  reply.status = answer.status;
  reply.body = answer.body;
  reply.content_type = answer.content_type;
  reply.headers = answer.headers;
  const auto in = [now](std::int64_t seconds) { return now + std::chrono::seconds(seconds); };
  if (answer.reset_in_s) {
    const auto reset = std::chrono::system_clock::to_time_t(in(*answer.reset_in_s));
    reply.headers.emplace_back("X-RateLimit-Reset", std::to_string(reset));
  }
  if (answer.retry_after_date_s) {
    reply.headers.emplace_back("Retry-After", format_http_date(in(*answer.retry_after_date_s)));
  }
  return reply;
}

}  // namespace

Reply plain_error(unsigned status, std::string_view detail) {
  Reply reply;
  reply.status = status;
  reply.body = R"({"detail":)" + quoted(detail) + "}";
  return reply;
}

Reply schema_error(std::string_view problems) {
  Reply reply;
  reply.status = 422;
  reply.body = R"({"detail":)" + std::string(problems) + "}";
  return reply;
}

Reply health_answer() {
  return ok(R"({"status":"healthy","workspace_id":"6b1f0c52-0f5c-4f0e-9b57-2f6a3f2d8c11",)"
            R"("workspace_name":"Stand-in","dataset_id":"d2a9a4de-71a3-4a39-8d0c-5b8d1f6f7e22",)"
            R"("dataset_name":"Stand-in dataset","api_key_name":"Stand-in key"})");
}

Reply upsert_answer(const Item& item, const UpsertResult& result) {
  std::string out = R"({"success":true,)";
  append_object(out, item, result);
  out += R"(,"message":)";
  append_quoted(out, "Object '" + std::string(item.type.text) + "/" + std::string(item.id.text) +
                         "' " + (result.created ? "created" : "updated") + " successfully");
  out += '}';
  return ok(std::move(out));
}

Reply event_answer(const Item& item, std::uint64_t number, std::string_view timestamp) {
  const std::size_t objects = item.objects.end - item.objects.begin;
  return ok(R"({"success":true,"event_id":")" + event_uuid(number) + R"(","event_type":)" +
            quoted(item.event.text) + R"(,"timestamp":)" + quoted(timestamp) +
            R"(,"objects_count":)" + std::to_string(objects) + R"(,"message":)" +
            quoted("Event '" + std::string(item.event.text) + "' recorded successfully") + "}");
}

Reply upsert_batch_answer(const Body& body, std::span<const std::uint32_t> applied,
                          std::span<const UpsertResult> results,
                          std::span<const std::string> errors) {
  std::string out = batch_head(applied.size(), errors.size());
  out += R"(,"objects":[)";
  for (const std::uint32_t& index : applied) {
    out += &index == &applied.front() ? "{" : ",{";
    append_object(out, body.items[index], results[index]);
    out += '}';
  }
  out += ']';
  append_errors(out, errors);
  return ok(std::move(out));
}

Reply event_batch_answer(std::span<const std::uint32_t> applied,
                         std::span<const std::uint64_t> numbers,
                         std::span<const std::string> errors) {
  std::string out = batch_head(applied.size(), errors.size());
  out += R"(,"event_ids":[)";
  for (const std::uint32_t& index : applied) {
    out += &index == &applied.front() ? "\"" : ",\"";
    out += event_uuid(numbers[index]);
    out += '"';
  }
  out += ']';
  append_errors(out, errors);
  return ok(std::move(out));
}

void spoil(const FaultRule& rule, std::chrono::system_clock::time_point now, Reply& reply) {
  switch (rule.kind) {
    case FaultKind::kUnauthorized:
      reply = plain_error(401, "Invalid or revoked API key");
      return;
    case FaultKind::kForbidden:
      reply = plain_error(403, "Forbidden");
      return;
    case FaultKind::kNotFound:
      reply = plain_error(404, "Not Found");
      return;
    case FaultKind::kStatus:
      reply = status_reply(rule.answer, now);
      return;
    case FaultKind::kMaxBody:
      reply = plain_error(413, "Request Entity Too Large");
      return;
    case FaultKind::kHtml200:
      reply = ok(std::string(kPortalPage));
      reply.content_type = "text/html; charset=utf-8";
      return;
    case FaultKind::kGarbage:
      reply = ok("{\"success\": tr\x01\xFF<<<");
      return;
    case FaultKind::kEmpty200:
      reply = ok("");
      return;
    case FaultKind::kWrongShape:
      reply = ok(R"({"ok":1,"result":[]})");
      return;
    case FaultKind::kTruncated:
      if (reply.body.empty()) reply = ok(std::string(kCutText));
      reply.ending = Ending::kTruncated;
      return;
    case FaultKind::kHang:
      reply.ending = Ending::kHanging;
      return;
    case FaultKind::kDown:
    case FaultKind::kLostAnswer:
      reply.ending = Ending::kCut;
      return;
    case FaultKind::kRefused:
    case FaultKind::kSlow:
    case FaultKind::kRejectItems:
    case FaultKind::kDialect:
      return;
  }
}

}  // namespace flowmyna::stand_in
