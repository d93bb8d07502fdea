#include "faults.h"

#include <algorithm>
#include <array>

namespace flowmyna::simulation {
namespace {

constexpr std::array kAllFaults{
    Fault::kRefused,       Fault::kLostBefore, Fault::kLostAfter, Fault::kLate,
    Fault::kServerError,   Fault::kGateway,    Fault::kThrottled, Fault::kPortal,
    Fault::kUnauthorized,  Fault::kNotFound,   Fault::kTruncated, Fault::kHalfDone,
    Fault::kContradiction,
};

Answer http_answer(int status, std::string body, std::string content_type = "application/json") {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.content_type = std::move(content_type);
  return answer;
}

Answer unanswered(Answer::Delivery delivery, std::string error) {
  Answer answer;
  answer.delivery = delivery;
  answer.sends = delivery == Answer::Delivery::kNotSent ? 0 : 1;
  answer.error = std::move(error);
  return answer;
}

Answer throttled(Chance& chance, std::int64_t now_unix_s) {
  Answer answer = http_answer(429, R"({"detail":"too many requests"})");
  const auto seconds = chance.one_of<std::int64_t>({0, 1, 7, 30, 120});
  if (chance.one_in(0.5)) {
    answer.retry_after = std::to_string(seconds);
  } else {
    answer.rate_limit_reset = std::to_string(now_unix_s + seconds);
  }
  return answer;
}

}  // namespace

std::string_view name_of(Fault fault) {
  constexpr std::array<std::string_view, 14> kNames{
      "fine",           "refused",       "lost before",  "lost after",   "late",
      "server error",   "gateway error", "unauthorized", "not found",    "throttled",
      "captive portal", "truncated",     "half done",    "contradiction"};
  return kNames[static_cast<std::size_t>(fault)];
}

bool may_be_processed(Fault fault) {
  switch (fault) {
    case Fault::kNone:
    case Fault::kLostAfter:
    case Fault::kLate:
    case Fault::kGateway:
    case Fault::kTruncated:
    case Fault::kHalfDone:
    case Fault::kContradiction:
      return true;
    default:
      return false;
  }
}

bool may_be_networks(Fault fault) {
  switch (fault) {
    case Fault::kRefused:
    case Fault::kLostBefore:
    case Fault::kLostAfter:
    case Fault::kLate:
    case Fault::kPortal:
      return true;
    default:
      return false;
  }
}

const FaultPlan::Period* FaultPlan::period(BootTime now) const {
  const auto it = std::ranges::find_if(options_.periods, [now](const Period& candidate) {
    return candidate.begin <= now && now < candidate.end;
  });
  return it == options_.periods.end() ? nullptr : &*it;
}

const FaultPlan::Period* FaultPlan::outage(BootTime now) const {
  const Period* current = period(now);
  if (current == nullptr) return nullptr;
  const bool is_open = std::ranges::any_of(current->faults, [](Fault fault) {
    return fault == Fault::kNone || fault == Fault::kThrottled;
  });
  return is_open ? nullptr : current;
}

Fault FaultPlan::draw(BootTime now) {
  if (is_over(now)) return Fault::kNone;
  if (const Period* current = period(now)) {
    return chance_.one_of(std::span<const Fault>(current->faults));
  }
  if (!chance_.one_in(options_.background)) return Fault::kNone;
  return chance_.one_of(std::span<const Fault>(kAllFaults));
}

Answer fault_answer(Fault fault, Chance& chance, std::int64_t now_unix_s) {
  switch (fault) {
    case Fault::kRefused:
      return unanswered(Answer::Delivery::kNotSent, "connection refused");
    case Fault::kServerError:
      return http_answer(chance.one_of({408, 425, 500, 503}), R"({"detail":"try again"})");
    case Fault::kHalfDone:
      return http_answer(500, R"({"detail":"try again"})");
    case Fault::kGateway:
      return http_answer(chance.one_of({502, 504}), "<html>bad gateway</html>", "text/html");
    case Fault::kUnauthorized:
      return http_answer(chance.one_of({401, 403}), R"({"detail":"invalid key"})");
    case Fault::kNotFound:
      return http_answer(chance.one_of({404, 405}), R"({"detail":"Not Found"})");
    case Fault::kThrottled:
      return throttled(chance, now_unix_s);
    case Fault::kPortal:
      return http_answer(chance.one_of({200, 302, 403}), "<html>Please log in</html>", "text/html");
    default:
      return unanswered(Answer::Delivery::kLost, "timed out");
  }
}

}  // namespace flowmyna::simulation
