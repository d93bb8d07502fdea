// Imports: what another device has exported arrives here.

#include <memory>

#include "agent/api/query.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "core/export_lines.h"

namespace flowmyna {
namespace {

constexpr std::size_t kIdMax = 100;  // characters of the id of an export or an outbox

/// Where a piece of an import belongs: its query, and the id in its path.
Result<Arrival> parse_place(const HttpRequest& request, bool with_line) {
  Arrival piece;
  piece.export_id = segment_of(request.path, kIdSegment);
  auto parameters = parse_query(request.query);
  if (!parameters) return tl::make_unexpected(parameters.error());
  piece.source = (*parameters)["source"];
  for (const std::string& name : {piece.export_id, piece.source}) {
    if (name.empty() || name.size() > kIdMax) {
      return fail(Error::Kind::kInvalid,
                  "an import needs the id of its export in the path, and the id of the exporting "
                  "outbox as source; the first line of an exported file has both");
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
         "outcome unknown: it was exported before its request (Idempotency-Key " + key +
             ") was answered",
         1, now_unix_s});
  }
}

void import_state(Backend& backend, const HttpRequest& request, Responder responder) {
  auto place = parse_place(request, false);
  if (!place) {
    responder.send(problem(422, place.error().message));
    return;
  }
  backend.outbox.ask<Arrived>(
      [place = *place](OutboxQueries& stored) {
        return stored.arrived(place.export_id, place.source);
      },
      [responder = share(std::move(responder))](const Result<Arrived>& arrived) {
        responder->send(arrived ? json(200, "{\"lines\":" + std::to_string(arrived->lines) +
                                                ",\"other_through\":" +
                                                std::to_string(arrived->other_through) + "}")
                                : failed(arrived.error()));
      });
}

void import_lines(Backend& backend, const HttpRequest& request, Responder responder) {
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
  treat_unknown(*piece, read->maybe_sent, backend.delivery.holds_unknown(),
                backend.clock.unix_now_ms() / 1000);
  const std::uint64_t lines = piece->first_line + piece->lines - 1;
  backend.outbox.arrive(*std::move(piece), [lines, responder = share(std::move(responder))](
                                               const Result<void>& arrived) {
    responder->send(arrived ? json(200, "{\"lines\":" + std::to_string(lines) + "}")
                            : not_now(arrived.error()));
  });
}

}  // namespace

std::span<const Route> import_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/agent/v1/imports/*", &import_state},
      {"POST", "/agent/v1/imports/*", &import_lines},
  };
  return kRoutes;
}

}  // namespace flowmyna
