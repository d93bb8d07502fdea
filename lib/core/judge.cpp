#include "core/judge.h"

#include <algorithm>
#include <string_view>

#include "core/answer_body.h"
#include "core/batch_answer.h"
#include "core/header_text.h"
#include "core/partial_failure.h"
#include "core/retry_after.h"

namespace flowmyna {
namespace {

using Action = Verdict::Action;

/// What the verdict on a complete answer depends on. A 200 only comes this far when it settles
/// nothing.
struct Signs {
  int status = 0;
  bool has_detail = false;
  bool is_page = false;

  bool is_redirect() const { return status >= 300 && status < 400; }
  bool is_client_error() const { return status >= 400 && status < 500; }
  bool is_server_error() const { return status >= 500 && status < 600; }
  /// A proxy or portal in front of the API did not let the request through.
  bool is_of_proxy() const { return status == 407 || status == 511; }
};

/// What a server says of the request as it came, or of the time that it took: whoever says so, it
/// is not the network's doing.
bool is_about_the_request(int status) {
  switch (status) {
    case 408:
    case 413:
    case 425:
    case 429:
    case 499:  // nginx: the client has closed the connection
      return true;
    default:
      return false;
  }
}

bool is_wrong_address(int status) {
  return status == 404 || status == 405;
}

/// A page or a redirect, or a proxy's own refusal. A page of 5xx is a gateway's: it answered.
bool is_not_of_the_api(const Signs& signs) {
  if (signs.is_redirect() || signs.is_of_proxy()) return true;
  return signs.is_page && !signs.is_server_error() && !is_about_the_request(signs.status);
}

bool is_of_path(const Signs& signs) {
  if (is_not_of_the_api(signs)) return true;
  return signs.is_client_error() && !signs.has_detail && !is_about_the_request(signs.status) &&
         !is_wrong_address(signs.status);
}

/// Whether the request may have been processed all the same. It was not where the API refuses it in
/// its own words, or something else does that never passes on what it refuses.
bool may_be_processed(const Signs& signs) {
  switch (signs.status) {
    case 200:
      return !signs.is_page;
    case 408:
    case 425:
    case 499:
      return true;
    case 413:
    case 429:
      return false;
    default:
      break;
  }
  if (signs.is_redirect() || signs.is_of_proxy()) return false;
  return !(signs.is_client_error() && signs.has_detail);
}

/// Only the API's own words may end an operation's wait, or stop everything for a new key.
Action action_of(const Signs& signs) {
  switch (signs.status) {
    case 400:
    case 422:
      return signs.has_detail ? Action::kSplit : Action::kRetry;
    case 401:
    case 403:
      return signs.has_detail ? Action::kUnauthorized : Action::kRetry;
    case 404:
    case 405:
      return Action::kMisconfigured;
    case 413:
      return Action::kTooLarge;
    case 429:
      return Action::kThrottled;
    default:
      return Action::kRetry;
  }
}

std::string_view remark_on(const Signs& signs, Action action) {
  if (action == Action::kUnauthorized) return ", the API key is not accepted";
  if (action == Action::kMisconfigured) return ", no such endpoint: check api.url";
  if (action == Action::kThrottled) return ", too many requests";
  if (signs.status == 407) return ", the proxy wants credentials: check api.proxy";
  if (signs.is_redirect()) return ", a redirect, which is never followed: check api.url";
  if (signs.status == 200 || is_of_path(signs)) {
    return " that is not the API's (a captive portal or proxy?)";
  }
  return "";
}

std::string reason_of(int status, std::string_view remark, const std::string& words) {
  const std::string what = "HTTP " + std::to_string(status) + std::string(remark);
  return words.empty() ? what : what + ": " + words;
}

std::string reason_of(const Signs& signs, Action action, const AnswerBody& body) {
  const std::string words = signs.is_redirect() ? std::string() : body.words();
  return reason_of(signs.status, remark_on(signs, action), words);
}

/// X-RateLimit-Reset may stand on every answer, so a server error asks for a wait by it only where
/// that is what the error means.
std::chrono::milliseconds wait_of(const Answer& answer, const Signs& signs,
                                  std::int64_t now_unix_s) {
  if (signs.status == 429) return asked_wait(answer, now_unix_s).value_or(kAskedWaitMin);
  const bool asks = signs.status == 503 || !trim_blanks(answer.retry_after).empty();
  if (!signs.is_server_error() || !asks) return {};
  return asked_wait(answer, now_unix_s).value_or(std::chrono::seconds(0));
}

Signs signs_of(const Answer& answer, const AnswerBody& body) {
  return {answer.status, body.has_detail(), body.is_page()};
}

/// The verdict on every complete answer that is no 200 of the API's.
Verdict judge_status(const Answer& answer, const AnswerBody& body, std::int64_t now_unix_s) {
  const Signs signs = signs_of(answer, body);
  Verdict out;
  out.action = action_of(signs);
  out.outcome_unknown = may_be_processed(signs);
  out.is_of_path = is_of_path(signs);
  out.wait = wait_of(answer, signs, now_unix_s);
  out.reason = reason_of(signs, out.action, body);
  if (out.action == Action::kSplit || out.action == Action::kTooLarge) out.words = body.words();
  return out;
}

Action action_without_sending(Answer::Obstacle obstacle) {
  switch (obstacle) {
    case Answer::Obstacle::kNoKey:
      return Action::kNoKey;
    case Answer::Obstacle::kMisconfigured:
      return Action::kMisconfigured;
    case Answer::Obstacle::kNone:
      break;
  }
  return Action::kRelease;
}

/// No complete answer came.
Verdict judge_silence(const Answer& answer) {
  const bool is_lost = answer.delivery == Answer::Delivery::kLost;
  Verdict out;
  out.action = is_lost ? Action::kRetry : action_without_sending(answer.obstacle);
  out.outcome_unknown = is_lost;
  out.is_of_path = true;
  out.reason = excerpt(answer.error);
  return out;
}

/// A JSON object of status 200.
Verdict judge_batch(const JudgedRequest& request, const AnswerBody& body, IndexBase base) {
  Verdict out;
  const auto answer = read_batch_answer(request, *body.object());
  if (!answer) {
    out.outcome_unknown = true;
    out.reason = reason_of(200, " " + answer.error(), body.words());
    return out;
  }
  if (answer->failed > 0) return judge_partial(request, *answer, base);
  out.action = Action::kSettle;
  out.items.assign(request.items, Verdict::Item::kDelivered);
  return out;
}

bool is_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

bool is_healthy(const Answer& answer, const AnswerBody& body) {
  std::string_view status;
  if (answer.status != 200 || !body.object()) return false;
  if ((*body.object())["status"].get_string().get(status)) return false;
  return is_word(status, "healthy") || is_word(status, "ok");
}

Action health_action(const Signs& signs) {
  if (signs.status == 429) return Action::kThrottled;
  const bool is_refusal = signs.status == 401 || signs.status == 403;
  return is_refusal && !signs.is_page ? Action::kUnauthorized : Action::kRetry;
}

}  // namespace

Verdict judge(const JudgedRequest& request, const Answer& answer, std::int64_t now_unix_s,
              IndexBase base) {
  if (answer.delivery != Answer::Delivery::kAnswered) return judge_silence(answer);
  const AnswerBody body(answer.body);
  if (answer.status == 200 && body.object()) return judge_batch(request, body, base);
  return judge_status(answer, body, now_unix_s);
}

Verdict judge_health(const Answer& answer, std::int64_t now_unix_s) {
  Verdict out;
  if (answer.delivery != Answer::Delivery::kAnswered) {
    out = judge_silence(answer);
    out.outcome_unknown = false;  // it carries no operation: there is nothing to lose
    return out;
  }
  const AnswerBody body(answer.body);
  if (is_healthy(answer, body)) {
    out.action = Action::kSettle;
    return out;
  }
  const Signs signs = signs_of(answer, body);
  out.action = health_action(signs);
  out.is_of_path = is_not_of_the_api(signs);
  out.wait = wait_of(answer, signs, now_unix_s);
  out.reason = reason_of(signs, out.action, body);
  return out;
}

DeliveryState state_after(Verdict::Action failure) {
  switch (failure) {
    case Verdict::Action::kUnauthorized:
      return DeliveryState::kUnauthorized;
    case Verdict::Action::kMisconfigured:
      return DeliveryState::kMisconfigured;
    case Verdict::Action::kNoKey:
      return DeliveryState::kNoKey;
    case Verdict::Action::kSettle:
    case Verdict::Action::kRetry:
    case Verdict::Action::kRelease:
    case Verdict::Action::kThrottled:
    case Verdict::Action::kSplit:
    case Verdict::Action::kTooLarge:
    case Verdict::Action::kSeparate:
      break;
  }
  return DeliveryState::kBackingOff;
}

}  // namespace flowmyna
