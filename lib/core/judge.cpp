#include "core/judge.h"

#include <simdjson.h>

#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "core/batch_answer.h"
#include "core/retry_after.h"

namespace flowmyna {
namespace {

namespace dom = simdjson::dom;

// How much of a body is quoted in a reason: enough to recognise a portal or a validation error.
constexpr std::size_t kQuoteMax = 300;

/// Text of unknown origin, made safe for a log line and a terminal: valid UTF-8 without control
/// characters, be they ASCII's or C1's (U+0080 to U+009F, in which an escape sequence can begin).
std::string excerpt(std::string_view text) {
  std::string_view quoted = text.substr(0, kQuoteMax);
  while (!simdjson::validate_utf8(quoted.data(), quoted.size())) quoted.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    const auto byte = static_cast<unsigned char>(quoted[i]);
    const bool is_c1 = byte == 0xc2 && static_cast<unsigned char>(quoted[i + 1]) < 0xa0;
    out.push_back(byte < 0x20 || byte == 0x7f || is_c1 ? ' ' : quoted[i]);
    if (is_c1) ++i;
  }
  if (text.size() > kQuoteMax) out += "…";
  return out;
}

/// The API's own words in an error body: its `detail`, or the body where it has none.
std::string detail_of(const Answer& answer) {
  dom::parser parser;
  dom::element root;
  dom::element detail;
  if (parser.parse(answer.body).get(root) || root["detail"].get(detail)) {
    return excerpt(answer.body);
  }
  std::string_view text;
  if (!detail.get_string().get(text)) return excerpt(text);
  return excerpt(simdjson::minify(detail));
}

bool has_detail(const Answer& answer) {
  dom::parser parser;
  dom::element root;
  return !parser.parse(answer.body).get(root) && root["detail"].error() == simdjson::SUCCESS;
}

std::string with_detail(const std::string& what, const Answer& answer) {
  const std::string detail = detail_of(answer);
  return detail.empty() ? what : what + ": " + detail;
}

Verdict verdict(Verdict::Action action, std::string reason, bool unknown = false) {
  Verdict out;
  out.action = action;
  out.outcome_unknown = unknown;
  out.reason = std::move(reason);
  return out;
}

Verdict not_the_api(const Answer& answer, bool unknown = false) {
  return verdict(Verdict::Action::kRetry,
                 "HTTP " + std::to_string(answer.status) +
                     " that is not the API's (a captive portal or proxy?): " + excerpt(answer.body),
                 unknown);
}

/// A page for people. Any other answer may be what is left of the API's own.
bool is_page(const std::string& body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  return first != std::string::npos && body[first] == '<';
}

/// The request as a whole is not what the API takes.
Verdict refused(const std::string& name, const Answer& answer) {
  Verdict out = verdict(Verdict::Action::kSplit, with_detail(name, answer));
  out.words = detail_of(answer);
  return out;
}

/// The verdict on every answer but 200; nothing for 200.
std::optional<Verdict> judge_failure(const Answer& answer, std::int64_t now_unix_s) {
  using Action = Verdict::Action;
  switch (answer.delivery) {
    case Answer::Delivery::kNotSent:
      return verdict(Action::kRelease, excerpt(answer.error));
    case Answer::Delivery::kLost:
      return verdict(Action::kRetry, excerpt(answer.error), true);
    case Answer::Delivery::kAnswered:
      break;
  }
  const int status = answer.status;
  const std::string name = "HTTP " + std::to_string(status);
  switch (status) {
    case 200:
      return std::nullopt;
    case 400:
    case 422:
      // Only the API's own words may end an operation's wait; a proxy's page may not.
      if (!has_detail(answer)) return not_the_api(answer);
      return refused(name, answer);
    case 413:
      return refused(name, answer);
    case 401:
    case 403:
      return verdict(Action::kUnauthorized,
                     with_detail(name + ", the API key is not accepted", answer));
    case 404:
    case 405:
      return verdict(Action::kMisconfigured,
                     with_detail(name + ", no such endpoint: check api.url", answer));
    case 407:
      return verdict(Action::kRetry,
                     with_detail(name + ", the proxy wants credentials: check api.proxy", answer));
    case 429: {
      Verdict out = verdict(Action::kThrottled, with_detail(name + ", too many requests", answer));
      out.wait = asked_wait(answer, now_unix_s).value_or(kAskedWaitMin);
      return out;
    }
    case 503: {
      Verdict out = verdict(Action::kRetry, with_detail(name, answer));
      out.wait = asked_wait(answer, now_unix_s).value_or(std::chrono::seconds(0));
      return out;
    }
    // A gateway that gave up on the API: the request may have been processed behind it.
    case 502:
    case 504:
      return verdict(Action::kRetry, with_detail(name, answer), true);
    default:
      break;
  }
  if (status >= 300 && status < 400) {
    return verdict(Action::kRetry, name + ", a redirect, which is never followed: check api.url");
  }
  return verdict(Action::kRetry, with_detail(name, answer));
}

std::vector<std::string> read_errors(dom::array errors) {
  std::vector<std::string> out;
  for (const dom::element element : errors) {
    std::string_view text;
    out.push_back(element.get_string().get(text) ? std::string("no reason given")
                                                 : std::string(text));
  }
  return out;
}

/// Which item each error is about; nothing unless every error names another item.
std::optional<std::map<std::size_t, std::string>> errors_by_item(
    const std::vector<std::string>& errors, std::size_t failed, std::size_t items) {
  std::map<std::size_t, std::string> out;
  for (const auto& error : errors) {
    const auto index = split_item_error(error).index;
    if (!index || *index >= items) return std::nullopt;
    out[*index] = error;
  }
  if (out.size() != failed || errors.size() != failed) return std::nullopt;
  return out;
}

/// The upserts of the request that `objects` does not list; nothing when that cannot be told.
std::optional<std::set<std::size_t>> missing_objects(const std::string& request_body,
                                                     dom::array succeeded) {
  std::set<ObjectName> listed;
  for (const dom::element entry : succeeded) {
    auto name = object_name(entry);
    if (!name) return std::nullopt;
    listed.insert(*std::move(name));
  }
  const auto requested = requested_objects(request_body);
  if (!requested) return std::nullopt;
  std::set<std::size_t> missing;
  for (std::size_t i = 0; i < requested->size(); ++i) {
    if (!listed.contains((*requested)[i])) missing.insert(i);
  }
  return missing;
}

std::string join(const std::vector<std::string>& errors) {
  std::string out;
  for (const auto& error : errors) out += (out.empty() ? "" : "; ") + error;
  return excerpt(out.empty() ? "no reason given" : out);
}

/// A 200 in which some items failed.
Verdict judge_partial(Kind kind, std::size_t items, const std::string& body,
                      const BatchAnswer& counts) {
  const auto errors = read_errors(counts.errors);
  const std::string all_errors = join(errors);
  Verdict out = verdict(Verdict::Action::kSettle, all_errors);
  out.items.assign(items, Verdict::Item::kFailed);
  out.reasons.assign(items, all_errors);
  const auto by_item = errors_by_item(errors, counts.failed, items);
  if (by_item) {
    for (const auto& [index, error] : *by_item) out.reasons[index] = excerpt(error);
  }
  if (counts.processed == 0) return out;

  std::set<std::size_t> failed;
  if (kind == Kind::kUpsert) {
    const auto missing = missing_objects(body, counts.list);
    if (!missing || missing->size() != counts.failed) {
      return verdict(Verdict::Action::kSeparate,
                     "partial failure that does not say which objects it is about: " + all_errors);
    }
    failed = *missing;
  } else {
    if (!by_item) {
      return verdict(Verdict::Action::kSeparate,
                     "partial failure that does not say which events it is about: " + all_errors,
                     true);
    }
    for (const auto& [index, error] : *by_item) failed.insert(index);
  }
  for (std::size_t i = 0; i < items; ++i) {
    if (!failed.contains(i)) out.items[i] = Verdict::Item::kDelivered;
  }
  return out;
}

}  // namespace

Verdict judge(Kind kind, std::size_t items, const std::string& body, const Answer& answer,
              std::int64_t now_unix_s) {
  if (auto failure = judge_failure(answer, now_unix_s)) return *std::move(failure);
  static thread_local dom::parser parser;
  dom::element root;
  // The DOM parser validates the whole body.
  if (parser.parse(answer.body).get(root) || !root.is_object()) {
    return not_the_api(answer, !is_page(answer.body));
  }
  const auto counts = read_batch_answer(kind, root, items);
  if (!counts) {
    return verdict(Verdict::Action::kRetry,
                   "HTTP 200 without the API's shape: " + excerpt(answer.body), true);
  }
  if (counts->failed > 0) return judge_partial(kind, items, body, *counts);
  Verdict out;
  out.action = Verdict::Action::kSettle;
  out.items.assign(items, Verdict::Item::kDelivered);
  return out;
}

Verdict judge_health(const Answer& answer, std::int64_t now_unix_s) {
  if (auto failure = judge_failure(answer, now_unix_s)) {
    // A health request carries no operation: there is nothing to split, and nothing to lose.
    if (failure->action == Verdict::Action::kSplit) failure->action = Verdict::Action::kRetry;
    failure->outcome_unknown = false;
    return *std::move(failure);
  }
  dom::parser parser;
  dom::element root;
  std::string_view status;
  if (parser.parse(answer.body).get(root) || root["status"].get_string().get(status) ||
      status != "healthy") {
    return not_the_api(answer);
  }
  return verdict(Verdict::Action::kSettle, "");
}

}  // namespace flowmyna
