// Exports, by which a backlog moves to another device.

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "agent/api/export_page.h"
#include "agent/api/query.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

constexpr std::size_t kDropMax = 10'000;  // receipts at once: a transaction of some milliseconds

std::string begun_json(const ExportView& view, const std::string& source,
                       const OutboxStats& stats) {
  return R"({"export":)" + json_string(view.id) + R"(,"source":)" + json_string(source) +
         R"(,"version":)" + json_string(FLOWMYNA_VERSION) + R"(,"through":)" +
         std::to_string(view.through) + R"(,"pending":)" + std::to_string(stats.pending()) +
         R"(,"dead_letters":)" + std::to_string(stats.dead) + '}';
}

Result<std::vector<Receipt>> receipts_in(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool is_list = json.is_object() && json.contains("receipts") &&
                       json.at("receipts").is_array() && json.at("receipts").size() <= kDropMax;
  const auto is_receipt = [](const auto& entry) { return entry.is_number_unsigned(); };
  if (!is_list || !std::ranges::all_of(json.at("receipts"), is_receipt)) {
    return fail(Error::Kind::kInvalid, "the body must be {\"receipts\":[…]}, with at most " +
                                           std::to_string(kDropMax) + " receipts");
  }
  return json.at("receipts").get<std::vector<Receipt>>();
}

void begin_export(Backend& backend, const HttpRequest&, Responder responder) {
  const auto answer = [&backend,
                       responder = share(std::move(responder))](const Result<ExportView>& view) {
    if (!view) {
      responder->send(not_now(view.error()));
      return;
    }
    backend.outbox.ask<std::string>(
        [](OutboxQueries& stored) { return stored.id(); },
        [&backend, responder, view = *view](const Result<std::string>& id) {
          responder->send(id ? json(200, begun_json(view, *id, backend.outbox.stats()))
                             : failed(id.error()));
        });
  };
  backend.delivery.post([answer](DeliveryActions& delivery) { delivery.begin_export(answer); });
}

void export_page(Backend& backend, const HttpRequest& request, Responder responder) {
  const auto parameters = parse_query(request.query);
  const auto after =
      parameters && parameters->contains("after")
          ? number_parameter("after", parameters->at("after"), 0, LetterLimits().through)
          : Result<std::uint64_t>(0);
  if (!parameters || !after) {
    responder.send(problem(422, parameters ? after.error().message : parameters.error().message));
    return;
  }
  const auto answer = [&backend, after = *after,
                       responder = share(std::move(responder))](const Result<ExportView>& view) {
    if (!view) {
      responder->send(not_now(view.error()));
      return;
    }
    read_export_page(backend.outbox, *view, after, [responder](Result<std::string> page) {
      HttpResponse response = page ? json(200, *std::move(page)) : failed(page.error());
      if (page) response.content_type = "application/x-ndjson";
      responder->send(std::move(response));
    });
  };
  backend.delivery.post([id = segment_of(request.path, kIdSegment), answer](
                            DeliveryActions& delivery) { delivery.continue_export(id, answer); });
}

void drop_exported(Backend& backend, const HttpRequest& request, Responder responder) {
  auto receipts = receipts_in(request.body);
  if (!receipts) {
    responder.send(problem(422, receipts.error().message));
    return;
  }
  const auto answer = [responder =
                           share(std::move(responder))](const Result<std::uint64_t>& dropped) {
    responder->send(dropped ? json(200, "{\"dropped\":" + std::to_string(*dropped) + "}")
                            : not_now(dropped.error()));
  };
  backend.delivery.post(
      [id = segment_of(request.path, kIdSegment), receipts = *std::move(receipts),
       answer](DeliveryActions& delivery) { delivery.give_up_exported(id, receipts, answer); });
}

}  // namespace

std::span<const Route> export_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/agent/v1/exports", &begin_export},
      {"GET", "/agent/v1/exports/*", &export_page},
      {"POST", "/agent/v1/exports/*/drop", &drop_exported},
  };
  return kRoutes;
}

}  // namespace flowmyna
