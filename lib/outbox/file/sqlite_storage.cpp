#include "outbox/file/sqlite_storage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "outbox/disk/outbox_place.h"
#include "outbox/disk/set_aside.h"
#include "outbox/salvage/damaged_file.h"
#include "outbox/salvage/integrity.h"
#include "outbox/salvage/layout.h"
#include "outbox/tables/schema.h"

namespace flowmyna {
namespace {

/// Free space inside the file that stays there: a small backlog comes and goes without the file
/// growing and shrinking.
constexpr std::uint64_t kFreeBytesKept = 256U << 10;

/// What may be left in a file that cannot give back space in steps for it to be written anew: no
/// more than such a step takes.
constexpr std::uint64_t kWrittenAnewBytes = 1U << 20;

constexpr std::uint64_t kFrameHeaderBytes = 24;  // before each page in the log

/// What may be appended before the outbox's size is measured again, which takes a part of a commit.
constexpr std::uint64_t kMeasureEvery = 64U << 10;

/// An emptied log costs a checkpoint, and two syncs for the next commit. Where an operation comes
/// and goes every few seconds that would be half as much again to the disk for each.
constexpr std::chrono::seconds kEmptyLogEvery{10};

/// What comes and goes before the mark beside the outbox follows: one sync for some MiB.
constexpr std::int64_t kNoteSeenEvery = 20'000;

/// kUnsupported when a newer version has written it. Changes nothing, not even its log.
Result<void> check_version_of(const std::string& path) {
  if (FilePlace::of(path).is_nowhere()) return {};
  const auto file = DamagedFile::open(path);
  if (!file) return {};  // what is wrong with it is found out by whoever opens it
  auto checked = check_version(file->connection());
  if (!checked && checked.error().kind == Error::Kind::kUnsupported) return checked;
  return {};
}

std::int64_t to_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t to_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

}  // namespace

Result<std::unique_ptr<SqliteStorage>> SqliteStorage::open(StorageOptions options) {
  std::unique_ptr<SqliteStorage> storage(new SqliteStorage(std::move(options)));
  auto opened = storage->reopen();
  if (!opened && !storage->damaged_) return tl::make_unexpected(opened.error());
  return storage;
}

SqliteStorage::SqliteStorage(StorageOptions options)
    : options_(std::move(options)),
      log_path_(options_.path + "-wal"),
      quota_(std::min(options_.quota_bytes, file_bytes_max(options_.path))),
      reserve_(options_.path + ".reserve", quota_.set_aside_bytes()),
      seen_(options_.path) {}

Result<void> SqliteStorage::reopen() {
  return open_anew(false);
}

Result<void> SqliteStorage::salvage() {
  return open_anew(true);
}

Result<void> SqliteStorage::open_anew(bool is_damaged) {
  // Closing a file that has no name any more would destroy what it holds.
  if (open_ && notice_displacement()) return tl::make_unexpected(displaced());
  if (open_ && is_log_taken_away()) {
    if (auto saved = open_->connection.checkpoint(); !saved && !is_damaged) return saved;
  }
  // What closing would fold into the database may not be on the disk yet.
  if (open_) open_->connection.keep_log_on_close(true);
  close_files();
  Result<void> opened = open_files(is_damaged);
  if (!opened && opened.error().kind == Error::Kind::kFull) {
    close_files();
    reserve_.give_up([this] { return preallocate_log(log_path_, quota_.kept_log_bytes()); });
    opened = open_files(is_damaged);
  }
  if (opened) return opened;
  close_files();  // what it would count from is not what the disk holds
  return damaged_ ? tl::make_unexpected(damaged_->why) : opened;
}

void SqliteStorage::close_files() {
  backup_.reset();
  open_.reset();
  database_lock_.reset();
  lock_.reset();
  reserve_.forget();
}

/// A file that is known to be damaged is set aside first, and so is one that turns out to be.
Result<void> SqliteStorage::open_files(bool is_damaged) {
  const bool is_gone = FilePlace::of(options_.path).is_nowhere();
  if (!place_.is_nowhere() && is_gone && !is_being_set_aside(options_.path)) {
    return fail(Error::Kind::kIo,
                "the outbox " + options_.path +
                    " is gone: mount its disk again or put it back; the agent begins an empty one "
                    "only after a restart");
  }
  if (place_.is_nowhere()) {
    if (auto placed = check_place(options_.path); !placed) return placed;
    write_in_place(options_.path);
  }
  auto lock = LockFile::acquire(options_.path);
  if (!lock) return tl::make_unexpected(lock.error());
  lock_.emplace(*std::move(lock));
  // Until here nothing is written: it may be somebody else's.
  auto done = lock_database(false);
  if (done) done = check_version_of(options_.path);
  if (done) done = lock_->sign();
  if (!done) return done;
  Backup::remove_remains(options_.path);
  if (is_being_set_aside(options_.path)) was_salvaged_ = true;
  done = finish_set_aside(options_.path);
  if (damaged_ && FilePlace::of(options_.path).is_other_than(damaged_->place)) damaged_.reset();
  if (done && (is_damaged || damaged_)) done = set_damaged_aside();
  if (done) done = open_database();
  if (!done && done.error().kind == Error::Kind::kCorrupt) {
    spdlog::error("outbox: {}", done.error().message);
    done = set_damaged_aside();
    if (done) done = open_database();
  }
  if (done) reserve_.take();
  return done;
}

/// Locks the file that is there now.
Result<void> SqliteStorage::lock_database(bool may_create) {
  database_lock_.reset();
  auto lock = DatabaseLock::acquire(options_.path, may_create);
  if (!lock) return tl::make_unexpected(lock.error());
  database_lock_.emplace(*std::move(lock));
  return {};
}

Result<void> SqliteStorage::open_database() {
  auto done = check_remains(options_.path, reserve_.is_there());
  if (done) done = set_strange_log_aside();
  if (done) done = lock_database(place_.is_nowhere());
  if (done) done = rewrite_file(log_path_);
  if (!done) return done;
  auto opened = OpenOutbox::open(options_, place_.is_nowhere());
  if (!opened) return tl::make_unexpected(opened.error());
  open_ = *std::move(opened);
  log_pages_ = 0;
  open_->connection.watch_log(&log_pages_);
  auto loaded = load();
  if (loaded) loaded = look_at_past();
  if (!loaded) {
    open_.reset();
    return loaded;
  }
  if (!open_) return open_database();  // a clone's, which is aside now
  place_ = FilePlace::of(options_.path);
  is_displaced_ = false;
  log_place_ = FilePlace::of(log_path_);
  open_->connection.keep_log_on_close(false);
  if (remains_) returned_ = 1;  // what was planned may not be here
  if (auto pruned = prune_damaged(); !pruned) return pruned;
  log_pages_ = static_cast<int>(sizes_.log / frame_bytes());  // at most; the next commit tells
  log_holds_past_ = sizes_.log > 0;
  return {};
}

Result<void> SqliteStorage::load() {
  const auto counters = open_->state.load();
  if (!counters) return tl::make_unexpected(counters.error());
  committed_ = counters_ = *counters;
  auto damage = open_->damage.last();
  if (!damage) return tl::make_unexpected(damage.error());
  damage_ = *std::move(damage);
  auto remains = remains_of(open_->connection);
  if (!remains) return tl::make_unexpected(remains.error());
  remains_ = *std::move(remains);
  return measure();
}

std::uint64_t SqliteStorage::frame_bytes() const {
  return sizes_.page + kFrameHeaderBytes;
}

Error SqliteStorage::displaced() const {
  return {Error::Kind::kIo,
          "the outbox " + options_.path + " was moved away or deleted while in use: put it back. " +
              std::to_string(stats().pending()) +
              " operations are pending in the file that is still open; they are delivered, but a "
              "restart begins with whatever is at that path by then"};
}

Result<void> SqliteStorage::begin() {
  counters_moved_ = false;
  is_sealing_ = false;
  if (!open_) return tl::make_unexpected(*trouble());
  if (!notice_displacement() && is_log_taken_away()) {
    return fail(Error::Kind::kIo, "the outbox's log " + log_path_ + " was removed");
  }
  return open_->begin.start().run();
}

Result<void> SqliteStorage::commit() {
  if (auto done = write_folds(); !done) return done;
  // An acceptance alone changes no counter that the operations themselves do not hold.
  SavedState held_by_operations = counters_;
  held_by_operations.highest = committed_.highest;
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
  if (is_saved) log_holds_past_ = true;
  return is_measured_later ? Result<void>{} : measure();
}

void SqliteStorage::rollback() {
  // After some errors SQLite has rolled back by itself; then there is nothing left to do.
  if (open_ && !open_->connection.is_idle()) (void)open_->rollback.start().run();
  if (open_) open_->fold_map.discard();
  // A transaction that cannot be ended takes its connection with it; the caller opens a new one.
  if (open_ && !open_->connection.is_idle() && !notice_displacement()) close_files();
  counters_ = committed_;
}

Result<Receipt> SqliteStorage::append(std::span<const AcceptedOperations> groups) {
  const std::int64_t before = counters_.highest;
  for (const auto& [operations, unix_s] : groups) appended_bytes_ += operations.bytes();
  const auto appended = open_->operations.append(groups, before);
  if (!appended) return tl::make_unexpected(appended.error());
  counters_.highest += appended->rows;
  if (appended->unsynced_from != 0) {
    UnsyncedRange range = unsynced();
    range.accepted(to_unsigned(appended->unsynced_from));
    set_unsynced(range);
  }
  return to_unsigned(before + 1);
}

/// How far the highest sealed receipt is written ahead. The counters' page is written with each
/// settlement anyway; so far ahead that a seal between two of them hardly ever has to write it,
/// and no further, since what is not known to be later is held once the seals cannot be read.
constexpr std::int64_t kSealedAhead = 2'000;

void SqliteStorage::note_sealed_ahead() {
  counters_.sealed_through = std::max(counters_.sealed_through, sealed_ + kSealedAhead);
}

Result<void> SqliteStorage::seal(const Seal& seal) {
  if (remains_) {
    if (auto done = expect_here(seal); !done) return done;
  }
  is_sealing_ = true;
  for (const ItemMembers& item : seal.items) {
    if (!item.empty()) sealed_ = std::max(sealed_, to_signed(item.back()));
  }
  if (sealed_ > counters_.sealed_through) note_sealed_ahead();
  return open_->seals.insert(seal).map([this](std::size_t bytes) { appended_bytes_ += bytes; });
}

Result<void> SqliteStorage::settle(const Settlement& settlement) {
  const auto taken = open_->seals.take(settlement.id);
  if (!taken) return tl::make_unexpected(taken.error());
  if (sealed_ > 0) note_sealed_ahead();
  bool is_counted = taken->was_there || settlement.id == 0;
  for (const DeadItem& item : settlement.dead) {
    if (auto done = open_->letters.bury(item); !done) return done;
    const auto removed = remove_operations(item.members);
    if (!removed) return tl::make_unexpected(removed.error());
    counters_.dead += to_unsigned(removed->operations());
    is_counted = is_counted || removed->rows > 0;
  }
  const auto given_up = give_up(settlement.dropped);
  if (!given_up) return tl::make_unexpected(given_up.error());
  const auto removed = remove_operations(settlement.delivered);
  if (!removed) return tl::make_unexpected(removed.error());
  // Without a seal it comes a second time, and then its operations are gone as well; or the seal
  // was lost with a damaged file.
  if (is_counted || *given_up > 0 || removed->rows > 0) counters_.count(settlement);
  counters_.delivered += to_unsigned(removed->operations());
  counters_.coalesced += to_unsigned(removed->folded);
  if (removed->folded > 0) open_->fold_map.note_delivery();
  auto done = open_->folded.forget(settlement.delivered);
  return done && taken->seal ? note_returned(*taken->seal, settlement) : done;
}

Result<RetriedLetters> SqliteStorage::retry_dead_letters(const LetterLimits& limits) {
  LetterLimits some = limits;
  // They are written before they are deleted; the room for that is the one kept for settling.
  some.bytes_max = std::min<std::size_t>(some.bytes_max, quota_.settling_row_bytes());
  auto retried = open_->letters.retry(some);
  if (retried) counters_.dead -= retried->operations;
  return retried;
}

Result<DeadLetters> SqliteStorage::drop_dead_letters(const LetterLimits& limits) {
  auto dropped = open_->letters.drop(limits);
  if (!dropped) return dropped;
  for (const DeadLetter& letter : dropped->letters) {
    const auto operations = letter.operations.size() + letter.damaged.size() + letter.folded;
    counters_.dead -= operations;
    counters_.dropped += operations;
    if (auto done = open_->folded.empty(receipts_of(letter)); !done) {
      return tl::make_unexpected(done.error());
    }
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
  auto done = open_->folded.empty(pending);
  if (done) done = open_->letters.remember_dropped(std::move(pending));
  if (!done) return tl::make_unexpected(done.error());
  const std::uint64_t operations = to_unsigned(removed->operations());
  counters_.dropped += operations;
  return operations;
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

Result<std::uint64_t> SqliteStorage::count_stored() {
  return open_->connection
      .integer(
          "SELECT (SELECT count(*) FROM operation) + (SELECT count(*) FROM dead) + "
          "(SELECT coalesce(sum(operations), 0) FROM folded)")
      .map([](std::int64_t count) { return static_cast<std::uint64_t>(count); });
}

Result<bool> SqliteStorage::has_dead_between(Receipt after, Receipt before) {
  if (counters_.dead == 0) return false;
  return open_->letters.has_dead_between(after, before);
}

Result<DeadLetters> SqliteStorage::dead_letters(const LetterLimits& limits) {
  return open_->letters.read(limits);
}

/// Takes rows out of the backlog and counts the operations that they stood for. Neighbouring
/// receipts leave in one range: most of a drain is one range a request. What is gone already is
/// not counted: a commit that reported a failure may have reached the disk, and comes again.
Result<SqliteStorage::Removed> SqliteStorage::remove_operations(std::vector<Receipt> receipts) {
  Removed removed;
  std::vector<ReceiptRange> incomplete;
  std::ranges::sort(receipts);
  for (std::size_t begin = 0; begin < receipts.size();) {
    std::size_t end = begin + 1;
    while (end < receipts.size() && receipts[end] == receipts[end - 1] + 1) ++end;
    const ReceiptRange range{to_signed(receipts[begin]), to_signed(receipts[end - 1])};
    const auto rows = open_->operations.remove(range);
    if (!rows) return tl::make_unexpected(rows.error());
    if (*rows != to_signed(end - begin)) incomplete.push_back(range);
    begin = end;
    if (*rows == 0) continue;
    const auto folded = open_->folded.behind(range.first, range.last);
    if (!folded) return tl::make_unexpected(folded.error());
    removed.rows += *rows;
    removed.folded += *folded;
  }
  if (auto done = open_->operations.expect_gone(incomplete); !done) {
    return tl::make_unexpected(done.error());
  }
  return removed;
}

Result<Window> SqliteStorage::read(const ReadLimits& limits) {
  return open_->operations.read(limits, to_unsigned(counters_.highest));
}

Result<Window> SqliteStorage::fetch(const std::vector<Receipt>& receipts) {
  return open_->operations.fetch(receipts);
}

Result<std::vector<Seal>> SqliteStorage::seals() {
  auto seals = open_->seals.read();
  if (seals) knows_seals_ = true;
  return seals;
}

OutboxStats SqliteStorage::stats() const {
  OutboxStats stats;
  static_cast<Counters&>(stats) = committed_;
  stats.accepted = to_unsigned(committed_.accepted());
  stats.last_receipt = to_unsigned(committed_.highest);
  stats.epoch = to_unsigned(committed_.epoch);
  stats.doubtful_through = to_unsigned(committed_.doubtful_through);
  stats.unsynced_from = to_unsigned(committed_.unsynced_from);
  stats.unsynced_through = to_unsigned(committed_.unsynced_through);
  stats.lost_is_exact = damage_.is_exact;
  // Until somebody has moved it away.
  const bool is_there = !damage_.file.empty() && !FilePlace::of(damage_.file).is_nowhere();
  if (is_there) stats.damaged_file = damage_.file;
  stats.is_partial = remains_.has_value();
  stats.size_bytes = sizes_.all;
  stats.free_bytes = sizes_.free;
  stats.quota_bytes = quota_.bytes();
  return stats;
}

Result<bool> SqliteStorage::shrink() {
  if (may_move_remains()) return move_remains().map([] { return true; });
  if (const auto cleaned = clean_when_idle(); !cleaned || *cleaned) return cleaned;
  if (sizes_.free <= kFreeBytesKept || remains_) {
    auto sound = check_integrity(open_->connection);
    return sound ? cut_off() : tl::make_unexpected(sound.error());
  }
  const auto in_steps = can_shrink(open_->connection);
  if (!in_steps) return in_steps;
  if (!*in_steps) return write_anew();
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

/// For a file that was restored from a .dump, once next to nothing is left in it. After that it can
/// give back space like any other.
Result<bool> SqliteStorage::write_anew() {
  if (sizes_.all - sizes_.log - sizes_.free > kWrittenAnewBytes) return cut_off();
  auto done = open_->connection.execute((std::string(kNewFilePragma) + "; VACUUM").c_str());
  if (!done && done.error().kind == Error::Kind::kFull) return cut_off();
  if (done) done = measure();
  if (!done) return tl::make_unexpected(done.error());
  is_shorter_ = true;
  return true;
}

/// The file itself only becomes shorter when the log that says so is checkpointed. In the database,
/// what has left is overwritten by then (secure_delete); the log is cut.
Result<bool> SqliteStorage::cut_off() {
  sqlite3_db_release_memory(open_->connection.get());
  if (log_holds_past_ && may_empty_log()) {
    auto done = open_->connection.empty_log();
    if (done) done = measure();
    if (!done) return tl::make_unexpected(done.error());
    log_pages_ = 0;
    log_holds_past_ = false;
    log_emptied_at_ = std::chrono::steady_clock::now();
  } else if (is_shorter_) {
    if (auto done = checkpoint(); !done) return tl::make_unexpected(done.error());
  }
  is_shorter_ = false;
  return false;
}

/// On a full disk the log keeps its blocks (see `tend`).
bool SqliteStorage::may_empty_log() const {
  const auto now = std::chrono::steady_clock::now();
  return reserve_.is_held() && (!log_emptied_at_ || now - *log_emptied_at_ >= kEmptyLogEvery);
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
  if (kept_.size() > options_.damaged_max) kept_ = damaged_files(options_.path);
  return measure();
}

Result<void> SqliteStorage::admit(std::uint64_t bytes) {
  if (!open_) return tl::make_unexpected(*trouble());
  if (is_displaced_) return tl::make_unexpected(displaced());
  if (remains_) return tl::make_unexpected(waits_for_remains());
  if (kept_.size() > options_.damaged_max) return tl::make_unexpected(keeps_too_many());
  if (!reserve_.take()) {
    return fail(Error::Kind::kFull, "the disk of the outbox " + options_.path +
                                        " is full: make room on it; what was accepted is still "
                                        "being delivered");
  }
  if (quota_.has_room(sizes_, appended_bytes_ + bytes)) return {};
  // Less may have been added than was assumed.
  if (auto measured = measure(); !measured) return measured;
  return quota_.has_room(sizes_, bytes) ? Result<void>{} : quota_reached();
}

/// While the disk is full every commit is followed by a checkpoint: the log is written from its
/// start over and over, on blocks that it has, and nobody can take them away.
Result<void> SqliteStorage::tend() {
  if (tending() == Tending::kNotWanted) return {};
  auto done = log_pages_ > 0 ? checkpoint() : Result<void>{};
  return done && may_move_remains() ? move_remains() : done;
}

Tending SqliteStorage::tending() const {
  if (may_move_remains()) return Tending::kSoon;
  if (!open_ || log_pages_ == 0) return Tending::kNotWanted;
  if (!reserve_.is_held()) return Tending::kNow;
  const auto limit = quota_.log_bytes() / frame_bytes();
  return static_cast<std::uint64_t>(log_pages_) < limit ? Tending::kNotWanted : Tending::kSoon;
}

/// A checkpoint needs room in the database for what the log holds, and settling then needs room in
/// the log.
Result<void> SqliteStorage::give_up_reserve() {
  if (open_) (void)measure();
  reserve_.give_up([this] {
    return open_ && open_->connection.preallocate(sizes_.all - sizes_.log) &&
           preallocate_log(log_path_, quota_.kept_log_bytes());
  });
  return tend();
}

Result<void> SqliteStorage::checkpoint() {
  auto done = open_->connection.checkpoint();
  if (!done) return done;
  log_pages_ = 0;
  if (committed_.highest + committed_.settled() - noted_ >= kNoteSeenEvery) note_seen();
  return {};
}

}  // namespace flowmyna
