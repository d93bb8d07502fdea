// The writes: decode, validate, hand to the outbox, and answer once it has committed.

#include <memory>
#include <optional>

#include "agent/api/delivered_answer.h"
#include "agent/api/media_type.h"
#include "agent/api/prefer.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "agent/api/write_answers.h"
#include "core/timestamp.h"

namespace flowmyna {
namespace {

static_assert(kBodyPadding >= Decoder::kPadding);

HttpResponse refused(const Refusal& refusal) {
  return json(refusal.status, "{\"detail\":" + refusal.detail + "}");
}

/// When a request came, and the timestamp that this gives to events without one. Upserts have none,
/// so for them none is made.
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
      responder_.send(failed(first.error()));
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
    Wait wait{first, operations.size(), wish_->deadline,
              [waiting](const std::vector<OperationOutcome>& outcomes) {
                waiting->responder.send(outcomes.empty() ? std::move(waiting->queued)
                                                         : waiting->answer.render(outcomes));
              }};
    wish_->delivery.post(
        [wait = std::move(wait)](DeliveryActions& delivery) { delivery.await(wait); });
  }

  std::string head_;
  bool is_batch_;
  std::optional<DeliveryWish> wish_;
  Responder responder_;
};

void write_single(Backend& backend, Kind kind, const HttpRequest& request, Responder responder) {
  const Acceptance now = Acceptance::now(kind, backend.clock);
  auto operations = backend.decoder.single(kind, request.body, now.stamp());
  if (!operations) {
    responder.send(refused(operations.error()));
    return;
  }
  std::string head = single_answer_head(responder.take_body(), (*operations)[0], now.unix_ms);
  std::optional<DeliveryWish> wish;
  if (const auto wait = preferred_wait(request.prefer)) {
    wish.emplace(DeliveryWish{backend.delivery, backend.clock.boot_now() + *wait,
                              DeliveredAnswer::to_single(kind, *operations)});
  }
  backend.outbox.append(std::make_unique<PendingWrite>(*std::move(operations), now.unix_ms,
                                                       std::move(head), false, std::move(wish),
                                                       std::move(responder)));
}

void write_batch(Backend& backend, Kind kind, const HttpRequest& request, Responder responder) {
  const Acceptance now = Acceptance::now(kind, backend.clock);
  const bool is_lines = names_media_type(request.content_type, "application/x-ndjson");
  auto batch = is_lines ? backend.decoder.ndjson(kind, request.body, now.stamp())
                        : backend.decoder.batch(kind, request.body, now.stamp());
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
    wish.emplace(DeliveryWish{backend.delivery, backend.clock.boot_now() + *wait,
                              DeliveredAnswer::to_batch(kind, *batch)});
  }
  backend.outbox.append(std::make_unique<PendingWrite>(std::move(batch->accepted), now.unix_ms,
                                                       std::move(head), true, std::move(wish),
                                                       std::move(responder)));
}

void object_upsert(Backend& backend, const HttpRequest& request, Responder responder) {
  write_single(backend, Kind::kUpsert, request, std::move(responder));
}
void object_batch(Backend& backend, const HttpRequest& request, Responder responder) {
  write_batch(backend, Kind::kUpsert, request, std::move(responder));
}
void event(Backend& backend, const HttpRequest& request, Responder responder) {
  write_single(backend, Kind::kEvent, request, std::move(responder));
}
void event_batch(Backend& backend, const HttpRequest& request, Responder responder) {
  write_batch(backend, Kind::kEvent, request, std::move(responder));
}

}  // namespace

std::span<const Route> write_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/api/public/v1/object/upsert", &object_upsert},
      {"POST", "/api/public/v1/object/batch", &object_batch},
      {"POST", "/api/public/v1/event", &event},
      {"POST", "/api/public/v1/event/batch", &event_batch},
  };
  return kRoutes;
}

}  // namespace flowmyna
