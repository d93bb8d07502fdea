#include "outbox/salvage/salvage.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "outbox/disk/set_aside.h"
#include "outbox/salvage/damaged_file.h"
#include "outbox/salvage/lost_receipts.h"
#include "outbox/salvage/remains.h"
#include "outbox/salvage/salvaged_counters.h"
#include "outbox/salvage/salvaged_folds.h"
#include "outbox/salvage/table_scan.h"
#include "outbox/tables/folded_table.h"
#include "outbox/tables/letter_tables.h"
#include "outbox/tables/row.h"
#include "outbox/tables/schema.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Row;
using sqlite::Statement;
using namespace std::string_literals;

/// Operations that are looked at before some are written.
constexpr std::int64_t kPieceRows = 1'000;

/// Receipts of damaged rows that are remembered; some, so that memory stays bounded.
constexpr std::size_t kDamagedRowsMax = 10'000;

constexpr std::int64_t kStatusMax = 999;

Receipt to_receipt(std::int64_t value) {
  return static_cast<Receipt>(value);
}
std::uint64_t to_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::optional<Seal> seal_of(const Row& row) {
  return read_seal_row(to_unsigned(row.integer(0)), row.blob(1));
}

/// Fills a new outbox file from a damaged one, table by table. The new file needs no journal: until
/// it is whole nobody opens it.
class Filling {
 public:
  static Result<Filling> begin(const std::string& damaged, const std::string& target) {
    auto source = DamagedFile::open(damaged);
    if (!source) return tl::make_unexpected(source.error());
    auto connection = Connection::open(target);
    if (!connection) return tl::make_unexpected(connection.error());
    auto done = connection->execute(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
        "PRAGMA cache_size = -2000");
    if (done) done = connection->execute(kNewFilePragma);
    if (done) done = migrate(*connection);
    if (done) done = connection->execute("BEGIN");
    if (!done) return tl::make_unexpected(done.error());
    return Filling(*std::move(source), *std::move(connection));
  }

  Result<Salvaged> run(const std::string& kept_as, const SalvageOptions& options) {
    auto done = copy_seals();
    if (done) done = copy_remains();
    if (done) done = read_counters();
    if (!done) return tl::make_unexpected(done.error());
    note_seen(options.seen);
    const bool can_be_divided = this->can_be_divided(options.is_at_start);
    const std::uint64_t bytes = size_of_rows();
    if (bytes > options.room_bytes && !can_be_divided) return no_room();
    is_whole_ = bytes <= options.room_bytes && (bytes <= options.at_once_bytes || !can_be_divided);
    if (is_whole_) done = copy_operations();
    if (done) done = copy_dead_letters(options.now_unix_s);
    if (done) done = copy_ranges("dropped", !saved_ || saved_->dropped > 0);
    if (done) done = copy_ranges("lost", !saved_ || saved_->lost > 0 || saved_->skipped > 0);
    if (done) done = copy_folds();
    if (done) done = folds_.copy_unmapped(source_.connection(), target_, is_whole_);
    if (done) done = copy_arrivals();
    if (done) done = copy_damage();
    if (done && !is_whole_) return begin_moving(kept_as, options);
    if (done) done = drop_contradictions();
    if (done && seals_are_missing_ && options.is_at_start) done = hold_events(options.now_unix_s);
    if (done) done = count(options.now_unix_s, kept_as);
    if (done) done = target_.execute("COMMIT");
    if (!done) return tl::make_unexpected(done.error());
    return result_;
  }

 private:
  Filling(DamagedFile source, Connection target)
      : source_(std::move(source)), target_(std::move(target)) {}

  Result<void> read(const std::string& table, const std::string& key, const std::string& columns,
                    Unread& unread, const RowTaker& rows) {
    auto scanned = scan(source_.connection(), table, key, columns, rows);
    if (!scanned) return tl::make_unexpected(scanned.error());
    unread = *std::move(scanned);
    return {};
  }

  std::uint64_t size_of_rows() const;
  Result<Salvaged> begin_moving(const std::string& kept_as, const SalvageOptions& options);
  static tl::unexpected<Error> no_room();
  void note_seen(const std::optional<OutboxMark>& seen);
  bool can_be_divided(bool is_at_start);
  std::optional<std::int64_t> newest_receipt() const;
  Result<void> copy_sealed_operations();
  Result<void> copy_remains();
  Result<void> save(SavedCounters& counters);
  Result<void> note_damage(std::int64_t now_unix_s, const std::string& kept_as);
  bool is_whole_operation(const Row& row, int column);
  void note_stamp(std::int64_t seq, std::string_view stored);
  Result<void> copy_operations();
  Result<void> copy_dead_letters(std::int64_t now_unix_s);
  Result<void> copy_seals();
  Result<void> copy_letters();
  Result<void> find_lost_letters();
  Result<void> copy_ranges(const std::string& table, bool has_some);
  Result<void> copy_folds();
  Result<void> copy_arrivals();
  Result<void> copy_damage();
  Result<void> drop_contradictions();
  Result<void> hold_events(std::int64_t now_unix_s);
  Result<void> hold_piece(LetterTables& letters, std::int64_t& after, std::int64_t through,
                          std::int64_t now_unix_s);
  Result<void> read_counters();
  Result<CounterEvidence> evidence();
  Result<void> count(std::int64_t now_unix_s, const std::string& kept_as);
  Result<void> remember_lost(const SalvagedCounters& account, const CounterEvidence& evidence);
  std::int64_t accounted_for(std::int64_t accepted) const;
  Result<void> write_lost(std::int64_t through);

  DamagedFile source_;
  Connection target_;
  std::set<Receipt> sealed_;
  std::int64_t highest_ = 0;             // receipt that is known to have been given
  std::int64_t unsynced_from_ = 0;       // as far as the operations tell
  std::set<std::int64_t> damaged_rows_;  // operations, dead or not, that fail their checksum
  bool seals_are_missing_ = false;
  bool is_whole_ = true;      // there is room for everything
  bool has_remains_ = false;  // itself, of an earlier file
  std::int64_t newest_ = 0;   // receipt in its backlog
  std::int64_t seen_ = 0;     // the highest receipt by the mark beside it
  std::optional<SavedCounters> saved_;
  Unread operations_unread_, dead_unread_;
  std::int64_t highest_operation_ = 0, highest_dead_ = 0;  // that were read
  std::optional<std::vector<std::int64_t>> lost_dead_;     // as the index tells, when it can
  SalvagedFolds folds_;
  LostReceipts lost_;
  std::int64_t lost_with_rows_ = 0;  // operations that lost rows stood for
  Salvaged result_;
};

/// Exactly what was accepted, and delivery can read it.
bool Filling::is_whole_operation(const Row& row, int column) {
  const auto content = read_operation_row(to_receipt(row.integer(0)), row.blob(column));
  if (content && Operation::parse(content->stored)) return true;
  if (damaged_rows_.size() < kDamagedRowsMax) damaged_rows_.insert(row.integer(0));
  return false;
}

/// Of an event that was stamped before the clock was synchronised.
void Filling::note_stamp(std::int64_t seq, std::string_view stored) {
  const bool is_lowest = unsynced_from_ == 0 || seq < unsynced_from_;
  if (is_lowest && boot_stamp_of(stored)) unsynced_from_ = seq;
}

Result<void> Filling::copy_operations() {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO operation VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  return read("operation", "seq", ", row", operations_unread_,
              {[this](const Row& row) { return is_whole_operation(row, 1); },
               [&](const Row& row) {
                 const std::int64_t seq = row.integer(0);
                 const auto content = read_operation_row(to_receipt(seq), row.blob(1));
                 highest_operation_ = std::max(highest_operation_, seq);
                 highest_ = std::max(highest_, seq);
                 note_stamp(seq, content->stored);
                 return insert->start().bind(seq).bind(row.blob(1)).run();
               },
               [](const Row& row) { return row.blob(1); }, saved_ ? saved_->accepted : 0});
}

Result<void> Filling::copy_dead_letters(std::int64_t now_unix_s) {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO dead VALUES(?, ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  auto done = read("dead", "seq", ", letter, row", dead_unread_,
                   {[this](const Row& row) { return is_whole_operation(row, 2); },
                    [&](const Row& row) {
                      const std::int64_t seq = row.integer(0);
                      highest_dead_ = std::max(highest_dead_, seq);
                      highest_ = std::max(highest_, seq);
                      note_stamp(seq, read_operation_row(to_receipt(seq), row.blob(2))->stored);
                      const std::int64_t letter = is_plausible(row, 1) ? row.integer(1) : seq;
                      return insert->start().bind(seq).bind(letter).bind(row.blob(2)).run();
                    },
                    [](const Row& row) { return row.blob(2); }, saved_ ? saved_->accepted : 0});
  if (done && !dead_unread_.is_nothing()) done = find_lost_letters();
  if (done) done = copy_letters();
  if (!done) return done;
  auto nameless = Statement::prepare(
      target_,
      "INSERT INTO letter SELECT DISTINCT letter, 0, 'the reason was lost when the outbox was "
      "damaged', 0, ? FROM dead WHERE letter NOT IN (SELECT id FROM letter)");
  if (!nameless) return tl::make_unexpected(nameless.error());
  done = nameless->bind(now_unix_s).run();
  if (done) done = target_.execute("DELETE FROM letter WHERE id NOT IN (SELECT letter FROM dead)");
  return done;
}

/// Dead letters are few and far between, but their receipts are in an index as well. It is believed
/// when it knows all of those that could be read.
Result<void> Filling::find_lost_letters() {
  auto indexed =
      Statement::prepare(source_.connection(), "SELECT seq FROM dead INDEXED BY dead_by_letter");
  if (!indexed) return {};  // of a version without it, or damaged
  auto find = Statement::prepare(target_, "SELECT EXISTS(SELECT 1 FROM dead WHERE seq = ?)");
  if (!find) return tl::make_unexpected(find.error());
  std::int64_t known = 0;
  std::vector<std::int64_t> lost;
  while (true) {
    const auto row = indexed->step();
    if (!row || lost.size() > kDamagedRowsMax) return {};
    if (!*row) break;
    const std::int64_t seq = indexed->integer(0);
    if (const auto found = find->start().bind(seq).step(); !found) {
      return tl::make_unexpected(found.error());
    }
    if (find->integer(0) != 0) {
      ++known;
    } else {
      lost.push_back(seq);
    }
  }
  const auto there = target_.integer("SELECT count(*) FROM dead");
  if (!there) return tl::make_unexpected(there.error());
  if (known == *there) lost_dead_ = std::move(lost);
  return {};
}

Result<void> Filling::copy_letters() {
  auto insert = Statement::prepare(
      target_, "INSERT OR IGNORE INTO letter VALUES(?, ?, CAST(? AS TEXT), ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  Unread unread;
  return read("letter", "id", ", status, reason, attempts, at", unread,
              {[](const Row& row) {
                 return is_plausible(row, 1, kStatusMax) && is_plausible(row, 3) &&
                        is_plausible(row, 4);
               },
               [&](const Row& row) {
                 return insert->start()
                     .bind(row.integer(0))
                     .bind(row.integer(1))
                     .bind(row.blob(2))
                     .bind(row.integer(3))
                     .bind(row.integer(4))
                     .run();
               }});
}

/// Also those of which an operation is lost: what becomes of the others the foreman decides, as it
/// does after an answer that was lost.
Result<void> Filling::copy_seals() {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO seal VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  Unread unread;
  auto done = read("seal", "id", ", row", unread,
                   {[this](const Row& row) {
                      const bool is_right = seal_of(row).has_value();
                      if (!is_right) seals_are_missing_ = true;
                      return is_right;
                    },
                    [&](const Row& row) {
                      const Seal seal = *seal_of(row);
                      for (const ItemMembers& item : seal.items) {
                        sealed_.insert(item.begin(), item.end());
                      }
                      return insert->start().bind(row.integer(0)).bind(row.blob(1)).run();
                    }});
  if (!unread.is_nothing()) seals_are_missing_ = true;
  return done;
}

/// `dropped` and `lost`. Their rows have no checksum; what makes no sense is left out. What cannot
/// be read of them, where there is something, may be any receipt up to where the next range begins.
Result<void> Filling::copy_ranges(const std::string& table, bool has_some) {
  Unread unread;
  std::int64_t highest = 0;
  auto insert = Statement::prepare(
      target_, ("INSERT OR IGNORE INTO " + table + "(first, last) VALUES(?, ?)").c_str());
  if (!insert) return tl::make_unexpected(insert.error());
  auto done =
      read(table, "first", ", last", unread,
           {[](const Row& row) { return is_plausible(row, 1) && row.integer(1) >= row.integer(0); },
            [&](const Row& row) {
              highest = std::max(highest, row.integer(1));
              return insert->start().bind(row.integer(0)).bind(row.integer(1)).run();
            }});
  if (!done || !has_some) return done;
  const std::string next =
      "SELECT coalesce(min(first) - 1, 1 << 53) FROM " + table + " WHERE first > ";
  for (Unread::Gap& gap : unread.gaps) {
    const auto last = target_.integer((next + std::to_string(gap.last)).c_str());
    if (!last) return tl::make_unexpected(last.error());
    gap.last = *last;
  }
  lost_.add(unread, highest);
  return {};
}

Result<void> Filling::copy_folds() {
  auto done = folds_.copy(source_.connection(), target_, saved_ ? saved_->accepted : kPlausibleMax);
  highest_ = std::max(highest_, folds_.highest());
  return done;
}

/// A few rows, of which those before a page that cannot be read are kept.
Result<void> Filling::copy_arrivals() {
  auto query = Statement::prepare(source_.connection(),
                                  "SELECT export, source, through, lines FROM arrival");
  if (!query) return {};  // of a version without imports
  auto insert = Statement::prepare(
      target_, "INSERT OR IGNORE INTO arrival VALUES(CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  while (true) {
    const auto step = query->step();
    if (!step && step.error().kind != Error::Kind::kCorrupt) {
      return tl::make_unexpected(step.error());
    }
    if (!step || !*step) return {};
    const Row row(*query);
    if (!is_plausible(row, 2) || !is_plausible(row, 3)) continue;
    auto done = insert->start()
                    .bind(row.blob(0))
                    .bind(row.blob(1))
                    .bind(row.integer(2))
                    .bind(row.integer(3))
                    .run();
    if (!done) return done;
  }
}

/// What earlier salvages have told.
Result<void> Filling::copy_damage() {
  auto insert = Statement::prepare(
      target_, "INSERT OR IGNORE INTO damage VALUES(?, CAST(? AS TEXT), ?, ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  Unread unread;
  return read("damage", "at", ", file, kept, lost, is_exact", unread,
              {[](const Row& row) {
                 return is_plausible(row, 2) && is_plausible(row, 3) && is_plausible(row, 4, 1);
               },
               [&](const Row& row) {
                 return insert->start()
                     .bind(row.integer(0))
                     .bind(row.blob(1))
                     .bind(row.integer(2))
                     .bind(row.integer(3))
                     .bind(row.integer(4))
                     .run();
               }});
}

/// What is dead waits for a person, and is not sent besides; what a lost row stood for is lost.
Result<void> Filling::drop_contradictions() {
  auto done = target_.execute("DELETE FROM operation WHERE seq IN (SELECT seq FROM dead)");
  const auto with_rows = target_.integer(
      "SELECT sum(operations) FROM folded WHERE seq NOT IN (SELECT seq FROM operation) AND "
      "seq NOT IN (SELECT seq FROM dead)");
  if (!with_rows) return tl::make_unexpected(with_rows.error());
  lost_with_rows_ = *with_rows;
  return done ? target_.execute(kEmptyFoldedWithoutRow) : done;
}

/// All that may have been in a request whose seal cannot be read.
Result<void> Filling::hold_events(std::int64_t now_unix_s) {
  const auto evidence = this->evidence();
  if (!evidence) return tl::make_unexpected(evidence.error());
  const std::int64_t through = reconcile(saved_, *evidence).counters.sealed_through;
  auto letters = LetterTables::prepare(target_);
  if (!letters) return tl::make_unexpected(letters.error());
  for (std::int64_t after = 0; after < through;) {
    if (auto done = hold_piece(*letters, after, through, now_unix_s); !done) return done;
  }
  return target_.execute("DELETE FROM operation WHERE seq IN (SELECT seq FROM dead)");
}

Result<void> Filling::hold_piece(LetterTables& letters, std::int64_t& after, std::int64_t through,
                                 std::int64_t now_unix_s) {
  auto query = Statement::prepare(
      target_, "SELECT seq, row FROM operation WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?");
  if (!query) return tl::make_unexpected(query.error());
  query->bind(after).bind(through).bind(kPieceRows);
  after = through;
  std::vector<Receipt> events;
  for (std::int64_t rows = 1;; ++rows) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) break;
    const Receipt receipt = to_receipt(query->integer(0));
    if (rows == kPieceRows) after = query->integer(0);
    const auto content = read_operation_row(receipt, query->blob(1));
    const auto operation = content ? Operation::parse(content->stored) : std::nullopt;
    if (!operation || operation->kind != Kind::kEvent || sealed_.contains(receipt)) continue;
    events.push_back(receipt);
  }
  for (const Receipt event : events) {
    auto done = letters.bury({{event},
                              0,
                              "outcome unknown: the outbox was damaged, and with it the record of "
                              "what was being sent",
                              0,
                              now_unix_s});
    if (!done) return done;
  }
  result_.held += events.size();
  return {};
}

Result<void> Filling::read_counters() {
  const auto columns = SavedCounters::columns(source_.connection());
  if (!columns) return tl::make_unexpected(columns.error());
  Unread unread;
  return read("state", "id", *columns, unread,
              {[](const Row& row) { return SavedCounters::read(row).has_value(); },
               [&](const Row& row) -> Result<void> {
                 saved_ = SavedCounters::read(row);
                 return {};
               }});
}

Result<CounterEvidence> Filling::evidence() {
  CounterEvidence out;
  const struct {
    std::int64_t* number;
    const char* sql;
  } numbers[] = {
      {&out.pending,
       "SELECT (SELECT count(*) FROM operation) + (SELECT coalesce(sum(operations), 0) "
       "FROM folded WHERE seq NOT IN (SELECT seq FROM dead))"},
      {&out.dead,
       "SELECT (SELECT count(*) FROM dead) + (SELECT coalesce(sum(operations), 0) "
       "FROM folded WHERE seq IN (SELECT seq FROM dead))"},
      {&out.dropped, "SELECT sum(last - first + 1) FROM dropped"},
      {&out.lost, "SELECT sum(lost) FROM damage"},
      {&out.ended,
       "SELECT max(coalesce((SELECT max(last) FROM dropped), 0), "
       "coalesce((SELECT max(last) FROM lost), 0))"},
      {&out.highest, "SELECT max(last) FROM folded"},
      {&out.skipped, "SELECT sum(last - first + 1) FROM lost WHERE last % (1 << 40) = 0"},
  };
  for (const auto& [number, sql] : numbers) {
    const auto found = target_.integer(sql);
    if (!found) return tl::make_unexpected(found.error());
    *number = *found;
  }
  const auto last_sealed = sealed_.empty() ? 0 : static_cast<std::int64_t>(*sealed_.rbegin());
  out.sealed = last_sealed;
  out.highest = std::max({out.highest, highest_, last_sealed});
  out.newest = highest_operation_;
  out.seen = seen_;
  out.is_end_known = operations_unread_.is_end_known(saved_ ? saved_->accepted : 0);
  // Receipts of damaged rows were given, too. Which ones, only their number tells.
  if (!out.is_end_known) {
    out.highest +=
        std::ranges::count_if(damaged_rows_, [&](auto seq) { return seq > out.highest; });
  }
  out.unsynced_from = unsynced_from_;
  out.lost_at_most = static_cast<std::int64_t>(damaged_rows_.size() + operations_unread_.keys() +
                                               dead_unread_.keys());
  out.accounted = accounted_for(std::max({saved_ ? saved_->accepted : 0, out.highest, seen_}));
  out.is_all_accounted = out.is_end_known && folds_.are_counted();
  out.is_more_to_come = has_remains_;
  return out;
}

Result<void> Filling::count(std::int64_t now_unix_s, const std::string& kept_as) {
  const auto evidence = this->evidence();
  if (!evidence) return tl::make_unexpected(evidence.error());
  SalvagedCounters account = reconcile(saved_, *evidence);
  // Nobody knows any more of which of them the time was left as it was, since they were sealed.
  if (seals_are_missing_ && unsynced_from_ != 0) {
    account.counters.unsynced_from = unsynced_from_;
    account.counters.unsynced_through = 0;
  }
  result_.file = kept_as;
  result_.kept = to_unsigned(evidence->pending + evidence->dead);
  result_.lost = to_unsigned(account.newly_lost);
  result_.is_exact = account.is_exact;
  if (auto done = remember_lost(account, *evidence); !done) return done;
  if (account.begins_epoch) result_.next_receipt = to_unsigned(account.counters.accepted) + 1;
  if (auto done = save(account.counters); !done) return done;
  return note_damage(now_unix_s, kept_as);
}

Result<void> Filling::save(SavedCounters& counters) {
  std::string update = "UPDATE state SET ";
  counters.visit_in_order(
      [&](const char* name, auto&, std::int64_t) { update += name + " = ?, "s; });
  update +=
      "epoch = ?, machine = CAST(? AS TEXT), "
      "outbox = coalesce(nullif(CAST(? AS TEXT), ''), outbox) WHERE id = 1";
  auto save = Statement::prepare(target_, update.c_str());
  if (!save) return tl::make_unexpected(save.error());
  counters.visit_in_order([&](const char*, auto& number, std::int64_t) {
    save->bind(static_cast<std::int64_t>(number));
  });
  return save->bind(counters.epoch).bind(counters.machine).bind(counters.outbox).run();
}

Result<void> Filling::note_damage(std::int64_t now_unix_s, const std::string& kept_as) {
  auto note = Statement::prepare(target_,
                                 "INSERT INTO damage(at, file, kept, lost, is_exact) VALUES(max(?, "
                                 "coalesce((SELECT max(at) + 1 FROM damage), 0)), CAST(? AS TEXT), "
                                 "?, ?, ?)");
  if (!note) return tl::make_unexpected(note.error());
  return note->bind(now_unix_s)
      .bind(kept_as)
      .bind(static_cast<std::int64_t>(result_.kept))
      .bind(static_cast<std::int64_t>(result_.lost))
      .bind(result_.is_exact ? 1 : 0)
      .run();
}

/// What the new file takes at most, as far as the damaged one tells: it may say anything of what is
/// free in it.
std::uint64_t Filling::size_of_rows() const {
  const auto bytes = source_.connection().integer(
      "SELECT (page_count - iif(freelist_count BETWEEN 0 AND page_count, freelist_count, 0)) * "
      "page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size");
  return bytes && *bytes > 0 ? to_unsigned(*bytes) : 0;
}

/// Everything but operations is there: as many of those follow as there is room for.
Result<Salvaged> Filling::begin_moving(const std::string& kept_as, const SalvageOptions& options) {
  const auto taken =
      target_.integer("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  if (!taken) return tl::make_unexpected(taken.error());
  const std::uint64_t most = std::min(options.room_bytes, options.at_once_bytes);
  if (to_unsigned(*taken) >= options.room_bytes) return no_room();
  result_.file = kept_as;
  result_.is_whole = false;
  result_.is_exact = folds_.are_counted();
  saved_->accepted = std::max({saved_->accepted, newest_, highest_});
  saved_->sealed_through = std::min(saved_->sealed_through, saved_->accepted);
  auto done = save(*saved_);
  if (done) done = note_damage(options.now_unix_s, kept_as);
  if (done) done = copy_sealed_operations();
  if (done) done = write_lost(saved_->accepted);
  if (!done) return tl::make_unexpected(done.error());
  const auto after = move_operations(source_.connection(), target_, 0, saved_->accepted,
                                     most - std::min(most, to_unsigned(*taken)));
  if (!after) return tl::make_unexpected(after.error());
  done = begin_remains(target_, {kept_as, *after});
  if (done) done = target_.execute("COMMIT");
  if (!done) return tl::make_unexpected(done.error());
  return result_;
}

tl::unexpected<Error> Filling::no_room() {
  return fail(Error::Kind::kFull,
              "there is no room on the disk for what can be read of it: make room");
}

/// The mark of another file would say nothing.
void Filling::note_seen(const std::optional<OutboxMark>& seen) {
  if (seen && saved_ && seen->outbox == saved_->outbox) seen_ = seen->highest;
}

/// Whether some operations may be moved later: only while it is known what was given, and what may
/// have left.
bool Filling::can_be_divided(bool is_at_start) {
  const auto newest = newest_receipt();
  newest_ = newest.value_or(0);
  return saved_ && newest && seen_ <= std::max(saved_->accepted, newest_) &&
         (!seals_are_missing_ || !is_at_start) && !has_remains_;
}

/// The last receipt of the backlog, when that can be read; 0 when it is empty.
std::optional<std::int64_t> Filling::newest_receipt() const {
  auto query = Statement::prepare(source_.connection(),
                                  "SELECT seq, row FROM operation ORDER BY seq DESC LIMIT 1");
  const auto row = query ? query->step() : tl::make_unexpected(query.error());
  if (!row) return std::nullopt;
  if (!*row) return 0;
  const std::int64_t seq = query->integer(0);
  if (!read_operation_row(to_receipt(seq), query->blob(1))) return std::nullopt;
  return seq;
}

/// They are moved first, since they are sent before anything else.
Result<void> Filling::copy_sealed_operations() {
  auto find =
      Statement::prepare(source_.connection(), "SELECT seq, row FROM operation WHERE seq = ?");
  if (!find) return tl::make_unexpected(find.error());
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO operation VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  for (const Receipt receipt : sealed_) {
    const auto seq = static_cast<std::int64_t>(receipt);
    const auto found = find->start().bind(seq).step();
    if (!found || !*found) continue;
    const Row row(*find);
    find->reset();
    if (!is_whole_operation(row, 1)) continue;
    if (auto done = insert->start().bind(seq).bind(row.blob(1)).run(); !done) return done;
  }
  return {};
}

/// For a file that was damaged before all of an earlier one had been moved to it.
Result<void> Filling::copy_remains() {
  const auto remains = remains_of(source_.connection());
  if (!remains || !*remains) return {};
  has_remains_ = true;
  return begin_remains(target_, **remains);
}

/// Receipts of which nobody can say whether they were settled or are lost. When more are missing
/// than stood where something could not be read, a page passes for one with fewer rows than it had:
/// any of them may be.
Result<void> Filling::remember_lost(const SalvagedCounters& account,
                                    const CounterEvidence& evidence) {
  lost_.add(operations_unread_, highest_operation_);
  if (account.newly_lost > evidence.accounted) lost_.add({1, account.known_through});
  auto done = write_lost(account.known_through);
  if (!done || !account.begins_epoch) return done;
  LostReceipts epoch;
  epoch.add({account.known_through + 1, account.counters.accepted});
  return epoch.write(target_, account.counters.accepted);
}

/// How many may be lost at most with what is known to be damaged.
std::int64_t Filling::accounted_for(std::int64_t accepted) const {
  std::int64_t count = lost_with_rows_ + operations_unread_.rows_at_most(accepted);
  if (operations_unread_.has_end) count += accepted - std::min(accepted, highest_operation_);
  if (lost_dead_) return count + std::ssize(*lost_dead_);
  count += dead_unread_.rows_at_most(accepted);
  if (dead_unread_.has_end) count += accepted - std::min(accepted, highest_dead_);
  return count;
}

Result<void> Filling::write_lost(std::int64_t through) {
  if (lost_dead_) {
    for (const std::int64_t seq : *lost_dead_) lost_.add({seq, seq});
  } else {
    lost_.add(dead_unread_, highest_dead_);
  }
  auto unmapped = folds_.unmapped(target_);
  if (!unmapped) return tl::make_unexpected(unmapped.error());
  for (const Unread::Gap& range : *unmapped) lost_.add(range);
  return lost_.write(target_, through);
}

Result<Salvaged> fill(const std::string& path, const std::string& kept_as,
                      const SalvageOptions& options) {
  auto filling = Filling::begin(path, salvage_path(path));
  if (!filling) return tl::make_unexpected(filling.error());
  return filling->run(kept_as, options);
}

}  // namespace

std::string describe(const Salvaged& salvaged) {
  if (!salvaged.is_whole) {
    return "what can be read of the damaged file, kept as " + salvaged.file +
           ", is being moved out of it bit by bit; nothing is accepted until all of it has been "
           "moved";
  }
  std::string text = std::to_string(salvaged.kept) + " operations could be read and are kept, ";
  if (!salvaged.is_exact) text += "as far as is known ";
  text += std::to_string(salvaged.lost) + " are lost";
  if (salvaged.held > 0) {
    text +=
        "; " + std::to_string(salvaged.held) +
        " events may have been sent already and are dead letters now (flowmynactl dead-letters)";
  }
  if (salvaged.next_receipt > 0) {
    text += "; the last receipt is no longer known, so receipts go on at " +
            std::to_string(salvaged.next_receipt) + ", and none is given twice";
  }
  return text + ". The damaged file is kept as " + salvaged.file + ", its log as " + salvaged.file +
         "-wal: send both in for repair, then move them away";
}

Result<Salvaged> salvage(const std::string& path, const SalvageOptions& options) {
  std::error_code ignored;
  std::filesystem::remove(salvage_path(path), ignored);
  const std::string kept_as = damaged_path(path, options.now_unix_s);
  auto salvaged = fill(path, kept_as, options);
  if (!salvaged) {
    std::filesystem::remove(salvage_path(path), ignored);
    return salvaged;
  }
  if (auto done = set_aside(path, kept_as); !done) return tl::make_unexpected(done.error());
  return salvaged;
}

}  // namespace flowmyna
