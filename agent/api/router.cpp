#include "agent/api/router.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "agent/api/dead_letter_report.h"
#include "agent/api/delivered_answer.h"
#include "agent/api/prefer.h"
#include "agent/api/reports.h"
#include "agent/api/responses.h"
#include "agent/api/write_answers.h"
#include "core/timestamp.h"

namespace flowmyna {
namespace {

static_assert(kBodyPadding >= Decoder::kPadding);

constexpr std::size_t kReceiptSegment = 3;  // /agent/v1/receipts/N

HttpResponse refused(const Refusal& refusal) {
  return json(refusal.status, "{\"detail\":" + refusal.detail + "}");
}

/// When a request came, and what that makes of events that bring no time of their own. Upserts have
/// none, so nothing is spent on it.
struct Acceptance {
  std::int64_t unix_ms;
  std::string timestamp;
  std::optional<BootStamp> boot;

  static Acceptance now(Kind kind, const Clock& clock) {
    if (kind == Kind::kUpsert) return {clock.unix_now_ms(), {}, {}};
    const AcceptanceTime time = acceptance_time(clock);
    return {time.unix_ms, iso8601_utc(time.unix_ms), time.boot};
  }
  EventStamp stamp() const { return {timestamp, boot}; }
};

/// What a writer asks for beyond its commit (`Prefer: wait`).
struct DeliveryWish {
  DeliveryControl& delivery;
  BootTime deadline;
  DeliveredAnswer answer;
};

/// A writer that waits for its commit, and perhaps for delivery.
class PendingWrite final : public Append {
 public:
  PendingWrite(EncodedOperations accepted, std::int64_t unix_ms, std::string head, bool is_batch,
               std::optional<DeliveryWish> wish, Responder responder)
      : Append(std::move(accepted), unix_ms / 1000),
        head_(std::move(head)),
        is_batch_(is_batch),
        wish_(std::move(wish)),
        responder_(std::move(responder)) {}

  void done(Result<Receipt> first) override {
    if (!first) {
      const bool is_too_large = first.error().kind == Error::Kind::kInvalid;
      responder_.send(is_too_large ? problem(413, first.error().message) : failed(first.error()));
      return;
    }
    HttpResponse queued =
        json(200, is_batch_ ? batch_answer(std::move(head_), *first, operations.size())
                            : single_answer(std::move(head_), *first));
    if (wish_) {
      wait_for_delivery(*first, std::move(queued));
    } else {
      responder_.send(std::move(queued));
    }
  }

 private:
  void wait_for_delivery(Receipt first, HttpResponse queued) {
    struct Waiting {
      DeliveredAnswer answer;
      HttpResponse queued;
      Responder responder;
    };
    auto waiting = std::make_shared<Waiting>(
        Waiting{std::move(wish_->answer), std::move(queued), std::move(responder_)});
    wish_->delivery.await({first, operations.size(), wish_->deadline,
                           [waiting](const std::vector<OperationOutcome>& outcomes) {
                             waiting->responder.send(outcomes.empty()
                                                         ? std::move(waiting->queued)
                                                         : waiting->answer.render(outcomes));
                           }});
  }

  std::string head_;
  bool is_batch_;
  std::optional<DeliveryWish> wish_;
  Responder responder_;
};

/// Whether the path fits, segment by segment; a slash at its end does not count.
bool fits(std::string_view pattern, std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    const auto pattern_end = std::min(pattern.find('/'), pattern.size());
    const auto path_end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, path_end);
    const bool is_any = pattern.substr(0, pattern_end) == "*" && !segment.empty();
    if (!is_any && pattern.substr(0, pattern_end) != segment) return false;
    if (pattern_end == pattern.size() || path_end == path.size()) {
      return pattern_end == pattern.size() && path_end == path.size();
    }
    pattern.remove_prefix(pattern_end + 1);
    path.remove_prefix(path_end + 1);
  }
}

bool is_ndjson(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')).find("application/x-ndjson") !=
         std::string_view::npos;
}

}  // namespace

const Router::Route Router::kRoutes[] = {
    {"POST", "/api/public/v1/object/upsert", &Router::object_upsert},
    {"POST", "/api/public/v1/object/batch", &Router::object_batch},
    {"POST", "/api/public/v1/event", &Router::event},
    {"POST", "/api/public/v1/event/batch", &Router::event_batch},
    {"GET", "/api/public/v1/health", &Router::health},
    {"GET", "/agent/v1/status", &Router::status},
    {"GET", "/agent/v1/receipts/*", &Router::receipt},
    {"GET", "/agent/v1/pending", &Router::pending},
    {"DELETE", "/agent/v1/pending/*", &Router::drop_pending},
    {"GET", "/agent/v1/dead-letters", &Router::dead_letters},
    {"GET", "/agent/v1/dead-letters/*", &Router::dead_letter},
    {"DELETE", "/agent/v1/dead-letters/*", &Router::drop_dead_letter},
    {"POST", "/agent/v1/dead-letters/retry", &Router::retry_dead_letters},
    {"POST", "/agent/v1/dead-letters/*/retry", &Router::retry_dead_letter},
    {"POST", "/agent/v1/exports", &Router::begin_export},
    {"GET", "/agent/v1/exports/*", &Router::export_page},
    {"POST", "/agent/v1/exports/*/drop", &Router::drop_exported},
    {"GET", "/agent/v1/imports/*", &Router::import_state},
    {"POST", "/agent/v1/imports/*", &Router::import_lines},
    {"POST", "/agent/v1/backups", &Router::begin_backup},
    {"POST", "/agent/v1/backups/*", &Router::continue_backup},
    {"GET", "/agent/v1/backups/*", &Router::read_backup},
    {"DELETE", "/agent/v1/backups/*", &Router::end_backup},
    {"POST", "/agent/v1/flush", &Router::flush},
    {"POST", "/agent/v1/pause", &Router::pause},
    {"POST", "/agent/v1/resume", &Router::resume},
    {"GET", "/metrics", &Router::metrics},
};

Router::Router(Outbox& outbox, DeliveryControl& delivery, const Clock& clock)
    : outbox_(outbox),
      delivery_(delivery),
      clock_(clock),
      started_at_(clock.boot_now()),
      accepted_before_(outbox.stats().last_receipt) {}

void Router::handle(const HttpRequest& request, Responder responder) {
  std::string allow;
  for (const Route& route : kRoutes) {
    if (!fits(route.path, request.path)) continue;
    if (request.method == route.method) {
      (this->*route.handler)(request, std::move(responder));
      return;
    }
    allow += (allow.empty() ? "" : ", ") + std::string(route.method);
  }
  HttpResponse response =
      allow.empty() ? problem(404, "Not Found") : problem(405, "Method Not Allowed");
  response.allow = allow;
  responder.send(std::move(response));
}

void Router::object_upsert(const HttpRequest& request, Responder responder) {
  write_single(Kind::kUpsert, request, std::move(responder));
}
void Router::object_batch(const HttpRequest& request, Responder responder) {
  write_batch(Kind::kUpsert, request, std::move(responder));
}
void Router::event(const HttpRequest& request, Responder responder) {
  write_single(Kind::kEvent, request, std::move(responder));
}
void Router::event_batch(const HttpRequest& request, Responder responder) {
  write_batch(Kind::kEvent, request, std::move(responder));
}

void Router::write_single(Kind kind, const HttpRequest& request, Responder responder) {
  const Acceptance now = Acceptance::now(kind, clock_);
  auto operations = decoder_.single(kind, request.body, now.stamp());
  if (!operations) {
    responder.send(refused(operations.error()));
    return;
  }
  std::string head = single_answer_head(responder.take_body(), (*operations)[0], now.unix_ms);
  std::optional<DeliveryWish> wish;
  if (const auto wait = preferred_wait(request.prefer)) {
    wish.emplace(DeliveryWish{delivery_, clock_.boot_now() + *wait,
                              DeliveredAnswer::to_single(kind, *operations)});
  }
  outbox_.append(std::make_unique<PendingWrite>(*std::move(operations), now.unix_ms,
                                                std::move(head), false, std::move(wish),
                                                std::move(responder)));
}

void Router::write_batch(Kind kind, const HttpRequest& request, Responder responder) {
  const Acceptance now = Acceptance::now(kind, clock_);
  auto batch = is_ndjson(request.content_type) ? decoder_.ndjson(kind, request.body, now.stamp())
                                               : decoder_.batch(kind, request.body, now.stamp());
  if (!batch) {
    responder.send(refused(batch.error()));
    return;
  }
  std::string head = batch_answer_head(kind, *batch, now.unix_ms);
  if (batch->accepted.empty()) {
    responder.send(json(200, batch_answer(std::move(head), 0, 0)));
    return;
  }
  std::optional<DeliveryWish> wish;
  if (const auto wait = preferred_wait(request.prefer)) {
    wish.emplace(DeliveryWish{delivery_, clock_.boot_now() + *wait,
                              DeliveredAnswer::to_batch(kind, *batch)});
  }
  outbox_.append(std::make_unique<PendingWrite>(std::move(batch->accepted), now.unix_ms,
                                                std::move(head), true, std::move(wish),
                                                std::move(responder)));
}

void Router::report(Responder responder, std::function<HttpResponse(const Snapshot&)> render) {
  Snapshot snapshot;
  snapshot.delivery = delivery_.status();  // before the time: nothing in it lies ahead
  snapshot.unix_now_ms = clock_.unix_now_ms();
  snapshot.boot_now = clock_.boot_now();
  snapshot.uptime = std::chrono::floor<std::chrono::seconds>(snapshot.boot_now - started_at_);
  ReadLimits oldest;
  oldest.operations_max = 1;
  oldest.bytes_max = 1;
  auto shared = std::make_shared<Responder>(std::move(responder));
  outbox_.read(oldest, [this, snapshot, shared, render](const Result<Window>& window) mutable {
    snapshot.outbox = outbox_.stats();
    if (window && !window->empty()) {
      const Window::Row& row = window->rows().front();
      snapshot.oldest_unix_s = row.accepted_unix_s;
      snapshot.oldest_is_of_this_run = row.receipt > accepted_before_;
    }
    shared->send(render(snapshot));
  });
}

void Router::status(const HttpRequest&, Responder responder) {
  report(std::move(responder),
         [](const Snapshot& snapshot) { return json(200, status_json(snapshot)); });
}

void Router::health(const HttpRequest&, Responder responder) {
  delivery_.refresh_health();
  report(std::move(responder), &health_answer);
}

void Router::metrics(const HttpRequest&, Responder responder) {
  report(std::move(responder), [](const Snapshot& snapshot) {
    HttpResponse response = json(200, metrics_text(snapshot));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  });
}

void Router::receipt(const HttpRequest& request, Responder responder) {
  const auto receipt = number_in(request.path, kReceiptSegment);
  if (!receipt) {
    responder.send(problem(404, "a receipt is a number, as the answer to a write gives it"));
    return;
  }
  look_up(
      outbox_, *receipt,
      [shared =
           std::make_shared<Responder>(std::move(responder))](const Result<ReceiptReport>& report) {
        if (!report) {
          shared->send(failed(report.error()));
        } else if (report->state == ReceiptState::kUnknown) {
          shared->send(problem(404, "no operation has receipt " + std::to_string(report->receipt)));
        } else {
          shared->send(json(200, receipt_json(*report)));
        }
      });
}

void Router::flush(const HttpRequest&, Responder responder) {
  delivery_.flush();
  responder.send(json(200, "{\"pending\":" + std::to_string(outbox_.stats().pending()) + "}"));
}

void Router::pause(const HttpRequest&, Responder responder) {
  delivery_.pause();
  responder.send(json(200, R"({"state":"paused"})"));
}

void Router::resume(const HttpRequest&, Responder responder) {
  delivery_.resume();
  responder.send(json(200, R"({"state":"delivering"})"));
}

}  // namespace flowmyna
