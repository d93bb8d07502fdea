#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/door.h"
#include "core/clock.h"
#include "core/decode.h"
#include "core/outbox.h"
#include "delivery/foreman.h"

namespace flowmyna {

/// What the desk may ask of delivery. Any thread may call.
class DeliveryControl {
 public:
  virtual ~DeliveryControl() = default;
  virtual DeliveryStatus status() const = 0;
  virtual void flush() = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Dead letters from this receipt on may be pending again; see Foreman::returned.
  virtual void returned(Receipt lowest) = 0;
  /// The health answer is about to be read: have a fresh one fetched if it is old.
  virtual void refresh_health() = 0;
  /// These three as Foreman has them; each calls `done` on another thread.
  virtual void begin_export(Outbox::Done<ExportView> done) = 0;
  virtual void continue_export(std::string id, Outbox::Done<ExportView> done) = 0;
  virtual void give_up_exported(std::string id, std::vector<Receipt> receipts,
                                Outbox::Done<std::uint64_t> done) = 0;
  /// These two likewise.
  virtual void stuck(std::size_t items_max, Outbox::Done<std::vector<StuckItem>> done) = 0;
  virtual void drop_pending(Receipt receipt, Outbox::Done<void> done) = 0;
  virtual bool holds_unknown() const = 0;
  /// To be called from the `done` of the append of the operations that are waited for.
  virtual void await(Wait wait) = 0;
};

/// The second room: routes, decodes, validates, and hands what is valid to the outbox. One desk
/// serves one door, on the door's thread; answers that need the outbox are sent from its thread.
/// Outbox, control and clock must outlive every Responder that was handed in.
class Desk {
 public:
  Desk(Outbox& outbox, DeliveryControl& delivery, const Clock& clock);

  void handle(const HttpRequest& request, Responder responder);

 private:
  using Handler = void (Desk::*)(const HttpRequest&, Responder);
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
