#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "outbox/storage.h"

namespace flowmyna {

/// The outbox in memory, for simulation and for tests of what stands above it. `crash` drops what
/// was not committed, as a power cut would.
class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(std::uint64_t quota_bytes = 1ULL << 30) : quota_bytes_(quota_bytes) {}

  Result<void> begin() override;
  Result<void> commit() override;
  void rollback() override;
  bool has_room_for(const EncodedOperations& operations) const override;
  Result<Receipt> append(const EncodedOperations& operations,
                         std::int64_t accepted_unix_s) override;
  Result<void> seal(const Seal& seal) override;
  Result<void> settle(const Settlement& settlement) override;
  Result<Window> read(const ReadLimits& limits) override;
  Result<Window> fetch(const std::vector<Receipt>& receipts) override;
  Result<ReceiptState> state(Receipt receipt) override;
  Result<std::vector<Seal>> seals() override;
  OutboxStats stats() const override;
  Result<void> reopen() override;

  void crash() { rollback(); }

 private:
  struct Row {
    std::int64_t accepted_unix_s = 0;
    std::string stored;
  };
  struct State {
    std::map<Receipt, Row> operations;
    std::map<Receipt, Row> dead;
    std::map<RequestId, Seal> seals;
    OutboxStats stats;
  };

  std::uint64_t quota_bytes_;
  State state_;
  // A transaction records how to undo itself: copying the whole state would make a simulated day
  // quadratic.
  std::vector<std::function<void()>> undo_;
  bool in_transaction_ = false;
};

}  // namespace flowmyna
