#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outbox/disk/database_lock.h"
#include "outbox/disk/lock_file.h"
#include "outbox/disk/reserve.h"
#include "outbox/disk/seen_file.h"
#include "outbox/file/backup.h"
#include "outbox/file/open_outbox.h"
#include "outbox/salvage/remains.h"
#include "outbox/sqlite/log_file.h"
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
  /// another agent has it. A file that is damaged and cannot be salvaged yet is no error: the
  /// storage is in `trouble`, and `reopen` tries again.
  static Result<std::unique_ptr<SqliteStorage>> open(StorageOptions options);
  ~SqliteStorage() override;

  Result<void> begin() override;
  Result<void> commit() override;
  void rollback() override;
  Result<void> admit(std::uint64_t bytes) override;
  std::uint64_t bytes_at_once_max() const override { return quota_.row_bytes_max(); }
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
  Result<void> refresh() override;
  Result<bool> shrink() override;
  bool holds_past() const override { return open_ && log_holds_past_; }
  Result<void> tend() override;
  Tending tending() const override;
  Result<void> give_up_reserve() override;
  Result<void> begin_backup() override;
  Result<BackupProgress> continue_backup() override;
  Result<std::string> read_backup(std::uint64_t from) override;
  void end_backup() override { backup_.reset(); }
  std::optional<Error> trouble() const override;
  Receipt returned() override { return std::exchange(returned_, 0); }
  Result<void> reopen() override;
  Result<void> salvage() override;

 private:
  struct Removed {
    std::int64_t rows = 0;
    std::int64_t folded = 0;  ///< operations that they stood for beside their own
    std::int64_t operations() const { return rows + folded; }
  };

  explicit SqliteStorage(StorageOptions options);
  Result<void> open_anew(bool is_damaged);
  Result<void> open_files(bool is_damaged);
  Result<void> lock_database(bool may_create);
  Result<void> open_database();
  Result<void> set_damaged_aside();
  Result<void> set_strange_log_aside();
  Result<Salvaged> try_salvage(std::chrono::steady_clock::time_point at, std::uint64_t room);
  Result<void> prune_damaged();
  Error waits_for_remains() const;
  Error keeps_too_many() const;
  Result<void> move_remains();
  bool may_move_remains() const;
  std::uint64_t room_to_move() const;
  std::uint64_t room_for_settling() const;
  void close_files();
  bool notice_displacement() {
    return is_displaced_ = FilePlace::of(options_.path).is_other_than(place_);
  }
  bool is_log_taken_away() const { return FilePlace::of(log_path_).is_other_than(log_place_); }
  Error displaced() const;
  Result<void> load();
  Result<void> look_at_past();
  Result<void> set_clone_aside();
  void note_seen();
  Result<void> expect_here(const Seal& seal);
  void note_sealed_ahead();
  UnsyncedRange unsynced() const;
  Result<void> note_returned(const Seal& seal, const Settlement& settlement);
  Result<bool> is_stamped(Receipt receipt);
  Result<Removed> remove_operations(std::vector<Receipt> receipts);
  Result<void> write_folds();
  Result<void> clean_fold_map(std::size_t rows_max);
  Result<bool> clean_when_idle();
  Result<ReceiptState> own_state(Receipt receipt);
  Result<ReceiptState> state_of_row(Receipt receipt);
  Result<bool> may_be_folded(Receipt receipt);
  std::uint64_t frame_bytes() const;
  Result<bool> write_anew();
  Result<bool> cut_off();
  bool may_empty_log() const;
  Result<void> checkpoint();
  Result<void> measure();

  StorageOptions options_;
  const std::string log_path_;
  const Quota quota_;
  std::optional<LockFile> lock_;               // held while the file is open
  std::optional<DatabaseLock> database_lock_;  // acquired before, and released after `open_`
  std::optional<OpenOutbox> open_;             // replaced as a whole by `reopen`
  std::unique_ptr<Backup> backup_;             // of what is open: gone before it is
  Reserve reserve_;
  const SeenFile seen_;
  OutboxMark mark_;            // of the open file, as it was noted last
  std::int64_t noted_ = 0;     // how much had come and gone then
  bool was_salvaged_ = false;  // just now
  FilePlace place_;            // of the open file; once known it is not created again
  bool is_displaced_ = false;  // when the last transaction began, or at `refresh`
  FilePlace log_place_;        // of its log
  int log_pages_ = 0;          // that wait for a checkpoint
  bool is_sealing_ = false;    // within the open transaction
  bool knows_seals_ = false;   // somebody in this process does
  std::int64_t sealed_ = 0;    // the highest receipt that this process has sealed
  /// A file that is known to be damaged and could not be salvaged yet. Nothing is read from it or
  /// written to it before it is.
  struct Damaged {
    FilePlace place;
    Error why;
    std::chrono::steady_clock::time_point next_try;
    std::uint64_t room = 0;  ///< on the disk, when it was tried last
    std::chrono::seconds pause{1};
  };
  std::optional<Damaged> damaged_;
  std::optional<std::chrono::steady_clock::time_point> salvaged_at_;
  std::optional<Remains> remains_;  // of the file from which this one was salvaged
  std::chrono::steady_clock::time_point next_move_{};
  std::string move_failure_;
  Receipt returned_ = 0;
  std::vector<std::string> kept_;  // damaged files beside it
  SavedState committed_;
  SavedState counters_;          // within the open transaction
  bool is_shorter_ = false;      // vacuumed since the file was last cut
  bool log_holds_past_ = false;  // something that has left may stand in it
  std::optional<std::chrono::steady_clock::time_point> log_emptied_at_;
  bool counters_moved_ = false;  // `accepted` is not in the rows any more
  FileSizes sizes_;
  std::uint64_t appended_bytes_ = 0;  // since they were measured
  DamageTables::Damage damage_;       // from which this file was salvaged, last
};

}  // namespace flowmyna
