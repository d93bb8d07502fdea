#pragma once

#include <vector>

#include "core/outbox_stats.h"
#include "core/result.h"
#include "core/window.h"

namespace flowmyna {

/// What everybody may ask of the outbox: writers and people by way of `Outbox`, delivery by way of
/// `Backlog`. One outbox has both faces.
///
/// Any thread may call; nothing blocks. A `done` is called on the outbox's own thread, after the
/// effect is durable (but once the outbox is stopping, at once, on the caller's thread); it must
/// not block. Appends of one thread take effect in their order, and so do its seals, settlements
/// and corrections. Between these two groups, and for reads, only what was answered before counts
/// as earlier. An append is answered before any read that shows its operations.
class OutboxReader {
 public:
  virtual ~OutboxReader() = default;
  virtual void read(ReadLimits limits, Done<Window> done) = 0;
  /// The operations of these receipts; kInvalid when one of them is not there.
  virtual void fetch(std::vector<Receipt> receipts, Done<Window> done) = 0;
  virtual OutboxStats stats() const = 0;
};

}  // namespace flowmyna
