#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock_correction.h"
#include "core/counters.h"
#include "core/decode.h"
#include "core/operation.h"
#include "core/result.h"

namespace flowmyna {

/// The number of an accepted operation, from 1 upwards in the order of acceptance, and without a
/// gap unless an older copy of the outbox was put back, or nobody knows any more which were given:
/// then they go on far beyond all of them (OutboxStats::epoch). It is the receipt that a writer
/// gets, and the order that delivery keeps.
using Receipt = std::uint64_t;

using RequestId = std::uint64_t;

/// A part of the backlog, oldest first. Rows point into one buffer, so a window costs few
/// allocations whatever it holds.
class Window {
 public:
  struct Row {
    Receipt receipt = 0;
    std::int64_t accepted_unix_s = 0;  ///< wall clock at acceptance; for people, never for order
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  std::size_t bytes() const { return bytes_.size(); }
  const std::vector<Row>& rows() const { return rows_; }
  std::string_view stored(const Row& row) const {
    return std::string_view(bytes_).substr(row.begin, row.size);
  }
  /// Room for so many rows, and for what they hold if it is short.
  void reserve(std::size_t rows, std::size_t bytes_max) {
    rows_.reserve(rows);
    bytes_.reserve(std::min(bytes_max, rows * kUsualRowBytes));
  }
  void add(Receipt receipt, std::int64_t accepted_unix_s, std::string_view stored) {
    rows_.push_back({receipt, accepted_unix_s, bytes_.size(), stored.size()});
    bytes_.append(stored);
  }
  /// Adds what comes behind it.
  void append(const Window& next) {
    for (const Row& row : next.rows_) add(row.receipt, row.accepted_unix_s, next.stored(row));
    more = next.more;
  }
  /// The backlog goes on after the last row.
  bool more = false;

 private:
  static constexpr std::size_t kUsualRowBytes = 256;

  std::string bytes_;
  std::vector<Row> rows_;
};

/// One item of a request: the receipts of the operations that it carries, ascending. An upsert's
/// are composed in this order; an event's is one.
using ItemMembers = std::vector<Receipt>;

/// What is written down before a request leaves: enough to build it again byte for byte after a
/// crash, with the key that it was sent with. The operations stay in the outbox until it is
/// settled. (Storing the body itself was rejected: it would double what a delivery writes to
/// flash.)
struct Seal {
  RequestId id = 0;
  Kind kind = Kind::kUpsert;
  std::string idempotency_key;  ///< a UUID in text form
  std::vector<ItemMembers> items;
  bool operator==(const Seal&) const = default;
};

/// An item that the API refuses for good, with the operations that it carried.
struct DeadItem {
  ItemMembers members;
  int status = 0;      ///< HTTP status of the refusal
  std::string reason;  ///< the API's own words
  std::uint32_t attempts = 0;
  std::int64_t at_unix_s = 0;
};

/// What became of a sealed request, or of operations of none (id 0). Members named here neither as
/// delivered, as dead nor as dropped become pending again, and the seal is gone.
struct Settlement : RequestCounters {
  RequestId id = 0;
  std::vector<Receipt> delivered;
  std::vector<DeadItem> dead;
  std::vector<Receipt> dropped;  ///< given up by a person; counted, and their receipts remembered
};

/// One item that the API refused for good, or whose outcome a person has to find out (status 0):
/// what was decided, and every operation that the item carried, out of delivery's way.
struct DeadLetter {
  Receipt id = 0;      ///< the receipt of its first operation
  int status = 0;      ///< HTTP status of the refusal
  std::string reason;  ///< the API's own words
  std::uint32_t attempts = 0;
  std::int64_t at_unix_s = 0;
  Window operations;             ///< as written, ascending; an event's is one
  std::uint64_t folded = 0;      ///< beside these, folded into them while nothing could leave
  std::vector<Receipt> damaged;  ///< further ones, whose rows fail their checksum
};

/// Which dead letters, by their ids, and how many of them at once: at least one, whatever its size.
struct LetterLimits {
  Receipt after = 0;  ///< letters up to this one are left alone
  Receipt through = std::numeric_limits<std::int64_t>::max();  ///< and so are those beyond this one
  std::size_t letters_max = 500;
  std::size_t bytes_max = 4U << 20;  ///< of their operations
};

/// Some dead letters, oldest operation first.
struct DeadLetters {
  std::vector<DeadLetter> letters;
  bool more = false;  ///< further ones are within `through`
};

/// What a retry returned to the backlog.
struct RetriedLetters {
  std::uint64_t letters = 0;
  std::uint64_t operations = 0;
  Receipt last = 0;              ///< the last letter that was looked at; 0: there was none
  std::vector<Receipt> damaged;  ///< letters that stay, since they cannot be delivered whole
  bool more = false;             ///< letters beyond `last` are within `through`
};

struct ReadLimits {
  Receipt after = 0;          ///< rows up to this one are not read
  std::vector<Receipt> skip;  ///< ascending; rows to leave out
  std::size_t operations_max = 0;
  std::size_t bytes_max = 0;  ///< at least one row is read, whatever its size
};

/// Pending upserts of one object that became one, under the receipt of the first of them.
struct Fold {
  Receipt into = 0;
  std::vector<Receipt> members;  ///< ascending; they have no row of their own any more
  bool operator==(const Fold&) const = default;
};

struct CompactLimits {
  /// Ascending; operations that are on their way. They stay as they are, and what comes after one
  /// of them is not folded into what came before it.
  std::vector<Receipt> taken;
  std::size_t operations_max = 0;
  std::size_t bytes_max = 0;
  /// What was accepted later is left for a later step: the caller may not have heard yet that its
  /// writers wait for it.
  Receipt through = 0;
};

/// What one step of compaction did.
struct Compacted {
  std::vector<Fold> folds;
  std::uint64_t rows = 0;  ///< looked at
  bool more = false;       ///< not all up to `through` has been looked at
  Receipt answered = 0;    ///< the writers of everything up to here had their answers before this
};

enum class OutboxState : std::uint8_t {
  kOk,      ///< accepts
  kFull,    ///< quota or disk are: refuses what does not fit until there is room; delivery goes on
  kFailed,  ///< nothing can be kept safely: refuses everything until the disk works again
};

/// Counters over the outbox's whole life, and how it is now.
struct OutboxStats : Counters {
  std::uint64_t accepted = 0;
  Receipt last_receipt = 0;      ///< the highest; some below it may never have been given
  bool lost_is_exact = true;     ///< of the last time; otherwise as far as could be told
  std::string damaged_file;      ///< where that file is kept for repair, while it is there
  bool is_partial = false;       ///< some of what waits is still to be moved out of that file
  std::uint64_t size_bytes = 0;  ///< database and write-ahead log
  std::uint64_t free_bytes = 0;  ///< of them, inside the database, to be used again
  std::uint64_t quota_bytes = 0;
  /// Events that were stamped before the clock was synchronised may be pending, or dead letters,
  /// from this receipt on; 0: there are none, but for what is in requests.
  Receipt unsynced_from = 0;
  Receipt unsynced_through = 0;  ///< up to this one; 0: to the end of the backlog
  /// How often the outbox's file was found to be older than it had been, or on another machine: a
  /// backup or a copy was put back, or an image was cloned.
  std::uint64_t epoch = 0;
  /// Events up to this receipt may have been delivered before that already; 0: there are none.
  Receipt doubtful_through = 0;
  OutboxState state = OutboxState::kOk;
  std::string last_error;  ///< why the state is not kOk, and what can be done; empty while it is
  std::uint64_t pending() const { return accepted - delivered - dead - dropped - lost; }
};

/// A piece of an export of another outbox, on its way into this one. It is taken in whole or not at
/// all, and once: with it is written down how far the export has come.
struct Arrival {
  /// An item that the API refused over there, for good.
  struct Letter {
    std::size_t first = 0;  ///< of the operations below
    std::size_t count = 0;
    int status = 0;
    std::string reason;
    std::uint32_t attempts = 0;
    std::int64_t at_unix_s = 0;
  };
  std::string export_id;
  std::string source;            ///< id of the outbox that was exported
  Receipt through = 0;           ///< the highest receipt of that when the export began
  std::uint64_t first_line = 0;  ///< from 1; what comes before must have arrived
  std::uint64_t lines = 0;
  EncodedOperations operations;               ///< in the order of acceptance over there
  std::vector<std::int64_t> accepted_unix_s;  ///< of each of them
  std::vector<Letter> letters;                ///< all other operations are pending
  std::uint64_t duplicates_possible = 0;      ///< events among them that may have been sent
};

/// What has arrived of exports.
struct Arrived {
  std::uint64_t lines = 0;  ///< of the export that was asked for
  Receipt other_through =
      0;  ///< `through` of any other export of the same outbox; 0: there is none
};

/// Pending operations that are given up for good, together with the seals of all requests that hold
/// one of them.
struct GiveUp {
  std::vector<Receipt> receipts;
  std::vector<RequestId> seals;
};

/// How far a backup has come.
struct BackupProgress {
  bool is_checking = false;  ///< all is copied, and read once more
  std::uint64_t done = 0;    ///< bytes that are copied, then operations that are checked
  std::uint64_t of = 0;
  bool is_ready = false;         ///< whole and checked: it can be read
  std::uint64_t file_bytes = 0;  ///< once it is ready
};

/// What became of the operation with a receipt, exactly. What nobody can know has a state of its
/// own, which says why.
enum class ReceiptState : std::uint8_t {
  kUnknown,  ///< there is none
  kPending,
  kDelivered,
  kDead,
  kDropped,
  kMaybeLost,    ///< with a damaged outbox, or it was of a file that an older copy has replaced
  kMaybeFolded,  ///< into what is not delivered, by a version that did not write down which it was
};

/// Operations on their way into the outbox, and who waits for the answer.
class Append {
 public:
  Append(EncodedOperations accepted, std::int64_t now_unix_s)
      : operations(std::move(accepted)), accepted_unix_s(now_unix_s) {}
  virtual ~Append() = default;
  Append(const Append&) = delete;
  Append& operator=(const Append&) = delete;

  /// Called once, as any `done` of the outbox: with the receipt of the first operation (the others
  /// follow without a gap) after all of them are committed and synced, or with why none is.
  virtual void done(Result<Receipt> first) = 0;

  const EncodedOperations operations;
  const std::int64_t accepted_unix_s;
};

/// The outbox as the rest of the agent sees it. Any thread may call; nothing blocks. Appends of one
/// thread take effect in their order, and so do its seals, settles and corrections; between the
/// two, and for reads, only what was answered before counts as earlier. An append is answered
/// before any read that shows its operations is. A `done` is called on the outbox's own thread,
/// after the effect is durable (but once the outbox is stopping, at once, by the caller); it must
/// not block.
class Outbox {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  virtual ~Outbox() = default;
  virtual void append(std::unique_ptr<Append> operations) = 0;
  virtual void read(ReadLimits limits, Done<Window> done) = 0;
  /// The operations of these receipts, for a sealed request that is built again.
  virtual void fetch(std::vector<Receipt> receipts, Done<Window> done) = 0;
  virtual void state(Receipt receipt, Done<ReceiptState> done) = 0;
  virtual void seals(Done<std::vector<Seal>> done) = 0;
  virtual void seal(std::vector<Seal> seals, Done<void> done) = 0;
  virtual void settle(std::vector<Settlement> settlements, Done<void> done) = 0;
  /// A step of the way from `stats().unsynced_from` to `unsynced_through`, on which the events of
  /// one boot get their right time, those in dead letters too. What is sealed is left as it is
  /// until it returns, and events of other boots.
  virtual void correct_clock(ClockCorrection correction, Done<void> done) = 0;
  /// Folds upserts of the backlog as the planner would, a step further at each call: what was
  /// looked at is not read again. Nothing that is planned may be sealed from what was read before.
  virtual void compact(CompactLimits limits, Done<Compacted> done) = 0;
  virtual OutboxStats stats() const = 0;

  virtual void dead_letters(LetterLimits limits, Done<DeadLetters> done) = 0;
  /// The dead letter that holds this operation, first or not.
  virtual void dead_letter_of(Receipt receipt, Done<std::optional<DeadLetter>> done) = 0;
  /// Puts operations of dead letters back into the backlog, at their own receipts: among what still
  /// waits the order of acceptance holds, and what was delivered meanwhile is before them. They are
  /// separate again, so what was merged may be merged anew. Whoever asks has to tell the foreman,
  /// also after a failure: an I/O error leaves open whether they are back.
  virtual void retry(LetterLimits limits, Done<RetriedLetters> done) = 0;
  /// Gives operations of dead letters up for good; they are counted and their receipts remembered.
  virtual void drop(LetterLimits limits, Done<DeadLetters> done) = 0;

  /// A name of this outbox that no other has, for as long as its file lives.
  virtual void id(Done<std::string> done) = 0;
  /// Takes in a piece of an export. kInvalid when another piece is due, kFull as for an append;
  /// then nothing of it is there.
  virtual void arrive(Arrival piece, Done<void> done) = 0;
  virtual void arrived(std::string export_id, std::string source, Done<Arrived> done) = 0;
  /// Gives up what is still pending of these, another device having taken it over; gives how many
  /// operations that were. They count as dropped. Nothing that was planned may hold one of them.
  virtual void give_up(GiveUp what, Done<std::uint64_t> done) = 0;

  /// A copy of the whole outbox, made while it is in use. It is gone on with step by step, and then
  /// read, by whoever began it; `id` names it, and is the caller's choice. There is one at a time
  /// (kBusy), and when nobody has gone on with it for a minute it is given up. kFull when the disk
  /// has no room for it, kInvalid when there is none of that id.
  virtual void begin_backup(std::string id, Done<void> done) = 0;
  virtual void continue_backup(std::string id, Done<BackupProgress> done) = 0;
  /// A piece of the file; empty at its end.
  virtual void read_backup(std::string id, std::uint64_t from, Done<std::string> done) = 0;
  virtual void end_backup(std::string id, Done<void> done) = 0;
};

}  // namespace flowmyna
