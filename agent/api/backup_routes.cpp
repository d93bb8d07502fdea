// The router's backup routes: a copy of the whole outbox, for those who may see everything.

#include <unistd.h>

#include <memory>

#include "agent/api/query.h"
#include "agent/api/responses.h"
#include "agent/api/route.h"
#include "agent/api/uuid.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

std::string progress_json(const BackupProgress& progress) {
  const char* state = progress.is_ready ? "ready" : progress.is_checking ? "checking" : "copying";
  return std::string(R"({"state":")") + state + R"(","done":)" + std::to_string(progress.done) +
         R"(,"of":)" + std::to_string(progress.of) + R"(,"bytes":)" +
         std::to_string(progress.file_bytes) + '}';
}

/// A backup holds what every user has written.
bool may_back_up(const HttpRequest& request, Responder& responder) {
  if (request.user && (*request.user == 0 || *request.user == geteuid())) return true;
  responder.send(problem(403,
                         "only root and the user that the agent runs as may back it up, over the "
                         "Unix socket"));
  return false;
}

void begin_backup(Backend& backend, const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  std::string id;
  append_event_uuid(id, backend.clock.unix_now_ms());
  backend.outbox.begin_backup(
      id, [id, responder = share(std::move(responder))](const Result<void>& begun) {
        responder->send(begun ? json(200, R"({"backup":)" + json_string(id) + '}')
                              : not_now(begun.error()));
      });
}

void continue_backup(Backend& backend, const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  backend.outbox.continue_backup(
      segment_of(request.path, kIdSegment),
      [responder = share(std::move(responder))](const Result<BackupProgress>& progress) {
        responder->send(progress ? json(200, progress_json(*progress)) : not_now(progress.error()));
      });
}

void read_backup(Backend& backend, const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  auto parameters = parse_query(request.query);
  const auto from = parameters
                        ? number_parameter("from", (*parameters)["from"], 0, LetterLimits().through)
                        : Result<std::uint64_t>(tl::make_unexpected(parameters.error()));
  if (!from) {
    responder.send(problem(422, from.error().message));
    return;
  }
  backend.outbox.read_backup(segment_of(request.path, kIdSegment), *from,
                             [responder = share(std::move(responder))](Result<std::string> piece) {
                               HttpResponse response =
                                   piece ? json(200, *std::move(piece)) : not_now(piece.error());
                               if (piece) response.content_type = "application/octet-stream";
                               responder->send(std::move(response));
                             });
}

void end_backup(Backend& backend, const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  backend.outbox.end_backup(segment_of(request.path, kIdSegment),
                            [responder = share(std::move(responder))](const Result<void>& ended) {
                              responder->send(ended ? json(200, "{}") : not_now(ended.error()));
                            });
}

}  // namespace

std::span<const Route> backup_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/agent/v1/backups", &begin_backup},
      {"POST", "/agent/v1/backups/*", &continue_backup},
      {"GET", "/agent/v1/backups/*", &read_backup},
      {"DELETE", "/agent/v1/backups/*", &end_backup},
  };
  return kRoutes;
}

}  // namespace flowmyna
