// The router's third part: exports and imports, by which a backlog moves to another device.

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "agent/api/export_page.h"
#include "agent/api/query.h"
#include "agent/api/responses.h"
#include "agent/api/router.h"
#include "core/export_lines.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

constexpr std::size_t kDropMax = 10'000;  // receipts at once: a transaction of some milliseconds
constexpr std::size_t kIdMax = 100;       // characters of the id of an export or an outbox

using Shared = std::shared_ptr<Responder>;

Shared share(Responder responder) {
  return std::make_shared<Responder>(std::move(responder));
}

/// The id in /agent/v1/exports/ID or /agent/v1/imports/ID.
std::string id_in(std::string_view path) {
  for (int segment = 0; segment < 4; ++segment) path.remove_prefix(path.find('/') + 1);
  return std::string(path.substr(0, path.find('/')));
}

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

/// Where a piece of an import belongs: its query, and the id in its path.
Result<Arrival> parse_place(const HttpRequest& request, bool with_line) {
  Arrival piece;
  piece.export_id = id_in(request.path);
  auto parameters = parse_query(request.query);
  if (!parameters) return tl::make_unexpected(parameters.error());
  piece.source = (*parameters)["source"];
  for (const std::string& name : {piece.export_id, piece.source}) {
    if (name.empty() || name.size() > kIdMax) {
      return fail(Error::Kind::kInvalid,
                  "an import needs the id of its export in the path, and source: the id of the "
                  "outbox; the first line of an exported file has both");
    }
  }
  if (!with_line) return piece;
  const auto through =
      number_parameter("through", (*parameters)["through"], 0, LetterLimits().through);
  if (!through) return tl::make_unexpected(through.error());
  const auto line = number_parameter("line", (*parameters)["line"], 1, LetterLimits().through);
  if (!line) return tl::make_unexpected(line.error());
  piece.through = *through;
  piece.first_line = *line;
  return piece;
}

/// An event that may have been sent over there is one of unknown outcome here: it goes again and is
/// counted, or waits for a person.
void treat_unknown(Arrival& piece, const std::vector<ExportedLines::MaybeSent>& sent, bool holds,
                   std::int64_t now_unix_s) {
  if (!holds) {
    piece.duplicates_possible = sent.size();
    return;
  }
  for (const auto& [operation, key] : sent) {
    piece.letters.push_back(
        {operation, 1, 0,
         "outcome unknown: it was exported while its request (Idempotency-Key " + key +
             ") was not answered",
         1, now_unix_s});
  }
}

}  // namespace

void Router::begin_export(const HttpRequest&, Responder responder) {
  delivery_.begin_export([this,
                          responder = share(std::move(responder))](const Result<ExportView>& view) {
    if (!view) {
      responder->send(not_now(view.error()));
      return;
    }
    outbox_.id([this, responder, view = *view](const Result<std::string>& id) {
      responder->send(id ? json(200, begun_json(view, *id, outbox_.stats())) : failed(id.error()));
    });
  });
}

void Router::export_page(const HttpRequest& request, Responder responder) {
  const auto parameters = parse_query(request.query);
  const auto after =
      parameters && parameters->contains("after")
          ? number_parameter("after", parameters->at("after"), 0, LetterLimits().through)
          : Result<std::uint64_t>(0);
  if (!parameters || !after) {
    responder.send(problem(422, parameters ? after.error().message : parameters.error().message));
    return;
  }
  delivery_.continue_export(
      id_in(request.path), [this, after = *after, responder = share(std::move(responder))](
                               const Result<ExportView>& view) {
        if (!view) {
          responder->send(not_now(view.error()));
          return;
        }
        read_export_page(outbox_, *view, after, [responder](Result<std::string> page) {
          HttpResponse response = page ? json(200, *std::move(page)) : failed(page.error());
          if (page) response.content_type = "application/x-ndjson";
          responder->send(std::move(response));
        });
      });
}

void Router::drop_exported(const HttpRequest& request, Responder responder) {
  auto receipts = receipts_in(request.body);
  if (!receipts) {
    responder.send(problem(422, receipts.error().message));
    return;
  }
  delivery_.give_up_exported(
      id_in(request.path), *std::move(receipts),
      [responder = share(std::move(responder))](const Result<std::uint64_t>& dropped) {
        responder->send(dropped ? json(200, "{\"dropped\":" + std::to_string(*dropped) + "}")
                                : not_now(dropped.error()));
      });
}

void Router::import_state(const HttpRequest& request, Responder responder) {
  auto place = parse_place(request, false);
  if (!place) {
    responder.send(problem(422, place.error().message));
    return;
  }
  outbox_.arrived(
      place->export_id, place->source,
      [responder = share(std::move(responder))](const Result<Arrived>& arrived) {
        responder->send(arrived ? json(200, "{\"lines\":" + std::to_string(arrived->lines) +
                                                ",\"other_through\":" +
                                                std::to_string(arrived->other_through) + "}")
                                : failed(arrived.error()));
      });
}

void Router::import_lines(const HttpRequest& request, Responder responder) {
  auto piece = parse_place(request, true);
  auto read = piece ? read_export_lines(request.body)
                    : Result<ExportedLines>(tl::make_unexpected(piece.error()));
  if (!read || read->lines == 0) {
    responder.send(
        problem(422, read ? "the body is empty; send lines of an export" : read.error().message));
    return;
  }
  piece->lines = read->lines;
  piece->operations = std::move(read->operations);
  piece->accepted_unix_s = std::move(read->accepted_unix_s);
  piece->letters = std::move(read->letters);
  treat_unknown(*piece, read->maybe_sent, delivery_.holds_unknown(), clock_.unix_now_ms() / 1000);
  const std::uint64_t lines = piece->first_line + piece->lines - 1;
  outbox_.arrive(*std::move(piece),
                 [lines, responder = share(std::move(responder))](const Result<void>& arrived) {
                   responder->send(arrived ? json(200, "{\"lines\":" + std::to_string(lines) + "}")
                                           : not_now(arrived.error()));
                 });
}

}  // namespace flowmyna
