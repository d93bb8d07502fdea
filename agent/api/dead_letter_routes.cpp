// Routes of the router for dead letters, from the listing to a person's decision.

#include <algorithm>
#include <memory>

#include "agent/api/dead_letter_report.h"
#include "agent/api/query.h"
#include "agent/api/reports.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "delivery/dead_letter_retry.h"

namespace flowmyna {
namespace {

constexpr std::size_t kLimitDefault = 100;
constexpr std::size_t kLimitMax = 1000;

Result<LetterLimits> parse_limits(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) return tl::make_unexpected(parameters.error());
  LetterLimits limits;
  limits.letters_max = kLimitDefault;
  for (const auto& [name, value] : *parameters) {
    if (name != "after" && name != "limit") {
      return fail(Error::Kind::kInvalid,
                  "unknown parameter '" + name + "': this route takes after and limit");
    }
    const bool is_limit = name == "limit";
    const auto number = number_parameter(name, value, is_limit ? 1 : 0,
                                         is_limit ? kLimitMax : LetterLimits().through);
    if (!number) return tl::make_unexpected(number.error());
    (is_limit ? limits.letters_max : limits.after) = *number;
  }
  return limits;
}

LetterLimits only(Receipt letter) {
  LetterLimits limits;
  limits.after = letter - 1;
  limits.through = letter;
  return limits;
}

/// Why there is no dead letter of this number, and where to look instead.
std::string no_such_letter(const ReceiptReport& report) {
  const std::string number = std::to_string(report.receipt);
  const std::string none = "no dead letter has the number " + number;
  if (report.letter) {
    return none + ": operation " + number + " is part of dead letter " +
           std::to_string(report.letter->id);
  }
  if (report.state == ReceiptState::kUnknown) return none;
  if (!report.why_unknown.empty()) return none + ": " + report.why_unknown;
  return none + ": operation " + number + " is " + name_of(report.state);
}

void answer_not_found(Outbox& outbox, Receipt letter, const SharedResponder& responder) {
  look_up(outbox, letter, [responder](const Result<ReceiptReport>& report) {
    responder->send(report ? problem(404, no_such_letter(*report)) : failed(report.error()));
  });
}

/// The number in the path, or nothing after a 404 that says what belongs there.
std::optional<Receipt> letter_in(const HttpRequest& request, Responder& responder) {
  const auto letter = number_in(request.path, kIdSegment);
  if (!letter || *letter > LetterLimits().through) {
    responder.send(problem(
        404, "a dead letter is named by its number: GET /agent/v1/dead-letters lists them"));
    return std::nullopt;
  }
  return letter;
}

std::string list_json(const DeadLetters& found) {
  std::string body = R"({"dead_letters":[)";
  for (const DeadLetter& letter : found.letters) {
    if (&letter != found.letters.data()) body += ',';
    body += dead_letter_entry(letter);
  }
  return body + R"(],"more":)" + (found.more ? "true}" : "false}");
}

std::string retried_json(const RetriedLetters& retried) {
  std::string body = R"({"dead_letters":)" + std::to_string(retried.letters) + R"(,"operations":)" +
                     std::to_string(retried.operations) + R"(,"damaged":[)";
  const char* separator = "";
  for (const Receipt letter : retried.damaged) {
    body += separator;
    body += std::to_string(letter);
    separator = ",";
  }
  return body + "]}";
}

void dead_letters(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto limits = parse_limits(request.query);
  if (!limits) {
    responder.send(problem(422, limits.error().message));
    return;
  }
  backend.outbox.ask<DeadLetters>(
      [limits = *limits](OutboxQueries& stored) { return stored.dead_letters(limits); },
      [responder = share(std::move(responder))](const Result<DeadLetters>& found) {
        responder->send(found ? json(200, list_json(*found)) : failed(found.error()));
      });
}

void dead_letter(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto letter = letter_in(request, responder);
  if (!letter) return;
  look_up(backend.outbox, *letter,
          [responder = share(std::move(responder))](const Result<ReceiptReport>& report) {
            if (!report) {
              responder->send(failed(report.error()));
            } else if (!report->letter || report->letter->id != report->receipt) {
              responder->send(problem(404, no_such_letter(*report)));
            } else {
              responder->send(json(200, dead_letter_report(*report->letter)));
            }
          });
}

void retry(Backend& backend, LetterLimits limits, Done<RetriedLetters> done) {
  DeadLetterRetry::start(
      [&backend](LetterLimits step, Done<RetriedLetters> stepped) {
        backend.outbox.retry_dead_letters(step, std::move(stepped));
      },
      limits,
      [&backend](Receipt lowest) {
        backend.delivery.post([lowest](DeliveryActions& delivery) { delivery.returned(lowest); });
      },
      std::move(done));
}

void retry_dead_letter(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto letter = letter_in(request, responder);
  if (!letter) return;
  const auto done = [&backend, letter = *letter, responder = share(std::move(responder))](
                        const Result<RetriedLetters>& retried) {
    if (!retried) {
      responder->send(failed(retried.error()));
    } else if (!retried->damaged.empty()) {
      responder->send(
          problem(409, "an operation of dead letter " + std::to_string(letter) +
                           " fails its checksum and cannot be sent: look at it, write again "
                           "what can be saved, and drop the letter"));
    } else if (retried->letters == 0) {
      answer_not_found(backend.outbox, letter, responder);
    } else {
      responder->send(json(200, retried_json(*retried)));
    }
  };
  retry(backend, only(*letter), done);
}

void retry_dead_letters(Backend& backend, const HttpRequest&, Responder responder) {
  LetterLimits all;
  all.through = backend.outbox.stats().last_receipt;  // so it ends, whatever dies meanwhile
  retry(backend, all,
        [responder = share(std::move(responder))](const Result<RetriedLetters>& retried) {
          responder->send(retried ? json(200, retried_json(*retried)) : failed(retried.error()));
        });
}

void drop_dead_letter(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto letter = letter_in(request, responder);
  if (!letter) return;
  backend.outbox.drop_dead_letters(
      only(*letter), [&backend, letter = *letter,
                      responder = share(std::move(responder))](const Result<DeadLetters>& dropped) {
        if (!dropped) {
          responder->send(failed(dropped.error()));
        } else if (dropped->letters.empty()) {
          answer_not_found(backend.outbox, letter, responder);
        } else {
          responder->send(json(200, dead_letter_report(dropped->letters.front())));
        }
      });
}

}  // namespace

std::span<const Route> dead_letter_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/agent/v1/dead-letters", &dead_letters},
      {"GET", "/agent/v1/dead-letters/*", &dead_letter},
      {"DELETE", "/agent/v1/dead-letters/*", &drop_dead_letter},
      {"POST", "/agent/v1/dead-letters/retry", &retry_dead_letters},
      {"POST", "/agent/v1/dead-letters/*/retry", &retry_dead_letter},
  };
  return kRoutes;
}

}  // namespace flowmyna
