#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "delivery/delivery_status.h"
#include "delivery/export_view.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// What people and writers may ask of delivery. Any thread may call; nothing blocks. A `done` is
/// called on another thread, delivery's or the outbox's.
class DeliveryControl {
 public:
  virtual ~DeliveryControl() = default;

  virtual DeliveryStatus status() const = 0;
  /// Events of unknown outcome wait for a person.
  virtual bool holds_unknown() const = 0;

  /// Somebody wants what waits to be tried now, whatever the back-off or a 429 says.
  virtual void flush() = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Operations from this receipt on came back to the backlog, behind what was read: dead letters
  /// that a person retries. They are planned with all that is not sealed yet, in the order of
  /// receipts, and wait for what is under way. To be told after each try to return some, whatever
  /// came of it; once too often costs a read.
  virtual void returned(Receipt lowest) = 0;
  /// The health answer is about to be read: asks the API for it if the last one is old and the
  /// network works.
  virtual void refresh_health() = 0;
  /// A writer waits for what becomes of its operations: they are delivered without lingering. To be
  /// called from the `done` of their append; see foreman_waits.cpp.
  virtual void await(Wait wait) = 0;

  /// Up to `items_max` items that are stuck, oldest first.
  virtual void stuck(std::size_t items_max, Done<std::vector<StuckItem>> done) = 0;
  /// A person gives up a pending operation: it counts as dropped. kBusy while it is on its way to
  /// the API, whose answer decides, or to the disk; kInvalid when nothing pending has this receipt
  /// of its own.
  virtual void drop_pending(Receipt receipt, Done<void> done) = 0;

  /// An export begins (foreman_export.cpp): from now on nothing changes what waits, except that
  /// more is accepted behind it. It ends when it is not gone on with for a minute, when delivery is
  /// resumed, when dead letters are retried, and when another one begins. kInvalid unless delivery
  /// is paused; kBusy while something is under way that has to end first.
  virtual void begin_export(Done<ExportView> done) = 0;
  /// kInvalid when it has ended.
  virtual void continue_export(std::string id, Done<ExportView> done) = 0;
  /// Gives up operations that were exported, for another device has them, and gives how many.
  virtual void give_up_exported(std::string id, std::vector<Receipt> receipts,
                                Done<std::uint64_t> done) = 0;
};

}  // namespace flowmyna
