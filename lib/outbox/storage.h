#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/arrival.h"
#include "core/backlog.h"
#include "core/outbox.h"
#include "core/result.h"
#include "outbox/tables/unsynced_range.h"

namespace flowmyna {

/// How soon `Storage::tend` is to be called: not at all, when no writer waits, or before the next
/// transaction.
enum class Tending { kNotWanted, kSoon, kNow };

/// The outbox's transactions, as one thread sees them: SQLite on one side (sqlite_storage.h),
/// memory on the other (tests/contract/memory_storage.h); tests/contract runs the same tests over
/// both.
///
/// Writes stand between `begin` and `commit`; what was written is there after a crash if `commit`
/// succeeded, and not at all otherwise. After any failed write the caller rolls back. Reads stand
/// outside a transaction, or inside: `read` and `seals` see what it wrote. One thread at a time.
class Storage : public OutboxQueries {
 public:
  virtual Result<void> begin() = 0;
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;

  /// Whether operations of so many more bytes fit, beside what the transaction holds, judged by
  /// what `begin` or `refresh` saw. If not, why: kFull when quota or disk are full, kIo when what
  /// is written now would be lost.
  virtual Result<void> admit(std::uint64_t bytes) = 0;
  /// The most bytes that operations which are appended at once may take, all together: what an
  /// empty outbox has room for.
  virtual std::uint64_t bytes_at_once_max() const = 0;
  /// The receipt of the first operation; the others follow in their order, without a gap. The more
  /// at once, the less each costs.
  virtual Result<Receipt> append(std::span<const AcceptedOperations> groups) = 0;
  Result<Receipt> append(const EncodedOperations& operations, std::int64_t accepted_unix_s) {
    const AcceptedOperations group{operations, accepted_unix_s};
    return append({&group, 1});
  }
  virtual Result<void> seal(const Seal& seal) = 0;
  /// What is settled already stays as it is and is not counted again: a commit that reported a
  /// failure may have reached the disk. Where the seal is gone, so is what the settlement counts
  /// (`RequestCounters`): it was counted in the commit that removed it. A settlement of no request,
  /// which has id 0, counts what it says.
  virtual Result<void> settle(const Settlement& settlement) = 0;
  /// Both as in Outbox. A letter with a damaged operation is not retried: delivery could not read
  /// it and would stop there.
  virtual Result<RetriedLetters> retry_dead_letters(const LetterLimits& limits) = 0;
  virtual Result<DeadLetters> drop_dead_letters(const LetterLimits& limits) = 0;
  /// Folds pending upserts into the first of them, whose new content is `stored`. All of them count
  /// as pending until that row is settled, and share its fate.
  virtual Result<void> fold(const Fold& fold, std::string_view stored) = 0;

  /// Replaces an operation that is pending or in a dead letter.
  virtual Result<void> rewrite(Receipt receipt, const CorrectedEvent& event) = 0;
  /// Where `stats().unsynced_from` and `unsynced_through` are from now on. (`append` and `settle`
  /// see to it by themselves.)
  virtual void set_unsynced(const UnsyncedRange& range) = 0;

  /// Gives up pending operations for good, and gives how many, folded ones included; so does
  /// `settle` with what it drops. Those that the backlog does not hold are left out.
  virtual Result<std::uint64_t> give_up(const std::vector<Receipt>& receipts) = 0;
  /// So many lines of an export of outbox `source`, which ends at its receipt `through`, are here.
  virtual Result<void> note_arrival(const Arrival& piece) = 0;

  virtual Result<Window> read(const ReadLimits& limits) = 0;
  /// kInvalid when one of them is not there.
  virtual Result<Window> fetch(const std::vector<Receipt>& receipts) = 0;
  virtual Result<std::vector<Seal>> seals() = 0;
  /// How many operations are stored, pending or dead, counted row by row. Reads all keys: for
  /// checks.
  virtual Result<std::uint64_t> count_stored() = 0;
  /// Whether a dead operation was accepted between these two.
  virtual Result<bool> has_dead_between(Receipt after, Receipt before) = 0;
  /// `size_bytes` is as `refresh` found it, or a little less than what it is by now.
  virtual OutboxStats stats() const = 0;
  /// Between two transactions: looks at what `stats` and `admit` go by, the outbox's size and
  /// whether it still is where it was. After an error it is as after one of `commit`.
  virtual Result<void> refresh() = 0;

  /// Gives back some of the space that nothing needs any more, in a transaction of its own that
  /// takes about a millisecond; whether there is more to give back. What the next burst is likely
  /// to need is kept. At its end nothing of what has left is in the outbox's files any more.
  virtual Result<bool> shrink() = 0;
  /// Whether something that has left still stands in the outbox's files: `shrink` was not called
  /// since, or put it off. It is to be called again once nobody has wanted anything for a while.
  virtual bool holds_past() const = 0;
  /// Between two transactions: what need not be done before a writer is answered, if there is
  /// anything. After an error it is as after one of `commit`.
  virtual Result<void> tend() = 0;
  virtual Tending tending() const = 0;
  /// Between two transactions, after a write failed with kFull: gives up what was set aside on the
  /// disk for this, so that settling can go on, and tends. After an error it is as after one of
  /// `commit`.
  virtual Result<void> give_up_reserve() = 0;

  /// The steps of a backup (backup.h), between two transactions. An error ends it, and so do
  /// `reopen` and `salvage`; none is an error of the storage. kInvalid when there is none.
  virtual Result<void> begin_backup() { return no_backup(); }
  virtual Result<BackupProgress> continue_backup() { return no_backup(); }
  virtual Result<std::string> read_backup(std::uint64_t /*from*/) { return no_backup(); }
  virtual void end_backup() {}

  /// Starts anew after an I/O error: whatever the last commit left behind is settled by what the
  /// disk holds. When it fails, `begin` fails, and only `reopen` and `stats` may be called besides.
  virtual Result<void> reopen() = 0;

  /// Why only `reopen` and `stats` may be called; nothing when it is open.
  virtual std::optional<Error> trouble() const { return std::nullopt; }
  /// The lowest receipt of operations that have come back to the backlog since the last call; a
  /// reader may be past it already. 0: none.
  virtual Receipt returned() { return 0; }

  /// Something was read that is damaged (kCorrupt): sets the outbox aside and goes on with what can
  /// be read of it. What is lost is counted; sealed requests stay sealed, even when an operation of
  /// theirs is lost. `reopen` does so by itself when it finds damage. Fails like `reopen`.
  virtual Result<void> salvage() = 0;

 protected:
  static tl::unexpected<Error> no_backup() {
    return fail(Error::Kind::kInvalid, "this backup no longer exists: begin another one");
  }
};

/// kTooLarge when operations of so many bytes would not be taken at once by an empty outbox either.
inline Result<void> check_fits_at_all(const Storage& storage, std::uint64_t bytes) {
  const std::uint64_t most = storage.bytes_at_once_max();
  if (bytes <= most) return {};
  return fail(Error::Kind::kTooLarge,
              std::to_string(bytes) + " bytes at once are more than fits into an outbox of " +
                  std::to_string(storage.stats().quota_bytes) +
                  " bytes (outbox.max_size) even when it is empty, which is " +
                  std::to_string(most) + ": write less at once, or raise outbox.max_size");
}

inline tl::unexpected<Error> quota_reached() {
  return fail(Error::Kind::kFull,
              "the outbox is full (outbox.max_size); it accepts more once some of it has been "
              "delivered");
}

}  // namespace flowmyna
