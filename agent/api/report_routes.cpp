// What people and monitoring ask: how it goes, and what became of an operation.

#include <functional>
#include <memory>

#include "agent/api/dead_letter_report.h"
#include "agent/api/reports.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"

namespace flowmyna {
namespace {

/// Takes a snapshot, with the age of the oldest operation, and answers with what `render` makes.
void report(Backend& backend, Responder responder,
            std::function<HttpResponse(const Snapshot&)> render) {
  Snapshot snapshot;
  snapshot.delivery = backend.delivery.status();  // before the time: nothing in it lies ahead
  snapshot.unix_now_ms = backend.clock.unix_now_ms();
  snapshot.boot_now = backend.clock.boot_now();
  snapshot.uptime =
      std::chrono::floor<std::chrono::seconds>(snapshot.boot_now - backend.started_at);
  ReadLimits oldest;
  oldest.operations_max = 1;
  oldest.bytes_max = 1;
  auto shared = share(std::move(responder));
  backend.outbox.read(oldest,
                      [&backend, snapshot, shared, render](const Result<Window>& window) mutable {
                        snapshot.outbox = backend.outbox.stats();
                        if (window && !window->empty()) {
                          const Window::Row& row = window->rows().front();
                          snapshot.oldest_unix_s = row.accepted_unix_s;
                          snapshot.oldest_is_of_this_run = row.receipt > backend.accepted_before;
                        }
                        shared->send(render(snapshot));
                      });
}

void status(Backend& backend, const HttpRequest&, Responder responder) {
  report(backend, std::move(responder),
         [](const Snapshot& snapshot) { return json(200, status_json(snapshot)); });
}

void health(Backend& backend, const HttpRequest&, Responder responder) {
  backend.delivery.post(&DeliveryActions::refresh_health);
  report(backend, std::move(responder), &health_answer);
}

void metrics(Backend& backend, const HttpRequest&, Responder responder) {
  report(backend, std::move(responder), [](const Snapshot& snapshot) {
    HttpResponse response = json(200, metrics_text(snapshot));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  });
}

void receipt(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto receipt = number_in(request.path, kIdSegment);
  if (!receipt) {
    responder.send(problem(404, "a receipt is a number, as given in the answer to a write"));
    return;
  }
  look_up(
      backend.outbox, *receipt,
      [shared = share(std::move(responder))](const Result<ReceiptReport>& report) {
        if (!report) {
          shared->send(failed(report.error()));
        } else if (report->state == ReceiptState::kUnknown) {
          shared->send(problem(404, "no operation has receipt " + std::to_string(report->receipt)));
        } else {
          shared->send(json(200, receipt_json(*report)));
        }
      });
}

}  // namespace

std::span<const Route> report_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/api/public/v1/health", &health},
      {"GET", "/agent/v1/status", &status},
      {"GET", "/metrics", &metrics},
      {"GET", "/agent/v1/receipts/*", &receipt},
  };
  return kRoutes;
}

}  // namespace flowmyna
