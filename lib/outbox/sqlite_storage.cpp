#include "outbox/sqlite_storage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "outbox/integrity.h"
#include "outbox/salvage.h"
#include "outbox/set_aside.h"

namespace flowmyna {
namespace {

/// Free space inside the file that stays there: a small backlog comes and goes without the file
/// growing and shrinking.
constexpr std::uint64_t kFreeBytesKept = 256U << 10;

constexpr std::uint64_t kLogFrameBytes = 4096 + 24;  // a page and its header

/// What may be appended before the outbox's size is measured again, which takes a part of a commit.
constexpr std::uint64_t kMeasureEvery = 64U << 10;

/// A machine that damages whatever it is given would fill its disk with damaged files.
constexpr std::chrono::minutes kSalvageEvery{1};

std::int64_t to_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t to_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

}  // namespace

Result<std::unique_ptr<SqliteStorage>> SqliteStorage::open(StorageOptions options) {
  std::unique_ptr<SqliteStorage> storage(new SqliteStorage(std::move(options)));
  if (auto opened = storage->reopen(); !opened) return tl::make_unexpected(opened.error());
  return storage;
}

SqliteStorage::SqliteStorage(StorageOptions options)
    : options_(std::move(options)),
      log_path_(options_.path + "-wal"),
      quota_(options_.quota_bytes),
      reserve_(options_.path + ".reserve", quota_.set_aside_bytes()) {}

Result<void> SqliteStorage::reopen() {
  return open_anew(false);
}

Result<void> SqliteStorage::salvage() {
  return open_anew(true);
}

Result<void> SqliteStorage::open_anew(bool is_damaged) {
  // Closing a file that has no name any more would destroy what it holds.
  if (open_ && notice_displacement()) return tl::make_unexpected(displaced());
  if (open_ && FilePlace::of(log_path_) != log_place_) {
    if (auto saved = open_->connection.checkpoint(); !saved && !is_damaged) return saved;
  }
  // What closing would fold into the database may not be on the disk yet.
  if (open_) open_->connection.keep_log_on_close(true);
  close_files();
  Result<void> opened = open_files(is_damaged);
  if (!opened && opened.error().kind == Error::Kind::kFull) {
    close_files();
    reserve_.give_up();
    opened = open_files(is_damaged);
  }
  if (!opened) close_files();  // what it would count from is not what the disk holds
  return opened;
}

void SqliteStorage::close_files() {
  open_.reset();
  lock_.reset();
  reserve_.forget();
}

/// What is known to be damaged is set aside first, and so is what turns out to be.
Result<void> SqliteStorage::open_files(bool is_damaged) {
  const bool is_gone = FilePlace::of(options_.path).is_nowhere();
  if (!place_.is_nowhere() && is_gone && !is_being_set_aside(options_.path)) {
    return fail(Error::Kind::kIo,
                "the outbox " + options_.path +
                    " is gone: mount its disk again or put it back; only after a restart does the "
                    "agent begin an empty one");
  }
  auto lock = LockFile::acquire(options_.path);
  if (!lock) return tl::make_unexpected(lock.error());
  lock_.emplace(*std::move(lock));
  auto done = finish_set_aside(options_.path);
  if (done && is_damaged) done = set_damaged_aside();
  if (done) done = open_database();
  if (!done && done.error().kind == Error::Kind::kCorrupt) {
    spdlog::error("outbox: {}", done.error().message);
    done = set_damaged_aside();
    if (done) done = open_database();
  }
  if (done) reserve_.take();
  return done;
}

Result<void> SqliteStorage::open_database() {
  auto done = check_remains(options_.path, reserve_.is_there());
  if (done) done = rewrite_file(log_path_);
  if (!done) return done;
  auto opened = OpenOutbox::open(options_, place_.is_nowhere());
  if (!opened) return tl::make_unexpected(opened.error());
  open_ = *std::move(opened);
  log_pages_ = 0;
  open_->connection.watch_log(&log_pages_);
  auto loaded = load();
  if (!loaded) {
    open_.reset();
    return loaded;
  }
  place_ = FilePlace::of(options_.path);
  is_displaced_ = false;
  log_place_ = FilePlace::of(log_path_);
  open_->connection.keep_log_on_close(false);
  log_pages_ = static_cast<int>(sizes_.log / kLogFrameBytes);  // at most; the next commit tells
  return {};
}

Result<void> SqliteStorage::load() {
  const auto counters = open_->state.load();
  if (!counters) return tl::make_unexpected(counters.error());
  committed_ = counters_ = *counters;
  auto damage = open_->damage.last();
  if (!damage) return tl::make_unexpected(damage.error());
  damage_ = *std::move(damage);
  return measure();
}

Result<void> SqliteStorage::set_damaged_aside() {
  const auto at = std::chrono::steady_clock::now();
  if (salvaged_at_ && at - *salvaged_at_ < kSalvageEvery) {
    return fail(Error::Kind::kIo, "the outbox " + options_.path +
                                      " is damaged again at once: check the disk and the memory of "
                                      "this machine");
  }
  spdlog::warn("outbox: reading what can be read of {}", options_.path);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  SalvageOptions options;
  options.now_unix_s = std::chrono::floor<std::chrono::seconds>(now).count();
  options.is_at_start = !knows_seals_;
  const auto salvaged = flowmyna::salvage(options_.path, options);
  if (!salvaged) {
    return fail(salvaged.error().kind == Error::Kind::kFull ? Error::Kind::kFull : Error::Kind::kIo,
                "the outbox is damaged, and what can be read of it cannot be moved to a new one: " +
                    salvaged.error().message);
  }
  salvaged_at_ = at;
  spdlog::error("outbox: {}", describe(*salvaged));
  return {};
}

Error SqliteStorage::displaced() const {
  return {Error::Kind::kIo,
          "the outbox " + options_.path + " was moved away or deleted while in use: put it back. " +
              std::to_string(stats().pending()) +
              " operations are pending in the file that is open; they are delivered, but a restart "
              "begins with what is at that path then"};
}

Result<void> SqliteStorage::begin() {
  counters_moved_ = false;
  is_sealing_ = false;
  if (!open_) return fail(Error::Kind::kIo, "the outbox is not open");
  if (!notice_displacement() && FilePlace::of(log_path_) != log_place_) {
    return fail(Error::Kind::kIo, "the outbox's log " + log_path_ + " was taken away");
  }
  return open_->begin.start().run();
}

Result<void> SqliteStorage::commit() {
  // An acceptance alone changes no counter that the operations themselves do not hold.
  Counters held_by_operations = counters_;
  held_by_operations.accepted = committed_.accepted;
  const bool is_saved = counters_moved_ || held_by_operations != committed_;
  if (is_saved) {
    if (auto saved = open_->state.save(counters_); !saved) return saved;
  }
  if (auto done = open_->commit.start().run(); !done) return done;
  if (is_sealing_ && !options_.sync_every_commit) {
    if (auto synced = open_->connection.sync_log(); !synced) return synced;
  }
  // What acceptance alone adds is known well enough without measuring.
  const bool is_measured_later = !is_saved && appended_bytes_ < kMeasureEvery;
  committed_ = counters_;
  return is_measured_later ? Result<void>{} : measure();
}

void SqliteStorage::rollback() {
  // After some errors SQLite has rolled back by itself; then there is nothing left to do.
  if (open_ && !open_->connection.is_idle()) (void)open_->rollback.start().run();
  // A transaction that cannot be ended takes its connection with it; the caller opens a new one.
  if (open_ && !open_->connection.is_idle() && !notice_displacement()) close_files();
  counters_ = committed_;
}

Result<Receipt> SqliteStorage::append(std::span<const AcceptedOperations> groups) {
  const std::int64_t before = counters_.accepted;
  for (const auto& [operations, unix_s] : groups) appended_bytes_ += operations.bytes();
  const auto appended = open_->operations.append(groups, before);
  if (!appended) return tl::make_unexpected(appended.error());
  counters_.accepted += appended->rows;
  if (counters_.unsynced_from == 0) counters_.unsynced_from = appended->unsynced_from;
  return to_unsigned(before + 1);
}

Result<void> SqliteStorage::seal(const Seal& seal) {
  is_sealing_ = true;
  return open_->seals.insert(seal).map([this](std::size_t bytes) { appended_bytes_ += bytes; });
}

Result<void> SqliteStorage::settle(const Settlement& settlement) {
  if (auto done = open_->seals.remove(settlement.id); !done) return done;
  for (const DeadItem& item : settlement.dead) {
    if (auto done = open_->letters.bury(item); !done) return done;
    const auto removed = remove_operations(item.members);
    if (!removed) return tl::make_unexpected(removed.error());
    counters_.dead += removed->rows + removed->folded.operations;
  }
  counters_.coalesced += to_signed(settlement.coalesced);
  counters_.requests += to_signed(settlement.requests);
  counters_.duplicates_possible += to_signed(settlement.duplicates_possible);
  const auto removed = remove_operations(settlement.delivered);
  if (!removed) return tl::make_unexpected(removed.error());
  counters_.delivered += removed->rows + removed->folded.operations;
  counters_.coalesced += removed->folded.operations;
  return open_->folded.forget(settlement.delivered);
}

Result<void> SqliteStorage::rewrite(Receipt receipt, const CorrectedEvent& event) {
  appended_bytes_ += event.stored.size();
  return open_->operations.rewrite(receipt, OperationRow{event.accepted_unix_s, event.stored});
}

void SqliteStorage::set_unsynced_from(Receipt receipt) {
  counters_.unsynced_from = to_signed(receipt);
}

Result<RetriedLetters> SqliteStorage::retry(const LetterLimits& limits) {
  LetterLimits some = limits;
  // They are written before they are deleted; the room for that is the one kept for settling.
  some.bytes_max = std::min<std::size_t>(some.bytes_max, quota_.settling_row_bytes());
  auto retried = open_->letters.retry(some);
  if (retried) counters_.dead -= to_signed(retried->operations);
  return retried;
}

Result<DeadLetters> SqliteStorage::drop(const LetterLimits& limits) {
  auto dropped = open_->letters.drop(limits);
  if (!dropped) return dropped;
  for (const DeadLetter& letter : dropped->letters) {
    const auto operations =
        to_signed(letter.operations.size() + letter.damaged.size() + letter.folded);
    counters_.dead -= operations;
    counters_.dropped += operations;
  }
  return dropped;
}

Result<std::uint64_t> SqliteStorage::give_up(const std::vector<Receipt>& receipts) {
  std::vector<Receipt> pending;
  for (const Receipt receipt : receipts) {
    const auto is_pending = open_->operations.has(receipt);
    if (!is_pending) return tl::make_unexpected(is_pending.error());
    if (*is_pending) pending.push_back(receipt);
  }
  const auto removed = remove_operations(pending);
  if (!removed) return tl::make_unexpected(removed.error());
  if (auto done = open_->letters.remember_dropped(std::move(pending)); !done) {
    return tl::make_unexpected(done.error());
  }
  const std::int64_t operations = removed->rows + removed->folded.operations;
  counters_.dropped += operations;
  return to_unsigned(operations);
}

Result<void> SqliteStorage::note_arrival(const Arrival& piece) {
  return open_->arrivals.note(piece);
}

Result<std::string> SqliteStorage::id() {
  return open_->arrivals.id();
}

Result<Arrived> SqliteStorage::arrived(std::string_view export_id, std::string_view source) {
  return open_->arrivals.find(export_id, source);
}

Result<bool> SqliteStorage::has_dead_between(Receipt after, Receipt before) {
  if (counters_.dead == 0) return false;
  return open_->letters.has_dead_between(after, before);
}

Result<DeadLetters> SqliteStorage::dead_letters(const LetterLimits& limits) {
  return open_->letters.read(limits);
}

Result<std::optional<DeadLetter>> SqliteStorage::dead_letter_of(Receipt receipt) {
  return open_->letters.holding(receipt);
}

Result<void> SqliteStorage::fold(const Fold& fold, std::string_view stored) {
  const auto members = remove_operations(fold.members);
  if (!members) return tl::make_unexpected(members.error());
  if (auto done = open_->folded.forget(fold.members); !done) return done;
  if (auto done = open_->operations.rewrite(fold.into, stored); !done) return done;
  // The highest receipt may have had its row among them.
  counters_moved_ = true;
  return open_->folded.add(to_signed(fold.into),
                           {members->rows + members->folded.operations, members->folded.last});
}

/// Takes rows out of the backlog and counts the operations that they stood for. Neighbouring
/// receipts leave in one range: most of a drain is one range a request. What is gone already is
/// not counted: a commit that reported a failure may have reached the disk, and comes again.
Result<SqliteStorage::Removed> SqliteStorage::remove_operations(std::vector<Receipt> receipts) {
  Removed removed;
  std::ranges::sort(receipts);
  for (std::size_t begin = 0; begin < receipts.size();) {
    std::size_t end = begin + 1;
    while (end < receipts.size() && receipts[end] == receipts[end - 1] + 1) ++end;
    const auto first = to_signed(receipts[begin]);
    const auto last = to_signed(receipts[end - 1]);
    const auto rows = open_->operations.remove(first, last);
    if (!rows) return tl::make_unexpected(rows.error());
    begin = end;
    if (*rows == 0) continue;
    const auto folded = open_->folded.behind(first, last);
    if (!folded) return tl::make_unexpected(folded.error());
    removed.rows += *rows;
    removed.folded.operations += folded->operations;
    removed.folded.last = std::max({removed.folded.last, folded->last, last});
  }
  return removed;
}

Result<Window> SqliteStorage::read(const ReadLimits& limits) {
  return open_->operations.read(limits, to_unsigned(counters_.accepted));
}

Result<Window> SqliteStorage::fetch(const std::vector<Receipt>& receipts) {
  return open_->operations.fetch(receipts);
}

Result<ReceiptState> SqliteStorage::state(Receipt receipt) {
  if (receipt == 0 || receipt > to_unsigned(committed_.accepted)) return ReceiptState::kUnknown;
  const auto is_pending = open_->operations.has(receipt);
  if (!is_pending) return tl::make_unexpected(is_pending.error());
  if (*is_pending) return ReceiptState::kPending;
  const auto settled = open_->letters.state(receipt);
  if (!settled || *settled != ReceiptState::kDelivered) return settled;
  const auto row = open_->folded.row_of(receipt);
  if (!row) return tl::make_unexpected(row.error());
  if (*row != 0) return state(*row);
  const auto lost = open_->damage.may_have_lost(receipt);
  if (!lost) return tl::make_unexpected(lost.error());
  return *lost ? ReceiptState::kUnknown : ReceiptState::kDelivered;
}

Result<std::vector<Seal>> SqliteStorage::seals() {
  auto seals = open_->seals.read();
  if (seals) knows_seals_ = true;
  return seals;
}

OutboxStats SqliteStorage::stats() const {
  OutboxStats stats;
  stats.accepted = to_unsigned(committed_.accepted);
  stats.delivered = to_unsigned(committed_.delivered);
  stats.dead = to_unsigned(committed_.dead);
  stats.dropped = to_unsigned(committed_.dropped);
  stats.coalesced = to_unsigned(committed_.coalesced);
  stats.requests = to_unsigned(committed_.requests);
  stats.duplicates_possible = to_unsigned(committed_.duplicates_possible);
  stats.unsynced_from = to_unsigned(committed_.unsynced_from);
  stats.lost = to_unsigned(committed_.lost);
  stats.lost_is_exact = damage_.is_exact;
  // Until somebody has moved it away.
  const bool is_there = !damage_.file.empty() && !FilePlace::of(damage_.file).is_nowhere();
  if (is_there) stats.damaged_file = damage_.file;
  stats.size_bytes = sizes_.all;
  stats.quota_bytes = quota_.bytes();
  return stats;
}

Result<bool> SqliteStorage::shrink() {
  if (sizes_.free <= kFreeBytesKept) {
    auto sound = check_integrity(open_->connection);
    return sound ? cut_off() : tl::make_unexpected(sound.error());
  }
  if (auto begun = begin(); !begun) return tl::make_unexpected(begun.error());
  // It takes a step a page.
  open_->vacuum.start();
  for (bool more = true; more;) {
    const auto step = open_->vacuum.step();
    if (!step) return step;
    more = *step;
  }
  auto done = commit();
  if (done) done = measure();
  if (!done) return tl::make_unexpected(done.error());
  is_shorter_ = true;
  return true;
}

/// The file itself becomes shorter once the log that says so is checkpointed.
Result<bool> SqliteStorage::cut_off() {
  sqlite3_db_release_memory(open_->connection.get());
  if (!is_shorter_) return false;
  if (auto done = checkpoint(); !done) return tl::make_unexpected(done.error());
  is_shorter_ = false;
  return false;
}

Result<void> SqliteStorage::measure() {
  const auto sizes = open_->sizes.ask(open_->connection);
  if (!sizes) return tl::make_unexpected(sizes.error());
  sizes_ = *sizes;
  appended_bytes_ = 0;
  return {};
}

Result<void> SqliteStorage::refresh() {
  if (!open_) return {};
  notice_displacement();
  return measure();
}

Result<void> SqliteStorage::admit(std::uint64_t bytes) {
  if (!open_) return fail(Error::Kind::kIo, "the outbox is not open");
  if (is_displaced_) return tl::make_unexpected(displaced());
  if (!reserve_.take()) {
    return fail(Error::Kind::kFull, "the disk of the outbox " + options_.path +
                                        " is full: make room on it; what was accepted is still "
                                        "being delivered");
  }
  if (quota_.has_room(sizes_, appended_bytes_ + bytes)) return {};
  // It may be that less was added than it could have been.
  if (auto measured = measure(); !measured) return measured;
  return quota_.has_room(sizes_, bytes) ? Result<void>{} : quota_reached();
}

/// While the disk is full every commit is followed by a checkpoint: the log is written from its
/// start over and over, on blocks that it has, and nobody can take them away.
Result<void> SqliteStorage::tend() {
  return tending() == Tending::kNotWanted ? Result<void>{} : checkpoint();
}

Tending SqliteStorage::tending() const {
  if (!open_ || log_pages_ == 0) return Tending::kNotWanted;
  if (!reserve_.is_held()) return Tending::kNow;
  const auto limit = quota_.log_bytes() / kLogFrameBytes;
  return static_cast<std::uint64_t>(log_pages_) < limit ? Tending::kNotWanted : Tending::kSoon;
}

/// Whoever filled the disk may take this room as well: the log gets its part of it at once.
Result<void> SqliteStorage::give_up_reserve() {
  reserve_.give_up();
  return tend();
}

Result<void> SqliteStorage::checkpoint() {
  auto done = open_->connection.checkpoint();
  if (done) log_pages_ = 0;
  return done;
}

}  // namespace flowmyna
