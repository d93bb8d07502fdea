// The router's fourth part: a backup of the whole outbox, for those who may see everything.

#include <unistd.h>

#include <memory>

#include "agent/api/query.h"
#include "agent/api/responses.h"
#include "agent/api/router.h"
#include "agent/api/uuid.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

constexpr std::size_t kIdSegment = 3;  // /agent/v1/backups/ID

using Shared = std::shared_ptr<Responder>;

Shared share(Responder responder) {
  return std::make_shared<Responder>(std::move(responder));
}

std::string id_in(std::string_view path) {
  path.remove_prefix(1);
  for (std::size_t segment = 0; segment < kIdSegment; ++segment) {
    path.remove_prefix(path.find('/') + 1);
  }
  return std::string(path.substr(0, path.find('/')));
}

std::string progress_json(const BackupProgress& progress) {
  const char* state = progress.is_ready ? "ready" : progress.is_checking ? "checking" : "copying";
  return std::string(R"({"state":")") + state + R"(","done":)" + std::to_string(progress.done) +
         R"(,"of":)" + std::to_string(progress.of) + R"(,"bytes":)" +
         std::to_string(progress.file_bytes) + '}';
}

}  // namespace

/// A backup holds what every user has written.
bool Router::may_back_up(const HttpRequest& request, Responder& responder) {
  if (request.user && (*request.user == 0 || *request.user == geteuid())) return true;
  responder.send(problem(403,
                         "only root and the user that the agent runs as may back it up, over the "
                         "Unix socket"));
  return false;
}

void Router::begin_backup(const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  std::string id;
  append_event_uuid(id, clock_.unix_now_ms());
  outbox_.begin_backup(id,
                       [id, responder = share(std::move(responder))](const Result<void>& begun) {
                         responder->send(begun ? json(200, R"({"backup":)" + json_string(id) + '}')
                                               : not_now(begun.error()));
                       });
}

void Router::continue_backup(const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  outbox_.continue_backup(id_in(request.path), [responder = share(std::move(responder))](
                                                   const Result<BackupProgress>& progress) {
    responder->send(progress ? json(200, progress_json(*progress)) : not_now(progress.error()));
  });
}

void Router::read_backup(const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  auto parameters = parse_query(request.query);
  const auto from = parameters
                        ? number_parameter("from", (*parameters)["from"], 0, LetterLimits().through)
                        : Result<std::uint64_t>(tl::make_unexpected(parameters.error()));
  if (!from) {
    responder.send(problem(422, from.error().message));
    return;
  }
  outbox_.read_backup(id_in(request.path), *from,
                      [responder = share(std::move(responder))](Result<std::string> piece) {
                        HttpResponse response =
                            piece ? json(200, *std::move(piece)) : not_now(piece.error());
                        if (piece) response.content_type = "application/octet-stream";
                        responder->send(std::move(response));
                      });
}

void Router::end_backup(const HttpRequest& request, Responder responder) {
  if (!may_back_up(request, responder)) return;
  outbox_.end_backup(id_in(request.path),
                     [responder = share(std::move(responder))](const Result<void>& ended) {
                       responder->send(ended ? json(200, "{}") : not_now(ended.error()));
                     });
}

}  // namespace flowmyna
