#include "outbox/sqlite_storage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "core/room.h"
#include "outbox/integrity.h"
#include "outbox/operation_rows.h"
#include "outbox/row.h"
#include "outbox/salvage.h"
#include "outbox/schema.h"
#include "outbox/set_aside.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

constexpr std::uint64_t kPageBytes = 4096;

/// Free space inside the file that stays there: a small backlog comes and goes without the file
/// growing and shrinking. Beyond it, pages are moved to the front and cut off a few at a time.
constexpr std::uint64_t kFreeBytesKept = 256U << 10;
constexpr const char* kVacuum = "PRAGMA incremental_vacuum(64)";
constexpr std::uint64_t kLogFrameBytes = kPageBytes + 24;

/// What a row costs on disk at worst for each byte of its own: rows just over half a page leave the
/// rest of it empty, and every page stands in the write-ahead log as well.
constexpr std::uint64_t kDiskFactor = 4;

/// Room that acceptance leaves free, so that settling, which writes before it frees, goes on when
/// the quota is reached.
std::uint64_t reserve_bytes(std::uint64_t quota_bytes) {
  return std::clamp<std::uint64_t>(quota_bytes / 32, 256U << 10, 16U << 20);
}

/// How long the write-ahead log gets before it is checkpointed: longer saves syncs of the database,
/// and takes from the quota.
std::uint64_t log_bytes(std::uint64_t quota_bytes) {
  return std::min<std::uint64_t>(quota_bytes / 4, 1U << 20);
}

/// The length that the log may keep: what the last round before a checkpoint makes it longer by is
/// written in place as well, where cutting it off would have each sync of a new length write the
/// file's inode besides.
std::uint64_t kept_log_bytes(std::uint64_t quota_bytes) {
  return log_bytes(quota_bytes) * 3 / 2;
}

/// What may be appended before the outbox's size is measured again, which takes a part of a commit.
constexpr std::uint64_t kMeasureEvery = 64U << 10;

/// What the buffer that rows are made in keeps from one transaction to the next.
constexpr std::size_t kKeptRowBytes = 64U << 10;

/// A machine that damages whatever it is given would fill its disk with damaged files.
constexpr std::chrono::minutes kSalvageEvery{1};

/// What delivery has settled is among so many of the oldest; see kMayHaveLeftRows (salvage.cpp).
constexpr int kWalkRows = 20'000;

/// What is set aside on the disk, beside the quota: a full log has to fit into the database at a
/// checkpoint, and a transaction that settles into the log.
std::uint64_t set_aside_bytes(std::uint64_t quota_bytes) {
  return log_bytes(quota_bytes) + (1U << 20);
}

// In this order: exclusive locking must be set before the file is first read, and auto_vacuum
// before the first table exists. The cache is small because delivery reads in order, once; the
// journal limit keeps the log at its working size instead of letting a burst's high tide stay.
constexpr const char* kLockPragma = "PRAGMA locking_mode = EXCLUSIVE";
constexpr const char* kPragmas = R"sql(
  PRAGMA journal_mode = WAL;
  PRAGMA cache_size = -2000;
  PRAGMA temp_store = MEMORY;
  PRAGMA mmap_size = 0;
  PRAGMA cell_size_check = ON;
)sql";

/// A file of a newer version is left as it is: not even its log is touched, or its journal mode.
Result<void> check_version_first(const Connection& connection) {
  if (auto done = connection.execute(kLockPragma); !done) return done;
  connection.keep_log_on_close(true);
  return check_version(connection);
}

Result<void> apply_pragmas(const Connection& connection, const StorageOptions& options) {
  // On a file that has pages this pragma would be a write at each start, which a full disk refuses.
  const auto pages = connection.integer("PRAGMA page_count");
  if (!pages) return tl::make_unexpected(pages.error());
  if (*pages == 0) {
    if (auto done = connection.execute(kNewFilePragma); !done) return done;
  }
  const std::string limit = std::to_string(kept_log_bytes(options.quota_bytes));
  const std::string pragmas =
      kPragmas + ("PRAGMA journal_size_limit = " + limit) +
      "; PRAGMA synchronous = " + (options.sync_every_commit ? "FULL" : "NORMAL");
  return connection.execute(pragmas.c_str());
}

std::uint64_t wal_bytes(const Connection& connection) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods == nullptr) return 0;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return 0;
  return static_cast<std::uint64_t>(size);
}

Result<std::int64_t> value_of(Statement& statement) {
  const auto row = statement.start().step();
  if (!row) return tl::make_unexpected(row.error());
  const std::int64_t value = *row ? statement.integer(0) : 0;
  statement.reset();
  return value;
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
  if (auto opened = storage->reopen(); !opened) return tl::make_unexpected(opened.error());
  return storage;
}

SqliteStorage::SqliteStorage(StorageOptions options)
    : options_(std::move(options)),
      log_path_(options_.path + "-wal"),
      reserve_(options_.path + ".reserve", set_aside_bytes(options_.quota_bytes)) {}

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
  auto opened = connect();
  if (!opened) return tl::make_unexpected(opened.error());
  open_ = *std::move(opened);
  log_pages_ = 0;
  open_->connection.watch_log(&log_pages_);
  auto loaded = load_counters();
  if (loaded) loaded = load_damage();
  if (loaded) loaded = measure();
  if (!loaded) {
    open_.reset();
    return loaded;
  }
  place_ = FilePlace::of(options_.path);
  is_displaced_ = false;
  log_place_ = FilePlace::of(log_path_);
  open_->connection.keep_log_on_close(false);
  log_pages_ = static_cast<int>(log_bytes_ / kLogFrameBytes);  // at most; the next commit tells
  return {};
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

Result<SqliteStorage::Open> SqliteStorage::connect() const {
  const StorageOptions& options = options_;
  auto connection = Connection::open(options.path, place_.is_nowhere());
  if (!connection) return tl::make_unexpected(connection.error());
  if (auto done = check_version_first(*connection); !done) {
    return tl::make_unexpected(done.error());
  }
  if (auto done = apply_pragmas(*connection, options); !done) {
    return tl::make_unexpected(done.error());
  }
  if (auto done = migrate(*connection); !done) return tl::make_unexpected(done.error());
  if (auto done = check_integrity(*connection); !done) return tl::make_unexpected(done.error());

  Open open;
  open.connection = *std::move(connection);
  const struct {
    Statement* statement;
    const char* sql;
  } statements[] = {
      {&open.begin, "BEGIN IMMEDIATE"},
      {&open.commit, "COMMIT"},
      {&open.rollback, "ROLLBACK"},
      {&open.rewrite, "UPDATE operation SET row = ? WHERE seq = ?"},
      {&open.remove, "DELETE FROM operation WHERE seq BETWEEN ? AND ?"},
      {&open.read, "SELECT seq, row FROM operation WHERE seq > ? ORDER BY seq"},
      {&open.fetch, "SELECT seq, row FROM operation WHERE seq = ?"},
      {&open.insert_seal, "INSERT INTO seal(id, row) VALUES(?, ?)"},
      {&open.remove_seal, "DELETE FROM seal WHERE id = ?"},
      {&open.read_seals, "SELECT id, row FROM seal ORDER BY id"},
      {&open.save_counters,
       "UPDATE state SET accepted = ?, delivered = ?, dead = ?, dropped = ?, coalesced = ?, "
       "requests = ?, duplicates_possible = ?, unsynced_from = ? WHERE id = 1"},
      {&open.walk, "SELECT seq FROM operation ORDER BY seq"},
      {&open.find_lost, "SELECT 1 FROM lost WHERE first <= ? AND last >= ? LIMIT 1"},
      {&open.vacuum, kVacuum},
      {&open.page_count, "PRAGMA page_count"},
      {&open.freelist_count, "PRAGMA freelist_count"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = Statement::prepare(open.connection, sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = *std::move(prepared);
  }
  auto insert = sqlite::RowInsert::prepare(open.connection, "operation", "seq", "row");
  if (!insert) return tl::make_unexpected(insert.error());
  open.insert = *std::move(insert);
  auto letters = LetterTables::prepare(open.connection);
  if (!letters) return tl::make_unexpected(letters.error());
  open.letters = *std::move(letters);
  auto folded = FoldedTable::prepare(open.connection);
  if (!folded) return tl::make_unexpected(folded.error());
  open.folded = *std::move(folded);
  auto arrivals = ArrivalTable::prepare(open.connection);
  if (!arrivals) return tl::make_unexpected(arrivals.error());
  open.arrivals = *std::move(arrivals);
  return open;
}

Result<void> SqliteStorage::load_counters() {
  auto query = Statement::prepare(
      open_->connection,
      "SELECT max(accepted, coalesce((SELECT max(seq) FROM operation), 0)), delivered, dead, "
      "dropped, coalesced, requests, duplicates_possible, unsynced_from, lost FROM state "
      "WHERE id = 1");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return fail(Error::Kind::kCorrupt, "the outbox has lost its counters");
  committed_ = counters_ = {query->integer(0), query->integer(1), query->integer(2),
                            query->integer(3), query->integer(4), query->integer(5),
                            query->integer(6), query->integer(7), query->integer(8)};
  return {};
}

Result<void> SqliteStorage::load_damage() {
  auto query = Statement::prepare(open_->connection,
                                  "SELECT file, is_exact FROM damage ORDER BY at DESC LIMIT 1");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  damaged_file_ = *row ? query->blob(0) : "";
  lost_is_exact_ = !*row || query->integer(1) != 0;
  return {};
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
    auto saved = open_->save_counters.start()
                     .bind(counters_.accepted)
                     .bind(counters_.delivered)
                     .bind(counters_.dead)
                     .bind(counters_.dropped)
                     .bind(counters_.coalesced)
                     .bind(counters_.requests)
                     .bind(counters_.duplicates_possible)
                     .bind(counters_.unsynced_from)
                     .run();
    if (!saved) return saved;
  }
  if (auto done = open_->commit.start().run(); !done) return done;
  if (is_sealing_ && !options_.sync_every_commit) {
    if (auto synced = open_->connection.sync_log(); !synced) return synced;
  }
  empty_out(scratch_, kKeptRowBytes);
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
  OperationRows rows(groups, before, scratch_);
  const auto inserted = open_->insert.run(before + 1, rows);
  if (!inserted) return tl::make_unexpected(inserted.error());
  counters_.accepted += *inserted;
  if (counters_.unsynced_from == 0) counters_.unsynced_from = rows.unsynced_from();
  return to_unsigned(before + 1);
}

Result<void> SqliteStorage::seal(const Seal& seal) {
  is_sealing_ = true;
  const std::string row = make_seal_row(seal);
  appended_bytes_ += row.size();
  return open_->insert_seal.start().bind(to_signed(seal.id)).bind(row).run();
}

Result<void> SqliteStorage::settle(const Settlement& settlement) {
  if (auto done = open_->remove_seal.start().bind(to_signed(settlement.id)).run(); !done) {
    return done;
  }
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
  scratch_.clear();
  append_operation_row(scratch_, receipt, {event.accepted_unix_s, event.stored});
  appended_bytes_ += scratch_.size();
  return open_->rewrite.start().bind(scratch_).bind(to_signed(receipt)).run();
}

void SqliteStorage::set_unsynced_from(Receipt receipt) {
  counters_.unsynced_from = to_signed(receipt);
}

Result<RetriedLetters> SqliteStorage::retry(const LetterLimits& limits) {
  LetterLimits some = limits;
  // They are written before they are deleted; the room for that is the one kept for settling.
  const auto room = static_cast<std::size_t>(reserve_bytes(options_.quota_bytes) / kDiskFactor);
  some.bytes_max = std::min(some.bytes_max, room);
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
    const auto row = open_->fetch.start().bind(to_signed(receipt)).step();
    open_->fetch.reset();
    if (!row) return tl::make_unexpected(row.error());
    if (*row) pending.push_back(receipt);
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
  Statement& fetch = open_->fetch;
  const auto found = fetch.start().bind(to_signed(fold.into)).step();
  if (!found) return tl::make_unexpected(found.error());
  const auto old = *found ? read_operation_row(fold.into, fetch.blob(1)) : std::nullopt;
  const std::int64_t accepted_unix_s = old ? old->accepted_unix_s : 0;
  fetch.reset();
  if (!old) {
    return fail(Error::Kind::kCorrupt,
                "operation " + std::to_string(fold.into) + " is damaged or not there");
  }
  const auto members = remove_operations(fold.members);
  if (!members) return tl::make_unexpected(members.error());
  if (auto done = open_->folded.forget(fold.members); !done) return done;
  scratch_.clear();
  append_operation_row(scratch_, fold.into, {accepted_unix_s, stored});
  auto done = open_->rewrite.start().bind(scratch_).bind(to_signed(fold.into)).run();
  if (!done) return done;
  // The highest receipt may have had its row among them.
  counters_moved_ = true;
  return open_->folded.add(to_signed(fold.into),
                           {members->rows + members->folded.operations, members->folded.last});
}

/// Where keys are damaged a search ends in the wrong place, and what stayed there would be
/// delivered again. So when fewer were removed than there may have been, they are looked for in
/// order.
Result<std::int64_t> SqliteStorage::remove_range(std::int64_t first, std::int64_t last) {
  auto done = open_->remove.start().bind(first).bind(last).run();
  if (!done) return tl::make_unexpected(done.error());
  const std::int64_t rows = open_->connection.changes();
  std::int64_t seq = 0;
  open_->walk.start();
  for (int i = 0; rows != last - first + 1 && seq < first && i < kWalkRows; ++i) {
    const auto row = open_->walk.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return rows;
    const std::int64_t next = open_->walk.integer(0);
    if (next <= seq || (next >= first && next <= last)) {
      open_->walk.reset();
      return fail(Error::Kind::kCorrupt, "the outbox is damaged: operations cannot be removed");
    }
    seq = next;
  }
  open_->walk.reset();
  return rows;
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
    const auto rows = remove_range(first, last);
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

/// Adds the row that the reading statement stands on, or ends the window when it does not fit.
Result<void> SqliteStorage::add_row(Window& window, const ReadLimits& limits) {
  const Statement& read = open_->read;
  const Receipt receipt = to_unsigned(read.integer(0));
  const auto row = read_operation_row(receipt, read.blob(1));
  if (!row) {
    return fail(Error::Kind::kCorrupt,
                "operation " + std::to_string(receipt) + " fails its checksum");
  }
  if (window.size() >= limits.operations_max ||
      (!window.empty() && window.bytes() + row->stored.size() > limits.bytes_max)) {
    window.more = true;
  } else {
    window.add(receipt, row->accepted_unix_s, row->stored);
  }
  return {};
}

Result<Window> SqliteStorage::read(const ReadLimits& limits) {
  Window window;
  const auto rows_max =
      to_unsigned(std::max<std::int64_t>(counters_.accepted - to_signed(limits.after), 0));
  window.reserve(std::min<std::size_t>(limits.operations_max, rows_max), limits.bytes_max);
  Receipt last = limits.after;
  Statement& read = open_->read;
  read.start().bind(to_signed(limits.after));
  while (!window.more) {
    const auto row = read.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) break;
    const Receipt receipt = to_unsigned(read.integer(0));
    if (receipt <= last) {
      read.reset();
      return fail(Error::Kind::kCorrupt, "the outbox is damaged: its operations are out of order");
    }
    last = receipt;
    if (std::ranges::binary_search(limits.skip, receipt)) continue;
    if (auto added = add_row(window, limits); !added) {
      read.reset();
      return tl::make_unexpected(added.error());
    }
  }
  read.reset();
  return window;
}

Result<Window> SqliteStorage::fetch(const std::vector<Receipt>& receipts) {
  Window window;
  Statement& fetch = open_->fetch;
  for (const Receipt receipt : receipts) {
    const auto row = fetch.start().bind(to_signed(receipt)).step();
    if (!row) return tl::make_unexpected(row.error());
    const auto content = *row ? read_operation_row(receipt, fetch.blob(1)) : std::nullopt;
    if (content) window.add(receipt, content->accepted_unix_s, content->stored);
    fetch.reset();
    if (!content) {
      return fail(*row ? Error::Kind::kCorrupt : Error::Kind::kInvalid,
                  "operation " + std::to_string(receipt) +
                      (*row ? " fails its checksum" : " is not in the outbox"));
    }
  }
  return window;
}

Result<ReceiptState> SqliteStorage::state(Receipt receipt) {
  if (receipt == 0 || receipt > to_unsigned(committed_.accepted)) return ReceiptState::kUnknown;
  const auto pending = open_->fetch.start().bind(to_signed(receipt)).step();
  open_->fetch.reset();
  if (!pending) return tl::make_unexpected(pending.error());
  if (*pending) return ReceiptState::kPending;
  const auto settled = open_->letters.state(receipt);
  if (!settled || *settled != ReceiptState::kDelivered) return settled;
  const auto row = open_->folded.row_of(receipt);
  if (!row) return tl::make_unexpected(row.error());
  if (*row != 0) return state(*row);
  const auto lost =
      open_->find_lost.start().bind(to_signed(receipt)).bind(to_signed(receipt)).step();
  open_->find_lost.reset();
  if (!lost) return tl::make_unexpected(lost.error());
  return *lost ? ReceiptState::kUnknown : ReceiptState::kDelivered;
}

Result<std::vector<Seal>> SqliteStorage::seals() {
  std::vector<Seal> seals;
  Statement& read = open_->read_seals;
  read.start();
  while (true) {
    const auto row = read.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) {
      knows_seals_ = true;
      return seals;
    }
    const auto id = to_unsigned(read.integer(0));
    auto seal = read_seal_row(id, read.blob(1));
    if (!seal) {
      read.reset();
      return fail(Error::Kind::kCorrupt, "seal " + std::to_string(id) + " is damaged");
    }
    seals.push_back(*std::move(seal));
  }
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
  stats.lost_is_exact = lost_is_exact_;
  // Until somebody has moved it away.
  const bool is_there = !damaged_file_.empty() && !FilePlace::of(damaged_file_).is_nowhere();
  if (is_there) stats.damaged_file = damaged_file_;
  stats.size_bytes = size_bytes_;
  stats.quota_bytes = options_.quota_bytes;
  return stats;
}

Result<bool> SqliteStorage::shrink() {
  if (free_bytes_ <= kFreeBytesKept) {
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
  const auto pages = value_of(open_->page_count);
  if (!pages) return tl::make_unexpected(pages.error());
  const auto free_pages = value_of(open_->freelist_count);
  if (!free_pages) return tl::make_unexpected(free_pages.error());
  free_bytes_ = to_unsigned(*free_pages) * kPageBytes;
  log_bytes_ = wal_bytes(open_->connection);
  size_bytes_ = to_unsigned(*pages) * kPageBytes + log_bytes_;
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
  if (would_fit(bytes)) return {};
  // It may be that less was added than it could have been.
  if (auto measured = measure(); !measured) return measured;
  return would_fit(bytes) ? Result<void>{} : quota_reached();
}

bool SqliteStorage::would_fit(std::uint64_t bytes) const {
  const std::uint64_t quota = options_.quota_bytes;
  const std::uint64_t rows = size_bytes_ - std::min(size_bytes_, log_bytes_ + free_bytes_);
  const std::uint64_t log = std::max(log_bytes_, log_bytes(quota));  // it will get that long
  const std::uint64_t wanted = (appended_bytes_ + bytes) * kDiskFactor;
  return rows + log + wanted + reserve_bytes(quota) <= quota;
}

/// While the disk is full every commit is followed by a checkpoint: the log is written from its
/// start over and over, on blocks that it has, and nobody can take them away.
Result<void> SqliteStorage::tend() {
  return tending() == Tending::kNotWanted ? Result<void>{} : checkpoint();
}

Tending SqliteStorage::tending() const {
  if (!open_ || log_pages_ == 0) return Tending::kNotWanted;
  if (!reserve_.is_held()) return Tending::kNow;
  const auto limit = log_bytes(options_.quota_bytes) / kLogFrameBytes;
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
