#include "outbox/salvage.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "outbox/damaged_file.h"
#include "outbox/letter_tables.h"
#include "outbox/row.h"
#include "outbox/salvaged_counters.h"
#include "outbox/schema.h"
#include "outbox/set_aside.h"
#include "outbox/table_scan.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Row;
using sqlite::Statement;

/// More than the foreman ever has in its plan and in requests together (ForemanOptions), so nothing
/// that may have left is behind so many older operations.
constexpr std::int64_t kMayHaveLeftRows = 20'000;

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
    auto done = copy_operations();
    if (done) done = copy_dead_letters(options.now_unix_s);
    if (done) done = copy_seals();
    if (done) done = copy_ranges("dropped");
    if (done) done = copy_ranges("lost");
    if (done) done = copy_folded();
    if (done) done = copy_arrivals();
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

  bool is_whole_operation(const Row& row, int column);
  Result<void> copy_operations();
  Result<void> copy_dead_letters(std::int64_t now_unix_s);
  Result<void> copy_seals();
  Result<void> copy_letters();
  Result<void> copy_ranges(const std::string& table);
  Result<void> copy_folded();
  Result<void> copy_arrivals();
  Result<void> drop_contradictions();
  Result<void> hold_events(std::int64_t now_unix_s);
  Result<std::optional<SavedCounters>> saved_counters();
  Result<CounterEvidence> evidence();
  Result<void> count(std::int64_t now_unix_s, const std::string& kept_as);
  Result<void> remember_lost(std::int64_t accepted);

  DamagedFile source_;
  Connection target_;
  std::set<Receipt> sealed_;
  std::int64_t highest_ = 0;             // receipt that is known to have been given
  std::int64_t unsynced_from_ = 0;       // as far as the operations tell
  std::set<std::int64_t> damaged_rows_;  // operations, dead or not, that fail their checksum
  bool seals_are_missing_ = false;
  Unread operations_unread_, dead_unread_, folded_unread_;
  Salvaged result_;
};

/// Exactly what was accepted, and delivery can read it.
bool Filling::is_whole_operation(const Row& row, int column) {
  const auto content = read_operation_row(to_receipt(row.integer(0)), row.blob(column));
  if (content && Operation::parse(content->stored)) return true;
  if (damaged_rows_.size() < kDamagedRowsMax) damaged_rows_.insert(row.integer(0));
  return false;
}

Result<void> Filling::copy_operations() {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO operation VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  return read(
      "operation", "seq", ", row", operations_unread_,
      {[this](const Row& row) { return is_whole_operation(row, 1); },
       [&](const Row& row) {
         const std::int64_t seq = row.integer(0);
         const auto content = read_operation_row(to_receipt(seq), row.blob(1));
         highest_ = std::max(highest_, seq);
         if (boot_stamp_of(content->stored) && (unsynced_from_ == 0 || seq < unsynced_from_)) {
           unsynced_from_ = seq;
         }
         return insert->start().bind(seq).bind(row.blob(1)).run();
       }});
}

Result<void> Filling::copy_dead_letters(std::int64_t now_unix_s) {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO dead VALUES(?, ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  auto done = read("dead", "seq", ", letter, row", dead_unread_,
                   {[this](const Row& row) { return is_whole_operation(row, 2); },
                    [&](const Row& row) {
                      const std::int64_t seq = row.integer(0);
                      highest_ = std::max(highest_, seq);
                      const std::int64_t letter = is_plausible(row, 1) ? row.integer(1) : seq;
                      return insert->start().bind(seq).bind(letter).bind(row.blob(2)).run();
                    }});
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

/// `dropped` and `lost`. These rows and those of `folded` have no checksum; what makes no sense is
/// left out.
Result<void> Filling::copy_ranges(const std::string& table) {
  Unread unread;
  auto insert = Statement::prepare(
      target_, ("INSERT OR IGNORE INTO " + table + "(first, last) VALUES(?, ?)").c_str());
  if (!insert) return tl::make_unexpected(insert.error());
  return read(
      table, "first", ", last", unread,
      {[](const Row& row) { return is_plausible(row, 1) && row.integer(1) >= row.integer(0); },
       [&](const Row& row) {
         return insert->start().bind(row.integer(0)).bind(row.integer(1)).run();
       }});
}

Result<void> Filling::copy_folded() {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO folded VALUES(?, ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  return read("folded", "seq", ", last, operations", folded_unread_,
              {[](const Row& row) {
                 return is_plausible(row, 1) && is_plausible(row, 2) &&
                        row.integer(2) <= row.integer(1) - row.integer(0);
               },
               [&](const Row& row) {
                 return insert->start()
                     .bind(row.integer(0))
                     .bind(row.integer(1))
                     .bind(row.integer(2))
                     .run();
               }});
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

/// What is dead waits for a person, and is not sent besides; what stood for a lost row is lost.
Result<void> Filling::drop_contradictions() {
  return target_.execute(
      "DELETE FROM operation WHERE seq IN (SELECT seq FROM dead);"
      "DELETE FROM folded WHERE seq NOT IN (SELECT seq FROM operation) AND "
      "seq NOT IN (SELECT seq FROM dead)");
}

Result<void> Filling::hold_events(std::int64_t now_unix_s) {
  auto query = Statement::prepare(target_, "SELECT seq, row FROM operation ORDER BY seq LIMIT ?");
  if (!query) return tl::make_unexpected(query.error());
  std::vector<Receipt> events;
  query->bind(kMayHaveLeftRows);
  while (true) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) break;
    const Receipt receipt = to_receipt(query->integer(0));
    const auto content = read_operation_row(receipt, query->blob(1));
    const auto operation = content ? Operation::parse(content->stored) : std::nullopt;
    if (!operation || operation->kind != Kind::kEvent || sealed_.contains(receipt)) continue;
    events.push_back(receipt);
  }
  auto letters = LetterTables::prepare(target_);
  if (!letters) return tl::make_unexpected(letters.error());
  for (const Receipt event : events) {
    auto done = letters->bury({{event},
                               0,
                               "outcome unknown: the outbox was damaged, and with it the record of "
                               "what was being sent",
                               0,
                               now_unix_s});
    if (!done) return done;
  }
  result_.held = events.size();
  return target_.execute("DELETE FROM operation WHERE seq IN (SELECT seq FROM dead)");
}

Result<std::optional<SavedCounters>> Filling::saved_counters() {
  std::optional<SavedCounters> saved;
  Unread unread;
  auto done = read("state", "id", ", *", unread,
                   {[](const Row& row) { return SavedCounters::read(row).has_value(); },
                    [&](const Row& row) -> Result<void> {
                      saved = SavedCounters::read(row);
                      return {};
                    }});
  if (!done) return tl::make_unexpected(done.error());
  return saved;
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
      {&out.highest, "SELECT max(last) FROM folded"},
  };
  for (const auto& [number, sql] : numbers) {
    const auto found = target_.integer(sql);
    if (!found) return tl::make_unexpected(found.error());
    *number = *found;
  }
  const auto last_sealed = sealed_.empty() ? 0 : static_cast<std::int64_t>(*sealed_.rbegin());
  out.highest = std::max({out.highest, highest_, last_sealed});
  // Receipts of damaged rows were given, too. Which ones, only their number tells.
  out.highest += std::ranges::count_if(damaged_rows_, [&](auto seq) { return seq > out.highest; });
  out.unsynced_from = unsynced_from_;
  out.lost_at_most = static_cast<std::int64_t>(damaged_rows_.size() + operations_unread_.keys() +
                                               dead_unread_.keys());
  out.is_all_accounted = !operations_unread_.has_end && folded_unread_.is_nothing();
  return out;
}

Result<void> Filling::count(std::int64_t now_unix_s, const std::string& kept_as) {
  const auto saved = saved_counters();
  if (!saved) return tl::make_unexpected(saved.error());
  const auto evidence = this->evidence();
  if (!evidence) return tl::make_unexpected(evidence.error());
  SalvagedCounters account = reconcile(*saved, *evidence);
  result_.file = kept_as;
  result_.kept = to_unsigned(evidence->pending + evidence->dead);
  result_.lost = to_unsigned(account.newly_lost);
  result_.is_exact = account.is_exact;
  if (auto done = remember_lost(account.counters.accepted); !done) return done;

  auto save = Statement::prepare(
      target_,
      "UPDATE state SET accepted = ?, delivered = ?, dead = ?, coalesced = ?, requests = ?, "
      "duplicates_possible = ?, dropped = ?, unsynced_from = ?, lost = ?, "
      "outbox = coalesce(nullif(CAST(? AS TEXT), ''), outbox) WHERE id = 1");
  if (!save) return tl::make_unexpected(save.error());
  for (const std::int64_t* counter : account.counters.in_order()) save->bind(*counter);
  save->bind(account.counters.outbox);
  if (auto done = save->run(); !done) return done;
  auto note = Statement::prepare(target_,
                                 "INSERT OR REPLACE INTO damage(at, file, kept, lost, is_exact) "
                                 "VALUES(?, CAST(? AS TEXT), ?, ?, ?)");
  if (!note) return tl::make_unexpected(note.error());
  return note->bind(now_unix_s)
      .bind(kept_as)
      .bind(evidence->pending + evidence->dead)
      .bind(account.newly_lost)
      .bind(account.is_exact ? 1 : 0)
      .run();
}

/// Receipts of which nobody can say whether they were settled or are lost.
Result<void> Filling::remember_lost(std::int64_t accepted) {
  auto insert = Statement::prepare(target_, "INSERT OR IGNORE INTO lost(first, last) VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  std::vector<Unread::Gap> gaps = operations_unread_.gaps;
  gaps.insert(gaps.end(), dead_unread_.gaps.begin(), dead_unread_.gaps.end());
  for (const std::int64_t seq : damaged_rows_) gaps.push_back({seq, seq});
  for (const Unread::Gap& gap : gaps) {
    if (gap.first > accepted) continue;
    auto done = insert->start().bind(gap.first).bind(std::min(gap.last, accepted)).run();
    if (!done) return done;
  }
  return {};
}

Result<Salvaged> fill(const std::string& path, const std::string& kept_as,
                      const SalvageOptions& options) {
  auto filling = Filling::begin(path, salvage_path(path));
  if (!filling) return tl::make_unexpected(filling.error());
  return filling->run(kept_as, options);
}

}  // namespace

std::string describe(const Salvaged& salvaged) {
  std::string text = std::to_string(salvaged.kept) + " operations could be read and are kept, ";
  if (!salvaged.is_exact) text += "as far as can be told ";
  text += std::to_string(salvaged.lost) + " are lost";
  if (salvaged.held > 0) {
    text +=
        "; " + std::to_string(salvaged.held) +
        " events may have been sent already and are dead letters now (flowmynactl dead-letters)";
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
