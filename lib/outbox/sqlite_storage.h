#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "outbox/lock_file.h"
#include "outbox/log_file.h"
#include "outbox/open_outbox.h"
#include "outbox/reserve.h"
#include "outbox/storage.h"

namespace flowmyna {

/// The outbox on disk. One connection in WAL mode with `synchronous=FULL` and
/// `locking_mode=EXCLUSIVE`: a commit that returned has been synced, no second connection can
/// exist (which also keeps clear of the WAL-reset bug of SQLite before 3.51.3, that needs two),
/// and no shared-memory file is made. Sources: sqlite.org/wal.html, sqlite.org/pragma.html.
///
/// A file that is moved away or deleted while it is open takes nothing more, since nobody would
/// find it there; what it holds can still be read and settled. An outbox that was open once is
/// never created anew by `reopen`, and while it cannot be opened nothing of it is held open, so
/// that its file system can be unmounted, checked and mounted again.
class SqliteStorage final : public Storage {
 public:
  /// Opens or creates the file and brings its schema up to date. kBusy, with the other's pid, when
  /// another agent has it.
  static Result<std::unique_ptr<SqliteStorage>> open(StorageOptions options);

  Result<void> begin() override;
  Result<void> commit() override;
  void rollback() override;
  Result<void> admit(std::uint64_t bytes) override;
  using Storage::append;
  Result<Receipt> append(std::span<const AcceptedOperations> groups) override;
  Result<void> seal(const Seal& seal) override;
  Result<void> settle(const Settlement& settlement) override;
  Result<RetriedLetters> retry(const LetterLimits& limits) override;
  Result<DeadLetters> drop(const LetterLimits& limits) override;
  Result<void> rewrite(Receipt receipt, const CorrectedEvent& event) override;
  void set_unsynced_from(Receipt receipt) override;
  Result<void> fold(const Fold& fold, std::string_view stored) override;
  Result<std::uint64_t> give_up(const std::vector<Receipt>& receipts) override;
  Result<void> note_arrival(const Arrival& piece) override;
  Result<std::string> id() override;
  Result<Arrived> arrived(std::string_view export_id, std::string_view source) override;
  Result<Window> read(const ReadLimits& limits) override;
  Result<Window> fetch(const std::vector<Receipt>& receipts) override;
  Result<ReceiptState> state(Receipt receipt) override;
  Result<std::vector<Seal>> seals() override;
  Result<bool> has_dead_between(Receipt after, Receipt before) override;
  Result<DeadLetters> dead_letters(const LetterLimits& limits) override;
  Result<std::optional<DeadLetter>> dead_letter_of(Receipt receipt) override;
  OutboxStats stats() const override;
  Result<void> refresh() override;
  Result<bool> shrink() override;
  Result<void> tend() override;
  Tending tending() const override;
  Result<void> give_up_reserve() override;
  Result<void> reopen() override;
  Result<void> salvage() override;

 private:
  struct Removed {
    std::int64_t rows = 0;
    FoldedTable::Folded folded;  ///< `last` is the highest receipt of all of them
  };

  explicit SqliteStorage(StorageOptions options);
  Result<void> open_anew(bool is_damaged);
  Result<void> open_files(bool is_damaged);
  Result<void> open_database();
  Result<void> set_damaged_aside();
  void close_files();
  bool notice_displacement() { return is_displaced_ = FilePlace::of(options_.path) != place_; }
  Error displaced() const;
  Result<void> load();
  Result<Removed> remove_operations(std::vector<Receipt> receipts);
  Result<bool> cut_off();
  Result<void> checkpoint();
  Result<void> measure();

  StorageOptions options_;
  const std::string log_path_;
  const Quota quota_;
  std::optional<LockFile> lock_;    // held while the file is open
  std::optional<OpenOutbox> open_;  // replaced as a whole by `reopen`
  Reserve reserve_;
  FilePlace place_;            // of the open file; once known it is not created again
  bool is_displaced_ = false;  // when the last transaction began, or at `refresh`
  FilePlace log_place_;        // of its log
  int log_pages_ = 0;          // that wait for a checkpoint
  bool is_sealing_ = false;    // within the open transaction
  bool knows_seals_ = false;   // somebody in this process does
  std::optional<std::chrono::steady_clock::time_point> salvaged_at_;
  Counters committed_;
  Counters counters_;            // within the open transaction
  bool is_shorter_ = false;      // vacuumed since the file was last cut
  bool counters_moved_ = false;  // `accepted` is not in the rows any more
  FileSizes sizes_;
  std::uint64_t appended_bytes_ = 0;  // since they were measured
  DamageTables::Damage damage_;       // from which this file was salvaged, last
};

}  // namespace flowmyna
