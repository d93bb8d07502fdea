#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/http/message.h"
#include "core/clock.h"
#include "core/decode.h"
#include "core/outbox.h"
#include "delivery/control.h"

namespace flowmyna {

/// Routes, decodes, validates, and hands what is valid to the outbox. One router
/// serves one server, on the server's thread; answers that need the outbox are sent from its
/// thread. Outbox, control and clock must outlive every Responder that was handed in.
class Router {
 public:
  Router(Outbox& outbox, DeliveryControl& delivery, const Clock& clock);

  void handle(const HttpRequest& request, Responder responder);

 private:
  using Handler = void (Router::*)(const HttpRequest&, Responder);
  struct Route {
    std::string_view method;
    std::string_view path;  ///< a segment `*` stands for any one that is not empty
    Handler handler;
  };
  static const Route kRoutes[];

  void object_upsert(const HttpRequest& request, Responder responder);
  void object_batch(const HttpRequest& request, Responder responder);
  void event(const HttpRequest& request, Responder responder);
  void event_batch(const HttpRequest& request, Responder responder);
  void health(const HttpRequest& request, Responder responder);
  void status(const HttpRequest& request, Responder responder);
  void metrics(const HttpRequest& request, Responder responder);
  void receipt(const HttpRequest& request, Responder responder);
  // pending_routes.cpp
  void pending(const HttpRequest& request, Responder responder);
  void drop_pending(const HttpRequest& request, Responder responder);
  // dead_letter_routes.cpp
  void dead_letters(const HttpRequest& request, Responder responder);
  void dead_letter(const HttpRequest& request, Responder responder);
  void retry_dead_letter(const HttpRequest& request, Responder responder);
  void retry_dead_letters(const HttpRequest& request, Responder responder);
  void drop_dead_letter(const HttpRequest& request, Responder responder);
  // export_routes.cpp
  void begin_export(const HttpRequest& request, Responder responder);
  void export_page(const HttpRequest& request, Responder responder);
  void drop_exported(const HttpRequest& request, Responder responder);
  void import_state(const HttpRequest& request, Responder responder);
  void import_lines(const HttpRequest& request, Responder responder);
  // backup_routes.cpp
  static bool may_back_up(const HttpRequest& request, Responder& responder);
  void begin_backup(const HttpRequest& request, Responder responder);
  void continue_backup(const HttpRequest& request, Responder responder);
  void read_backup(const HttpRequest& request, Responder responder);
  void end_backup(const HttpRequest& request, Responder responder);
  void flush(const HttpRequest& request, Responder responder);
  void pause(const HttpRequest& request, Responder responder);
  void resume(const HttpRequest& request, Responder responder);

  void write_single(Kind kind, const HttpRequest& request, Responder responder);
  void write_batch(Kind kind, const HttpRequest& request, Responder responder);
  void retry(LetterLimits limits, Done<RetriedLetters> done);
  /// Takes a snapshot, with the age of the oldest operation, and answers with what `render` makes.
  void report(Responder responder, std::function<HttpResponse(const struct Snapshot&)> render);

  Outbox& outbox_;
  DeliveryControl& delivery_;
  const Clock& clock_;
  const BootTime started_at_;
  const Receipt accepted_before_;  // in earlier runs
  Decoder decoder_;
};

}  // namespace flowmyna
