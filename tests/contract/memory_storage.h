#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
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
  Result<void> admit(std::uint64_t bytes) override;
  std::uint64_t bytes_at_once_max() const override { return quota_bytes_; }
  using Storage::append;
  Result<Receipt> append(std::span<const AcceptedOperations> groups) override;
  Result<void> seal(const Seal& seal) override;
  Result<void> settle(const Settlement& settlement) override;
  Result<RetriedLetters> retry_dead_letters(const LetterLimits& limits) override;
  Result<DeadLetters> drop_dead_letters(const LetterLimits& limits) override;
  Result<void> rewrite(Receipt receipt, const CorrectedEvent& event) override;
  void set_unsynced(const UnsyncedRange& range) override;
  Result<void> fold(const Fold& fold, std::string_view stored) override;
  Result<std::uint64_t> give_up(const std::vector<Receipt>& receipts) override;
  Result<void> note_arrival(const Arrival& piece) override;
  Result<std::string> id() override;
  Result<Arrived> arrived(std::string_view export_id, std::string_view source) override;
  Result<Window> read(const ReadLimits& limits) override;
  Result<Window> fetch(const std::vector<Receipt>& receipts) override;
  Result<ReceiptState> state(Receipt receipt) override;
  Result<std::vector<Seal>> seals() override;
  Result<std::uint64_t> count_stored() override;
  Result<bool> has_dead_between(Receipt after, Receipt before) override;
  Result<DeadLetters> dead_letters(const LetterLimits& limits) override;
  Result<std::optional<DeadLetter>> dead_letter_of(Receipt receipt) override;
  OutboxStats stats() const override;
  Result<bool> shrink() override { return false; }
  bool holds_past() const override { return false; }
  Result<void> refresh() override { return {}; }
  Result<void> tend() override { return {}; }
  Tending tending() const override { return Tending::kNotWanted; }
  Result<void> give_up_reserve() override { return {}; }
  Result<void> reopen() override;
  Result<void> salvage() override { return reopen(); }

  void crash() { rollback(); }

 private:
  struct Row {
    std::int64_t accepted_unix_s = 0;
    std::string stored;
    std::uint64_t folded = 0;  ///< operations beside its own
  };
  struct Letter {
    int status = 0;
    std::string reason;
    std::uint32_t attempts = 0;
    std::int64_t at_unix_s = 0;
    std::map<Receipt, Row> operations;
  };
  using Letters = std::map<Receipt, Letter>;
  struct Export {
    std::string source;
    Receipt through = 0;
    std::uint64_t lines = 0;
  };
  struct State {
    std::map<Receipt, Row> operations;
    Letters letters;
    std::map<Receipt, Receipt> letter_of;    // by operation
    std::map<Receipt, Receipt> folded_into;  // by operation that was folded; also of what has left
    std::set<Receipt> dropped;               // without what was folded into them
    std::map<RequestId, Seal> seals;
    std::map<std::string, Export, std::less<>> arrivals;
    OutboxStats stats;
  };

  UnsyncedRange unsynced() const;
  Row* row_of(Receipt receipt);
  void note_returned(const Seal& seal, const Settlement& settlement);
  std::optional<Row> take(Receipt receipt);
  void bury(const DeadItem& item);
  void add_letter(Receipt id, Letter letter);
  Letter remove_letter(Receipt id);
  static std::uint64_t operations_in(const Letter& letter);
  std::optional<ReceiptState> own_state(Receipt receipt) const;
  static DeadLetter describe(Receipt id, const Letter& letter);

  std::uint64_t quota_bytes_;
  State state_;
  // A transaction records how to undo itself: copying the whole state would make a simulated day
  // quadratic.
  std::vector<std::function<void()>> undo_;
  bool in_transaction_ = false;
};

}  // namespace flowmyna
