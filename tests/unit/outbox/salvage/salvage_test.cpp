// What becomes of an outbox whose file is damaged: set aside, and its readable rows kept.

#include "outbox/salvage/salvage.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "outbox/disk/set_aside.h"
#include "outbox/tables/schema.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kPage = 4096;

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SalvageTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  /// The files in the directory, by what follows the outbox's name, without the lock, the
  /// reserve and the mark; a time is `<time>`.
  std::string files() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      std::string name = entry.path().filename().string().substr(9);
      if (name == ".lock" || name == ".reserve" || name == ".seen") continue;
      const auto time = name.find("20");
      if (time != std::string::npos) name.replace(time, 16, "<time>");
      names.insert("outbox.db" + name);
    }
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
  }
  std::string damaged_file() {
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      const std::string name = entry.path();
      if (name.find(".damaged-") != std::string::npos && !name.ends_with("-wal")) return name;
    }
    return "";
  }
  void change(const std::string& file, const std::function<void(std::string&)>& damage) {
    std::string bytes = bytes_of(file);
    damage(bytes);
    write_bytes(file, bytes);
  }
  void zero_page(std::size_t number) {
    change(path, [&](std::string& bytes) {
      ASSERT_GE(bytes.size(), number * kPage);
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>((number - 1) * kPage), kPage, '\0');
    });
  }
  /// The page on which a table begins.
  std::size_t root_of(const std::string& table) {
    return static_cast<std::size_t>(
        integer(path, "SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'"));
  }

  /// That page, and another in its place: what a disk does that loses a write.
  std::string page_of(const std::string& table) {
    return bytes_of(path).substr((root_of(table) - 1) * kPage, kPage);
  }
  void put_page(const std::string& table, const std::string& page) {
    const std::size_t at = (root_of(table) - 1) * kPage;
    change(path, [&](std::string& bytes) { bytes.replace(at, kPage, page); });
  }

  /// Pending 3, 5 and 6 (a row that stands for 6 and 7), sealed 4 and 8, dead 1, delivered 2.
  void fill() {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c", "d", "e", "f", "f", "h"}, 17);
    Settlement settlement;
    settlement.delivered = {2};
    settlement.dead = {{{1}, 422, "no", 2, 99}};
    settlement.requests = 2;
    settle(*storage, settlement);
    seal(*storage, 9, {{4}, {8}});
    must(storage->begin());
    must(storage->fold({6, {7}}, upserts({"f"})[0]));
    must(storage->commit());
  }
  static constexpr Receipt kNextEpoch = Receipt{1} << 40;
  static constexpr const char* kPending = "3:c 4:d 5:e 6:f 8:h";

  std::string all(Storage& storage) {
    return everything(storage) + " | " + text(storage.seals()) + " | " +
           text(storage.dead_letters(letters())) + " | " + text(storage.stats()) + ", lost " +
           std::to_string(storage.stats().lost);
  }
};

TEST_F(SalvageTest, OfAWholeFileEverythingIsKept) {
  fill();
  const std::string before = all(*open_storage(path));
  const auto salvaged = salvage(path, {1'700'000'000, true});
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_EQ(salvaged->file, path + ".damaged-20231114T221320Z");
  EXPECT_EQ(salvaged->kept, 7U);
  EXPECT_EQ(salvaged->lost, 0U);
  EXPECT_EQ(salvaged->held, 0U);
  EXPECT_TRUE(salvaged->is_exact);
  const auto storage = open_storage(path);
  EXPECT_EQ(all(*storage), before);
  EXPECT_EQ(states(*storage, 9), "-xdpppppp-");
  EXPECT_EQ(storage->stats().damaged_file, salvaged->file);
  EXPECT_EQ(integrity(salvaged->file), "ok");
}

TEST_F(SalvageTest, WhatStandsInAHotLogIsSalvagedAndTheLogIsKeptBesideTheFile) {
  const auto storage = open_storage(path);
  accept(*storage, {"a", "b"});
  const std::string copy = directory.file("outbox.db.copy");
  fs::copy_file(path, copy);
  fs::copy_file(path + "-wal", copy + "-wal");
  const std::string log = bytes_of(copy + "-wal");
  const auto salvaged = salvage(copy, {1'700'000'000, true});
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_EQ(everything(*open_storage(copy)), "1:a 2:b");
  EXPECT_TRUE(bytes_of(salvaged->file + "-wal") == log);
  EXPECT_EQ(integer(salvaged->file, "SELECT count(*) FROM operation"), 2);  // with its log
}

TEST_F(SalvageTest, AFileThatIsNoDatabaseIsSetAsideAsItIs) {
  const std::string content(10'000, 'x');
  write_bytes(path, content);
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"a"}), kNextEpoch + 1);
  EXPECT_EQ(everything(*storage), std::to_string(kNextEpoch + 1) + ":a");
  EXPECT_TRUE(bytes_of(damaged_file()) == content);
  EXPECT_FALSE(storage->stats().lost_is_exact);
}

TEST_F(SalvageTest, WithoutItsHeaderAFileIsReadByTheHeaderOfAnEmptyOne) {
  fill();
  const std::string before = all(*open_storage(path));
  zero_page(1);
  const auto storage = open_storage(path);
  EXPECT_EQ(all(*storage), before);
  EXPECT_TRUE(storage->stats().lost_is_exact);
  EXPECT_EQ(files(), "outbox.db outbox.db-wal outbox.db.damaged-<time>");
}

TEST_F(SalvageTest, AnEmptiedFileWithALogIsSalvagedFromTheLog) {
  const std::string copy = directory.file("outbox.db.copy");
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b"});
    write_bytes(copy, "");
    fs::copy_file(path + "-wal", copy + "-wal");
  }
  EXPECT_EQ(everything(*open_storage(copy)), "1:a 2:b");
}

TEST_F(SalvageTest, AnEmptiedFileThatWasInUseIsDamageAndANewOneIsNot) {
  write_bytes(path, "");
  EXPECT_EQ(open_storage(path)->stats().damaged_file, "");
  write_bytes(path, "");
  const std::string kept_as = open_storage(path)->stats().damaged_file;
  EXPECT_EQ(kept_as, damaged_file());
  EXPECT_EQ(fs::file_size(damaged_file()), 0U);
}

TEST_F(SalvageTest, ARowThatFailsItsChecksumIsLostAndTheOthersAreKept) {
  fill();
  execute(path, "UPDATE operation SET row = row || X'00' WHERE seq = 5");
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->read(limits()).error().kind, Error::Kind::kCorrupt);
  must(storage->salvage());
  EXPECT_EQ(everything(*storage), "3:c 4:d 6:f 8:h");
  EXPECT_EQ(storage->stats().lost, 1U);
  EXPECT_EQ(storage->stats().pending(), 5U);
  EXPECT_TRUE(storage->stats().lost_is_exact);
  EXPECT_EQ(text(storage->fetch({5})), "operation 5 is not in the outbox");
  EXPECT_EQ(states(*storage, 9), "-xdpp-ppp-") << "of 5 nobody can say that it was delivered";
  EXPECT_EQ(accept(*storage, {"i"}), 9U);
}

TEST_F(SalvageTest, WhatAFoldedRowStoodForIsLostWithIt) {
  fill();
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = 6");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 2U);
  EXPECT_EQ(storage->stats().pending(), 4U);
  EXPECT_TRUE(storage->stats().lost_is_exact);
}

TEST_F(SalvageTest, ASealedRequestKeepsItsKeyAlsoWhenAnOperationOfItIsLost) {
  fill();
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = 4");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(text(storage->seals()), "9u0190{ 4 }{ 8 }");
  EXPECT_EQ(storage->fetch({4, 8}).error().kind, Error::Kind::kInvalid);
}

/// Upsert 1, events 2 and 3.
void fill_with_events(const std::string& path) {
  const auto storage = open_storage(path);
  OperationList backlog;
  backlog.upsert("Order/1").event({{"Order/1"}}).event({{"Order/2"}});
  must(storage->begin());
  storage->append(backlog.encoded_operations(), 17).value();
  must(storage->commit());
  must(storage->begin());
  must(storage->seal({4, Kind::kEvent, kKey, {{2}}}));
  must(storage->commit());
}

TEST_F(SalvageTest, WhenNobodyKnowsWhatWasBeingSentEventsWaitForAPerson) {
  fill_with_events(path);
  zero_page(root_of("seal"));
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->seals().error().kind, Error::Kind::kCorrupt);
  must(storage->salvage());
  EXPECT_EQ(text(storage->seals()), "");
  EXPECT_EQ(states(*storage, 3), "-pxx");
  EXPECT_EQ(text(storage->stats()),
            "accepted 3, delivered 0, dead 2, coalesced 0, requests 0, duplicates possible 0");
  EXPECT_NE(text(storage->dead_letters(letters())).find("2(0 outcome unknown: "),
            std::string::npos);
}

/// So many upserts, and behind them three events, of which the first two are sealed.
void fill_behind_many(const std::string& path, int upserts) {
  const auto storage = open_storage(path);
  OperationList backlog;
  for (int i = 0; i < upserts; ++i) backlog.upsert("Order/" + std::to_string(i));
  for (int i = 0; i < 3; ++i) backlog.event({{"Late/" + std::to_string(i)}});
  must(storage->begin());
  storage->append(backlog.encoded_operations(), 17).value();
  must(storage->commit());
  const auto first = static_cast<Receipt>(upserts) + 1;
  must(storage->begin());
  must(storage->seal({7, Kind::kEvent, kKey, {{first}}}));
  must(storage->seal({8, Kind::kEvent, kKey, {{first + 1}}}));
  commit(*storage);
}

TEST_F(SalvageTest, WhatMayHaveLeftIsHeldHoweverMuchOlderStillWaits) {
  fill_behind_many(path, 25'000);
  execute(path, "UPDATE seal SET row = X'00' WHERE id = 8");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(text(storage->seals()), "7e0190{ 25001 }");
  EXPECT_EQ(storage->state(25'001).value(), ReceiptState::kPending) << "its seal is there";
  EXPECT_EQ(storage->state(25'002).value(), ReceiptState::kDead);
  EXPECT_EQ(storage->stats().pending(), 25'003U - storage->stats().dead);
}

TEST_F(SalvageTest, WhatCannotHaveLeftIsNotHeld) {
  fill_with_events(path);
  {
    const auto storage = open_storage(path);
    OperationList backlog;
    for (int i = 0; i < 5'000; ++i) backlog.event({{"Order/" + std::to_string(i)}});
    must(storage->begin());
    storage->append(backlog.encoded_operations(), 17).value();
    must(storage->commit());
  }
  zero_page(root_of("seal"));
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_GE(storage->stats().dead, 2U);
  EXPECT_LT(storage->stats().dead, 2'500U) << "no more than is written ahead";
  EXPECT_EQ(storage->state(5'003).value(), ReceiptState::kPending);
}

TEST_F(SalvageTest, WithoutSealsAndCountersAllEventsAreHeld) {
  fill_behind_many(path, 1'500);
  zero_page(root_of("seal"));
  zero_page(root_of("state"));
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->stats().dead, 3U);
  EXPECT_EQ(storage->stats().pending(), 1'500U);
}

TEST_F(SalvageTest, AnOlderVersionsFileDidNotTellWhatWasSealedSoAllEventsAreHeld) {
  fill_behind_many(path, 10);
  execute(path,
          "ALTER TABLE state DROP COLUMN sealed_through; ALTER TABLE state DROP COLUMN skipped; "
          "ALTER TABLE state DROP COLUMN epoch; ALTER TABLE state DROP COLUMN machine; "
          "PRAGMA user_version = 5");
  zero_page(root_of("seal"));
  const auto salvaged = salvage(path, {1'700'000'000, true});
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_EQ(salvaged->held, 3U);
}

TEST_F(SalvageTest, WhatWasSealedIsKnownToTheCommitThatSealedIt) {
  const auto storage = open_storage(path);
  accept(*storage, std::vector<std::string>(9'000, "a"));
  const std::string copy = directory.file("copy.db");
  for (const Receipt last : {1U, 2'500U, 9'000U}) {
    seal(*storage, last, {{1}, {last}});
    for (const char* suffix : {"", "-wal"}) {
      fs::copy_file(path + suffix, copy + suffix, fs::copy_options::overwrite_existing);
    }
    EXPECT_GE(integer(copy, "SELECT sealed_through FROM state"), static_cast<std::int64_t>(last));
  }
}

TEST_F(SalvageTest, AnEventOfASealThatIsThereIsNotHeldForOneThatIsDamaged) {
  fill_with_events(path);
  {
    const auto storage = open_storage(path);
    must(storage->begin());
    must(storage->seal({5, Kind::kEvent, kKey, {{3}}}));
    commit(*storage);
  }
  execute(path, "UPDATE seal SET row = X'00' WHERE id = 5");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(text(storage->seals()), "4e0190{ 2 }");
  EXPECT_EQ(states(*storage, 3), "-ppx");
}

TEST_F(SalvageTest, WhoeverKnowsWhatIsBeingSentGoesOn) {
  fill_with_events(path);
  const auto storage = open_storage(path);
  EXPECT_EQ(text(storage->seals()), "4e0190{ 2 }");
  must(storage->salvage());
  EXPECT_EQ(states(*storage, 3), "-ppp");
}

TEST_F(SalvageTest, OfADeadLetterThatIsLostTheIndexStillKnowsTheReceipt) {
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c", "d", "e", "f"});
    Settlement settlement;
    settlement.delivered = {1, 3, 5, 6};
    settlement.dead = {{{2}, 422, "no", 1, 99}, {{4}, 422, "no", 1, 99}};
    settle(*storage, settlement);
  }
  execute(path, "UPDATE dead SET row = X'00' WHERE seq = 4");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 1U);
  EXPECT_EQ(states(*storage, 6), "-dxd-dd");
}

TEST_F(SalvageTest, ARequestCountsThoughItsSealWasLostWhileItWasUnderWay) {
  fill();
  const std::size_t seals = root_of("seal");
  const auto storage = open_storage(path);
  EXPECT_EQ(text(storage->seals()), "9u0190{ 4 }{ 8 }");
  zero_page(seals);
  must(storage->salvage());
  EXPECT_EQ(text(storage->seals()), "");
  Settlement settlement;
  settlement.id = 9;
  settlement.delivered = {4, 8};
  settlement.requests = 1;
  settle(*storage, settlement);
  EXPECT_EQ(storage->stats().requests, 3U);
  settle(*storage, settlement);
  EXPECT_EQ(storage->stats().requests, 3U) << "it comes again after a commit that seemed to fail";
}

TEST_F(SalvageTest, ADeadLetterWithoutItsReasonSaysSo) {
  fill();
  zero_page(root_of("letter"));
  must(open_storage(path)->salvage());
  EXPECT_EQ(text(open_storage(path)->dead_letters(letters())).substr(0, 16), "1(0 the reason w");
  EXPECT_EQ(states(*open_storage(path), 2), "-xd");
}

TEST_F(SalvageTest, WithoutTheCountersNothingThatIsThereIsCountedAsLost) {
  fill();
  zero_page(root_of("state"));
  const auto storage = open_storage(path);
  EXPECT_EQ(everything(*storage), kPending);
  EXPECT_EQ(text(storage->stats()),
            "accepted 8, delivered 1, dead 1, coalesced 0, requests 0, duplicates possible 0");
  EXPECT_EQ(storage->stats().lost, 0U);
  EXPECT_FALSE(storage->stats().lost_is_exact);
  EXPECT_EQ(accept(*storage, {"i"}), kNextEpoch + 1) << "9 may have been given and delivered";
  EXPECT_EQ(states(*storage, 9), "-xdpppppp-");
  EXPECT_EQ(storage->state(kNextEpoch + 1).value(), ReceiptState::kPending);
  EXPECT_EQ(storage->stats().accepted, 9U);
  EXPECT_EQ(storage->stats().pending(), 7U);
}

TEST_F(SalvageTest, ADrainedOutboxThatLostItsCountersGivesNoReceiptTwice) {
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c"});
    Settlement settlement;
    settlement.delivered = {1, 2, 3};
    settle(*storage, settlement);
  }
  zero_page(root_of("state"));
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->stats().accepted, 0U) << "nobody knows";
  EXPECT_EQ(storage->stats().pending(), 0U);
  EXPECT_EQ(states(*storage, 4), "-----");
  EXPECT_EQ(accept(*storage, {"d"}), kNextEpoch + 1);
  EXPECT_EQ(everything(*storage), std::to_string(kNextEpoch + 1) + ":d");
  EXPECT_EQ(storage->stats().pending(), 1U);
  EXPECT_TRUE(storage->shrink()) << "it is sound";
}

TEST_F(SalvageTest, WhenItLosesThemAgainReceiptsGoOnBeyondThatEpoch) {
  fill();
  zero_page(root_of("state"));
  EXPECT_EQ(accept(*open_storage(path), {"i"}), kNextEpoch + 1);
  zero_page(root_of("state"));
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"k"}), 2 * kNextEpoch + 1);
  EXPECT_EQ(storage->stats().pending(), 8U);
  EXPECT_LT(storage->stats().accepted, 20U);
  EXPECT_EQ(storage->stats().accepted,
            storage->stats().pending() + storage->stats().delivered + storage->stats().dead);
}

TEST_F(SalvageTest, ASecondSalvageAddsToWhatTheFirstOneLost) {
  for (const char* counters : {"there", "gone"}) {
    fs::remove(path);
    fill();
    execute(path, "UPDATE operation SET row = X'00' WHERE seq = 5");
    must(open_storage(path)->salvage());
    execute(path, "UPDATE operation SET row = X'00' WHERE seq = 4");
    const bool are_gone = counters == std::string("gone");
    if (are_gone) zero_page(root_of("state"));
    {
      const auto storage = open_storage(path);
      if (!are_gone) must(storage->salvage());
      EXPECT_EQ(storage->stats().lost, 2U) << counters;
      EXPECT_EQ(storage->stats().pending(), 4U) << counters;
      EXPECT_EQ(states(*storage, 8), "-xdp--ppp") << counters;
    }
    EXPECT_EQ(integer(path, "SELECT count(*) FROM damage WHERE lost = 1"), 2) << counters;
  }
}

TEST_F(SalvageTest, WhatIsDeadIsNotPendingBesides) {
  fill();
  execute(path, "INSERT INTO operation SELECT seq, row FROM dead");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(everything(*storage), kPending);
  EXPECT_EQ(states(*storage, 2), "-xd");
}

TEST_F(SalvageTest, NotesThatMakeNoSenseAreNotBelieved) {
  fill();
  // They end before they begin.
  execute(path, "INSERT INTO folded VALUES(3, 2, 50); INSERT INTO dropped VALUES(5, 2)");
  zero_page(root_of("state"));
  const auto storage = open_storage(path);
  EXPECT_EQ(everything(*storage), kPending);
  EXPECT_EQ(storage->stats().pending(), 6U);
  EXPECT_EQ(storage->stats().accepted, 8U);
  EXPECT_EQ(storage->stats().dropped, 0U);
}

TEST_F(SalvageTest, CountersThatContradictEachOtherAreDamage) {
  fill();
  execute(path, "UPDATE state SET delivered = 100");
  const auto storage = open_storage(path);
  EXPECT_NE(storage->stats().damaged_file, "");
  EXPECT_EQ(storage->stats().pending(), 6U);
  EXPECT_FALSE(storage->stats().lost_is_exact);
}

TEST_F(SalvageTest, MoreFreePagesThanThereArePagesIsDamage) {
  fill();
  change(path, [](std::string& bytes) { bytes[37] = '\x10'; });  // of the count in the header
  const auto storage = open_storage(path);
  EXPECT_NE(storage->stats().damaged_file, "");
  EXPECT_EQ(everything(*storage), kPending);
}

TEST_F(SalvageTest, OperationsThatVanishedAreFoundMissingOnceTheOthersAreDelivered) {
  fill();
  execute(path, "DELETE FROM operation WHERE seq = 5");
  const auto storage = open_storage(path);
  EXPECT_TRUE(storage->shrink());
  Settlement settlement;
  settlement.delivered = {3, 4, 6, 8};
  must(storage->begin());
  must(storage->settle(settlement));
  must(storage->commit());
  EXPECT_EQ(storage->stats().pending(), 1U);
  EXPECT_EQ(storage->shrink().error().message, "the outbox is damaged: operations are missing");
  must(storage->salvage());
  EXPECT_EQ(storage->stats().pending(), 0U);
  EXPECT_EQ(storage->stats().lost, 1U);
}

TEST_F(SalvageTest, AnOutboxThatIsDamagedAgainAtOnceIsLeftAlone) {
  fill();
  const auto storage = open_storage(path);
  must(storage->salvage());
  const auto again = storage->salvage();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, Error::Kind::kIo);
  EXPECT_NE(again.error().message.find("again right away"), std::string::npos);
}

/// Enough operations for a tree of some hundred pages.
void fill_large(const std::string& path, int operations) {
  const auto storage = open_storage(path);
  must(storage->begin());
  for (int i = 0; i < operations; ++i) {
    OperationList backlog;
    backlog.upsert("Order/" + std::to_string(i), {{"v", std::string(200, '7')}});
    storage->append(backlog.encoded_operations(), 17).value();
  }
  must(storage->commit());
}

TEST_F(SalvageTest, AroundPagesThatCannotBeReadEverythingIsKeptAndTheRestIsCounted) {
  fill_large(path, 10'000);
  const std::size_t pages = fs::file_size(path) / kPage;
  ASSERT_GT(pages, 500U);
  for (const std::size_t page : {pages / 4, pages / 2, pages / 2 + 2, pages - 10}) zero_page(page);
  const auto storage = open_storage(path);
  must(storage->salvage());
  const OutboxStats stats = storage->stats();
  EXPECT_EQ(stats.accepted, 10'000U);
  EXPECT_EQ(stats.pending() + stats.lost, 10'000U);
  EXPECT_EQ(stats.lost, 4U * 17);  // rows of a page
  EXPECT_TRUE(stats.lost_is_exact);
  ReadLimits all = limits(20'000);
  EXPECT_EQ(storage->read(all)->size(), stats.pending());
}

/// How a row of `fill_large` begins in its page: what it is long, its receipt, and the record's
/// header (sqlite.org/fileformat2.html). Receipts of two bytes or three, from 128 on.
std::size_t cell_of(const std::string& bytes, Receipt receipt) {
  std::string key = {static_cast<char>(0x80 | ((receipt >> 7) & 0x7f)),
                     static_cast<char>(receipt & 0x7f), 4, 0};
  if (receipt > 0x3fff) key.insert(key.begin(), static_cast<char>(0x80 | (receipt >> 14)));
  const auto at = bytes.find(key);
  if (at == std::string::npos || bytes.find(key, at + 1) != std::string::npos) {
    throw std::runtime_error("not one row of this receipt");
  }
  return at - 2;
}
constexpr std::size_t kReceiptAt = 2;

TEST_F(SalvageTest, AReceiptThatIsDamagedSaysNothingOfTheRowsBehindIt) {
  fill_large(path, 10'000);
  change(path, [](std::string& bytes) {
    bytes[cell_of(bytes, 5'000) + kReceiptAt] = '\xff';  // 16,264, beyond them all
    const std::size_t next = cell_of(bytes, 5'001);
    bytes[next] = bytes[next + 1] = '\x7f';  // and the next one cannot be read
  });
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_LE(storage->stats().lost, 17U) << "more than a page";
  EXPECT_GE(storage->stats().lost, 2U);
  EXPECT_EQ(storage->read(limits(20'000))->size(), storage->stats().pending());
}

TEST_F(SalvageTest, WhatIsDeliveredDoesNotStayOnAPageWhereItCannotBeSearched) {
  fill_large(path, 10'000);
  change(path, [](std::string& bytes) {
    for (Receipt receipt = 5'000; receipt < 5'200; receipt += 3) {
      bytes[cell_of(bytes, receipt) + kReceiptAt] = '\x81';  // some 130 to 250
    }
  });
  const auto storage = open_storage(path);
  std::vector<Receipt> all;
  for (Receipt receipt = 1; receipt < 10'000; ++receipt) {
    if (receipt < 5'000 || receipt >= 5'200 || (receipt - 5'000) % 3 != 0) all.push_back(receipt);
  }
  Settlement settlement;
  settlement.delivered = all;
  must(storage->begin());
  const auto settled = storage->settle(settlement);
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().kind, Error::Kind::kCorrupt);
  storage->rollback();
  must(storage->salvage());
  settle(*storage, settlement);
  EXPECT_EQ(everything(*storage).substr(0, 6), "10000:");
  EXPECT_EQ(storage->stats().pending(), 1U);
  EXPECT_EQ(storage->stats().lost, 67U);
}

TEST_F(SalvageTest, NeitherDoesItBehindTwentyThousandThatWaitForSomethingElse) {
  fill_large(path, 30'000);
  change(path, [](std::string& bytes) {
    for (Receipt receipt = 25'000; receipt < 25'200; receipt += 3) {
      bytes[cell_of(bytes, receipt) + kReceiptAt + 1] = '\x81';  // some 16,500, below them all
    }
  });
  const auto storage = open_storage(path);
  Settlement settlement;
  for (Receipt receipt = 25'000; receipt < 25'200; ++receipt) {
    if ((receipt - 25'000) % 3 != 0) settlement.delivered.push_back(receipt);
  }
  must(storage->begin());
  const auto settled = storage->settle(settlement);
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().kind, Error::Kind::kCorrupt);
}

TEST_F(SalvageTest, ARowOfAnotherTimeIsNotTakenForOneThatWaits) {
  fill_large(path, 10'000);
  std::string old_page = bytes_of(path);
  const std::string old = old_page.substr(cell_of(old_page, 3'000), 200);
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    for (Receipt receipt = 1; receipt <= 4'000; ++receipt) settlement.delivered.push_back(receipt);
    settle(*storage, settlement);
  }
  // As large as the one that it stands for, and its checksum is right.
  change(path, [&](std::string& bytes) { bytes.replace(cell_of(bytes, 5'000), 200, old); });
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->read(limits(20'000)).error().kind, Error::Kind::kCorrupt);
  must(storage->salvage());
  EXPECT_EQ(storage->state(3'000).value(), ReceiptState::kDelivered);
  const auto window = storage->read(limits(20'000));
  ASSERT_TRUE(window) << window.error().message;
  EXPECT_EQ(window->rows().front().receipt, 4'001U);
  EXPECT_EQ(storage->stats().lost, 6'000U - window->size());
  EXPECT_LE(storage->stats().lost, 2U);
}

TEST_F(SalvageTest, APageNumberBeyondAnyFileIsDamageAndNotAFullDisk) {
  fill_large(path, 3'000);
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    for (Receipt receipt = 1; receipt <= 2'000; ++receipt) settlement.delivered.push_back(receipt);
    settle(*storage, settlement);
  }
  // Of the last page, the one above it (sqlite.org/fileformat2.html, "Pointer Map or Ptrmap
  // Pages"): page 2 begins with the entry of page 3.
  const std::size_t entry = kPage + 5 * (fs::file_size(path) / kPage - 3);
  change(path, [entry](std::string& bytes) { bytes.replace(entry + 1, 4, 4, '\xff'); });
  const auto storage = open_storage(path);
  const auto shrunk = storage->shrink();
  ASSERT_FALSE(shrunk);
  EXPECT_EQ(shrunk.error().kind, Error::Kind::kCorrupt) << shrunk.error().message;
  must(storage->salvage());
  EXPECT_EQ(storage->read(limits(2'000))->size(), 1'000U);
  EXPECT_EQ(storage->stats().lost, 0U);
}

// What tells the highest receipt is damaged, or of an older commit than the rest, while the
// counters can be read: they tell nothing of what was accepted since anything left.

TEST_F(SalvageTest, AReceiptWhoseOperationCannotBeReadIsNotGivenAgain) {
  accept(*open_storage(path), {"a"});
  zero_page(root_of("operation"));
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"b"}), kNextEpoch + 1);
  EXPECT_EQ(storage->state(1).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(everything(*storage), std::to_string(kNextEpoch + 1) + ":b");
  EXPECT_EQ(storage->stats().pending(), 1U);
  EXPECT_FALSE(storage->stats().lost_is_exact);
}

TEST_F(SalvageTest, NeitherAreThoseOfTheLastPageOfTheBacklog) {
  fill_large(path, 10'000);
  fs::remove(path + ".seen");
  zero_page(fs::file_size(path) / kPage);
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"next"}), kNextEpoch + 1);
  EXPECT_EQ(storage->state(10'000).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(storage->state(9'000).value(), ReceiptState::kPending);
  EXPECT_EQ(storage->stats().accepted, storage->stats().pending() + storage->stats().lost);
}

TEST_F(SalvageTest, NorWhenTheNewestRowsHaveLostTheirReceipts) {
  fill_large(path, 10'000);
  fs::remove(path + ".seen");
  change(path, [](std::string& bytes) {
    for (const Receipt receipt : {9'999U, 10'000U}) {
      bytes.replace(cell_of(bytes, receipt) + kReceiptAt, 2, std::string("\x80\0", 2));  // 0
    }
  });
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"next"}), kNextEpoch + 1);
  EXPECT_EQ(storage->state(9'999).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(storage->state(9'998).value(), ReceiptState::kPending);
}

TEST_F(SalvageTest, WhereTheCountersKnowTheNewestOperationReceiptsGoOnAlthoughItIsLost) {
  fill();
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    settlement.delivered = {3};
    settle(*storage, settlement);
  }
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = 8");
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 9), "-xddpppp--");
  EXPECT_EQ(storage->stats().lost, 1U);
  EXPECT_TRUE(storage->stats().lost_is_exact);
  EXPECT_EQ(accept(*storage, {"i"}), 9U);
}

TEST_F(SalvageTest, CountersOfAnOlderCommitDoNotTellWhichReceiptWasTheLast) {
  const auto deliver = [](Storage& storage, std::vector<Receipt> receipts) {
    Settlement settlement;
    settlement.delivered = std::move(receipts);
    settle(storage, settlement);
  };
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c"});
    deliver(*storage, {1});
  }
  const std::string old = page_of("state");
  {
    const auto storage = open_storage(path);
    accept(*storage, {"d", "e"});
    deliver(*storage, {2, 3, 4, 5});
  }
  fs::remove(path + ".seen");
  put_page("state", old);
  const auto storage = open_storage(path);
  EXPECT_NE(storage->stats().damaged_file, "");
  EXPECT_EQ(accept(*storage, {"f"}), kNextEpoch + 1) << "4 and 5 were given";
  EXPECT_EQ(states(*storage, 5), "------") << "nobody knows whether 2 and 3 are lost";
}

TEST_F(SalvageTest, ABacklogOfAnOlderCommitDoesNotWhereTheMarkBesideItTellsMore) {
  accept(*open_storage(path), {"a", "b", "c"});
  const std::string old = page_of("operation");
  accept(*open_storage(path), {"d", "e"});
  put_page("operation", old);
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = 1");
  const auto storage = open_storage(path);
  EXPECT_EQ(accept(*storage, {"f"}), kNextEpoch + 1) << "4 and 5 were given";
  EXPECT_EQ(everything(*storage), "2:b 3:c " + std::to_string(kNextEpoch + 1) + ":f");
  EXPECT_EQ(states(*storage, 5), "--pp--");
  EXPECT_EQ(storage->stats().lost, 3U);
}

TEST_F(SalvageTest, AReceiptIsNotDeliveredBecauseItsRowSaysThatItHasAnother) {
  fill_large(path, 200);
  change(path, [](std::string& bytes) { bytes[cell_of(bytes, 150) + kReceiptAt + 1] = '\x7f'; });
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 1U);
  EXPECT_EQ(storage->state(150).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(storage->state(149).value(), ReceiptState::kPending);
  EXPECT_EQ(storage->state(151).value(), ReceiptState::kPending);
  EXPECT_EQ(accept(*storage, {"next"}), 201U) << "which was the last is known";
}

TEST_F(SalvageTest, RowsBehindDamagedReceiptsAreNotTakenForTheFirstOfTheirStretch) {
  fill_large(path, 200);
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    settlement.delivered = {10};
    settle(*storage, settlement);
  }
  change(path, [](std::string& bytes) {
    for (const Receipt receipt : {139U, 155U})
      bytes[cell_of(bytes, receipt) + 1] ^= 1;  // no record
    for (Receipt receipt = 140; receipt < 145; ++receipt) {
      bytes[cell_of(bytes, receipt) + kReceiptAt + 1] = '\x02';  // 130: a search goes past them
    }
  });
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 7U);
  for (const Receipt receipt : {139U, 140U, 144U, 155U}) {
    EXPECT_EQ(storage->state(receipt).value(), ReceiptState::kMaybeLost) << receipt;
  }
  EXPECT_EQ(storage->read(limits())->size(), 192U);
  EXPECT_EQ(storage->state(10).value(), ReceiptState::kDelivered)
      << "it is known which are missing";
}

TEST_F(SalvageTest, RowsOfAnotherPageDoNotHideThoseInWhosePlaceTheyStand) {
  fill_large(path, 200);
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    settlement.delivered = {10};
    settle(*storage, settlement);
  }
  change(path, [](std::string& bytes) {
    const std::string later[] = {bytes.substr(cell_of(bytes, 190), 200),
                                 bytes.substr(cell_of(bytes, 191), 200)};
    const std::size_t at[] = {cell_of(bytes, 140), cell_of(bytes, 141)};
    for (std::size_t i = 0; i < 2; ++i) bytes.replace(at[i], 200, later[i]);
    bytes[cell_of(bytes, 142) + 1] ^= 1;  // it is longer than its record, and cannot be read
  });
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 3U);
  for (const Receipt receipt : {140U, 141U, 142U}) {
    EXPECT_EQ(storage->state(receipt).value(), ReceiptState::kMaybeLost) << receipt;
  }
  EXPECT_EQ(storage->read(limits())->size(), 196U);
  EXPECT_EQ(storage->state(10).value(), ReceiptState::kDelivered)
      << "it is known which are missing";
  EXPECT_EQ(accept(*storage, {"next"}), 201U);
}

TEST_F(SalvageTest, AskingForItIsEnoughToFindThatItsRowSaysSo) {
  fill_large(path, 200);
  change(path, [](std::string& bytes) { bytes[cell_of(bytes, 150) + kReceiptAt + 1] = '\x7f'; });
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->stats().damaged_file, "");
  const auto state = storage->state(150);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, Error::Kind::kCorrupt) << state.error().message;
}

TEST_F(SalvageTest, NothingIsCalledDeliveredWhereARowHasVanishedWithoutATrace) {
  fill();
  execute(path, "DELETE FROM operation WHERE seq = 3");
  const auto storage = open_storage(path);
  must(storage->salvage());
  EXPECT_EQ(storage->stats().lost, 1U);
  EXPECT_EQ(states(*storage, 8), "-x--ppppp") << "3 is lost, 2 was delivered: nobody knows which";
}

// A power cut or a crash between two steps of the exchange; each is undone or ended by the next
// start.
class ExchangeTest : public SalvageTest {
 protected:
  void SetUp() override {
    const auto storage = open_storage(path);
    accept(*storage, {"old"});
    fs::copy_file(path, path + ".hot");
    fs::copy_file(path + "-wal", path + ".hot-wal");
  }
  /// The damaged file with its log, as a crash left it.
  void put_damaged(const std::string& as) {
    fs::rename(path + ".hot", as);
    fs::rename(path + ".hot-wal", as + "-wal");
  }
  void put_salvaged(const std::string& as) {
    accept(*open_storage(as), {"new", "newer"});
    for (const char* suffix : {"-wal", ".lock", ".reserve", ".seen"}) fs::remove(as + suffix);
  }
  const std::string salvaged = path + ".salvaged-20231114T221320Z";
  const std::string damaged = path + ".damaged-20231114T221320Z";
};

TEST_F(ExchangeTest, AHalfFilledFileIsThrownAway) {
  put_damaged(path);
  write_bytes(path + ".salvage", "half");
  EXPECT_EQ(everything(*open_storage(path)), "1:old");
  EXPECT_EQ(files(), "outbox.db outbox.db-wal");
}

TEST_F(ExchangeTest, AWholeFileTakesThePlaceOfTheDamagedOne) {
  put_damaged(path);
  put_salvaged(salvaged);
  EXPECT_EQ(everything(*open_storage(path)), "1:new 2:newer");
  EXPECT_EQ(everything(*open_storage(damaged)), "1:old");  // with its log
}

TEST_F(ExchangeTest, AlsoWhenTheLogIsAwayAlready) {
  put_damaged(path);
  fs::rename(path + "-wal", damaged + "-wal");
  put_salvaged(salvaged);
  EXPECT_EQ(everything(*open_storage(path)), "1:new 2:newer");
  EXPECT_EQ(everything(*open_storage(damaged)), "1:old");
}

TEST_F(ExchangeTest, AlsoWhenTheDamagedFileIsAwayAlready) {
  put_damaged(damaged);
  put_salvaged(salvaged);
  EXPECT_EQ(everything(*open_storage(path)), "1:new 2:newer");
  EXPECT_EQ(everything(*open_storage(damaged)), "1:old");
}

TEST_F(ExchangeTest, ASecondDamagedFileOfTheSameSecondGetsANameOfItsOwn) {
  write_bytes(damaged, "first");
  EXPECT_EQ(damaged_path(path, 1'700'000'000), damaged + ".2");
}

}  // namespace
}  // namespace flowmyna::test
