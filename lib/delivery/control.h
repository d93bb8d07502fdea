#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "delivery/delivery_status.h"
#include "delivery/export_view.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// What people, writers and the machine may tell delivery and ask it, on its own thread. A `done`
/// is called at once or on the outbox's thread.
class DeliveryActions {
 public:
  virtual ~DeliveryActions() = default;

  /// Somebody wants what waits to be tried now, whatever the back-off or a 429 says.
  virtual void flush() = 0;
  /// The configuration was read again: as a flush, but for what a 429 asks for.
  virtual void end_back_off() = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Operations from this receipt on came back to the backlog, among what was read already: dead
  /// letters that a person retries. They are planned with all that is not sealed yet, in the order
  /// of receipts, and wait for what is under way. To be told after each try to return some,
  /// whatever came of it; once too often costs a read.
  virtual void returned(Receipt lowest) = 0;
  /// The health answer is about to be read: asks the API for it if the last one is old and the
  /// network works.
  virtual void refresh_health() = 0;
  /// A writer waits for what becomes of its operations: they are delivered without lingering. To be
  /// posted from the `done` of their append; see foreman_waits.cpp.
  virtual void await(Wait wait) = 0;
  /// Ends the waits of all writers, also of those to come: the agent is stopping.
  virtual void release_waits() = 0;

  /// Up to `items_max` items that are stuck, oldest first.
  virtual std::vector<StuckItem> stuck(std::size_t items_max) const = 0;
  /// A person gives up a pending operation: it counts as dropped. kBusy while it is on its way to
  /// the API, whose answer decides, or to the disk; kInvalid when nothing pending has this receipt
  /// of its own.
  virtual void drop_pending(Receipt receipt, Done<void> done) = 0;

  /// An export begins (foreman_export.cpp): from now on nothing changes what waits, except that
  /// more is accepted after its end. It ends when it is not gone on with for a minute, when
  /// delivery is resumed, when dead letters are retried, and when another one begins. kInvalid
  /// unless delivery is paused; kBusy while something is under way that has to end first.
  virtual void begin_export(Done<ExportView> done) = 0;
  /// kInvalid when it has ended.
  virtual void continue_export(const std::string& id, Done<ExportView> done) = 0;
  /// Gives up operations that were exported, for another device has them, and gives how many.
  virtual void give_up_exported(const std::string& id, std::vector<Receipt> receipts,
                                Done<std::uint64_t> done) = 0;

  /// There is a route, an address or a link that was not there, or the machine slept. What waits
  /// for the network goes on, and what is under way since before holds up nothing new.
  virtual void network_changed() = 0;
  /// A route, an address or a link went away, and nothing came.
  virtual void network_lost() = 0;
  /// The transport uses another key from now on.
  virtual void key_changed() = 0;
};

/// Delivery as the rest of the agent sees it. Any thread may call; nothing blocks.
class DeliveryControl {
 public:
  using Work = std::function<void(DeliveryActions&)>;

  virtual ~DeliveryControl() = default;

  virtual DeliveryStatus status() const = 0;
  /// Events of unknown outcome wait for a person.
  virtual bool holds_unknown() const = 0;
  /// `work` is done on the delivery thread, soon and in the order of posting.
  virtual void post(Work work) = 0;
};

}  // namespace flowmyna
