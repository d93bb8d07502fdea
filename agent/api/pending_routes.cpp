// Routes of the router for pending operations: the listing, what of it is stuck, and a person's
// decision to drop one.

#include <memory>

#include "agent/api/dead_letter_report.h"
#include "agent/api/pending_scan.h"
#include "agent/api/reports.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "agent/api/stuck_list.h"

namespace flowmyna {
namespace {

std::function<void(const Result<std::string>&)> answer_with_body(SharedResponder responder) {
  return [responder = std::move(responder)](const Result<std::string>& body) {
    responder->send(body ? json(200, *body) : failed(body.error()));
  };
}

/// Why nothing pending can be dropped under this receipt, and where to look instead.
std::string not_pending(const ReceiptReport& report) {
  const std::string number = std::to_string(report.receipt);
  if (report.letter) {
    return "operation " + number + " is not pending: it is part of dead letter " +
           std::to_string(report.letter->id) + "; DELETE /agent/v1/dead-letters/" +
           std::to_string(report.letter->id) + " drops it";
  }
  if (report.state == ReceiptState::kUnknown) return "no pending operation has receipt " + number;
  if (!report.why_unknown.empty()) {
    return "whether operation " + number + " is pending cannot be known: " + report.why_unknown;
  }
  if (report.state != ReceiptState::kPending) {
    return "operation " + number + " is not pending: it is " + name_of(report.state);
  }
  return "operation " + number +
         " was merged into an earlier upsert of its object and shares its fate: drop that one; "
         "GET /agent/v1/pending lists it";
}

void answer_not_pending(Outbox& outbox, Receipt receipt, const SharedResponder& responder) {
  look_up(outbox, receipt, [responder](const Result<ReceiptReport>& report) {
    responder->send(report ? problem(404, not_pending(*report)) : failed(report.error()));
  });
}

/// What the operation is, as it will be told once it is dropped; nothing when its row is damaged.
std::optional<std::string> dropped_entry(const Window& window) {
  const Window::Row& row = window.rows().front();
  const auto operation = Operation::parse(window.stored(row));
  if (!operation) return std::nullopt;
  std::string entry = pending_entry(row, *operation);
  entry.pop_back();
  return entry + R"(,"state":"dropped"})";
}

void answer_dropped(Outbox& outbox, Receipt receipt, const SharedResponder& responder,
                    const Result<void>& done, const std::string& entry) {
  if (done) {
    responder->send(json(200, entry));
  } else if (done.error().kind == Error::Kind::kBusy) {
    responder->send(problem(409, "operation " + std::to_string(receipt) +
                                     " cannot be dropped right now: " + done.error().message));
  } else if (done.error().kind == Error::Kind::kInvalid) {
    answer_not_pending(outbox, receipt, responder);
  } else {
    responder->send(failed(done.error()));
  }
}

void pending(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto query = PendingQuery::parse(request.query);
  if (!query) {
    responder.send(problem(422, query.error().message));
    return;
  }
  auto answer = answer_with_body(share(std::move(responder)));
  if (!query->stuck) {
    PendingScan::start(backend.outbox, *query, std::move(answer));
    return;
  }
  backend.delivery.post([&backend, query = *query, answer](DeliveryActions& delivery) {
    StuckList::start(backend.outbox, query, delivery.stuck(StuckList::items_wanted(query)), answer);
  });
}

/// Reads it first: once it is dropped nobody can say any more what it was.
void drop_pending(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto receipt = number_in(request.path, kIdSegment);
  if (!receipt) {
    responder.send(problem(404,
                           "a pending operation is named by its receipt, a number from 1 on: "
                           "GET /agent/v1/pending lists them"));
    return;
  }
  backend.outbox.fetch({*receipt}, [&backend, receipt = *receipt,
                                    responder =
                                        share(std::move(responder))](const Result<Window>& window) {
    if (!window && window.error().kind == Error::Kind::kInvalid) {
      answer_not_pending(backend.outbox, receipt, responder);
      return;
    }
    const auto entry = window ? dropped_entry(*window) : std::nullopt;
    if (!entry) {
      responder->send(window
                          ? problem(503, "operation " + std::to_string(receipt) + " cannot be read")
                          : failed(window.error()));
      return;
    }
    const auto answer = [&backend, receipt, responder, entry = *entry](const Result<void>& done) {
      answer_dropped(backend.outbox, receipt, responder, done, entry);
    };
    backend.delivery.post(
        [receipt, answer](DeliveryActions& delivery) { delivery.drop_pending(receipt, answer); });
  });
}

}  // namespace

std::span<const Route> pending_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/agent/v1/pending", &pending},
      {"DELETE", "/agent/v1/pending/*", &drop_pending},
  };
  return kRoutes;
}

}  // namespace flowmyna
