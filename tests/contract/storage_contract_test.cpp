// What both sides of the outbox promise: on disk and in memory.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/contract/storage_sides.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

template <class Side>
class StorageContract : public testing::Test {
 protected:
  Storage& storage() { return side_.storage(); }
  void restart() { side_.restart(); }

  Settlement settlement(RequestId id, std::vector<Receipt> delivered, std::vector<DeadItem> dead) {
    Settlement out;
    out.id = id;
    out.delivered = std::move(delivered);
    out.dead = std::move(dead);
    return out;
  }
  DeadItem dead(ItemMembers members) { return {std::move(members), 422, "no", 1, 99}; }

 private:
  Side side_;
};

class SideNames {
 public:
  template <class Side>
  static std::string GetName(int) {
    return std::is_same_v<Side, MemorySide> ? "Memory" : "Sqlite";
  }
};
using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(StorageContract, Sides, SideNames);

TYPED_TEST(StorageContract, ANewOneIsEmpty) {
  EXPECT_EQ(everything(this->storage()), "");
  EXPECT_EQ(text(this->storage().seals()), "");
  EXPECT_EQ(states(this->storage(), 1), "--");
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 0, delivered 0, dead 0, coalesced 0, requests 0, duplicates possible 0");
}

TYPED_TEST(StorageContract, ReceiptsCountFromOneWithoutAGapInTheOrderOfAcceptance) {
  EXPECT_EQ(accept(this->storage(), {"a", "b"}), 1U);
  EXPECT_EQ(accept(this->storage(), {"c"}), 3U);
  EXPECT_EQ(everything(this->storage()), "1:a 2:b 3:c");
  EXPECT_EQ(this->storage().stats().last_receipt, 3U);
  settle(this->storage(), this->settlement(1, {1, 2, 3}, {}));
  this->restart();
  EXPECT_EQ(this->storage().stats().last_receipt, 3U);
  EXPECT_EQ(accept(this->storage(), {"d"}), 4U);
}

TYPED_TEST(StorageContract, SeveralAppendsShareATransaction) {
  Storage& storage = this->storage();
  must(storage.begin());
  EXPECT_EQ(storage.append(upserts({"a", "b"}), 1).value(), 1U);
  EXPECT_EQ(storage.append(upserts({}), 1).value(), 3U);
  EXPECT_EQ(storage.append(upserts({"c"}), 1).value(), 3U);
  must(storage.commit());
  EXPECT_EQ(everything(storage), "1:a 2:b 3:c");
}

TYPED_TEST(StorageContract, OneAppendTakesSeveralGroupsEachWithItsTime) {
  const auto two = upserts({"a", "b"});
  const auto none = upserts({});
  const auto one = upserts({"c"});
  const AcceptedOperations groups[] = {{two, 10}, {none, 11}, {one, 12}};
  Storage& storage = this->storage();
  must(storage.begin());
  EXPECT_EQ(storage.append(groups).value(), 1U);
  EXPECT_EQ(storage.append({}).value(), 4U);
  must(storage.commit());
  this->restart();
  EXPECT_EQ(everything(this->storage()), "1:a 2:b 3:c");
  const auto window = this->storage().read(limits()).value();
  EXPECT_EQ(window.rows()[1].accepted_unix_s, 10);
  EXPECT_EQ(window.rows()[2].accepted_unix_s, 12);
  EXPECT_EQ(this->storage().stats().accepted, 3U);
}

TYPED_TEST(StorageContract, OperationsComeBackByteForByteWithTheTimeOfTheirAcceptance) {
  OperationList backlog;
  backlog.upsert("Order/1", {{"v", "5420.00"}, {"n", "null"}, {"big", std::string(300'000, '7')}});
  backlog.event({{"Order/1", {{"", "\"\\u0000\""}}}, {"Order/1"}}, "E");
  Storage& storage = this->storage();
  must(storage.begin());
  storage.append(backlog.encoded_operations(), 1'700'000'000).value();
  must(storage.commit());
  this->restart();
  const auto window = this->storage().read(limits()).value();
  ASSERT_EQ(window.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(window.stored(window.rows()[i]), backlog.encoded_operations()[i]);
    EXPECT_EQ(window.rows()[i].accepted_unix_s, 1'700'000'000);
  }
}

TYPED_TEST(StorageContract, ARollbackLeavesNothing) {
  accept(this->storage(), {"a", "b", "c"});
  seal(this->storage(), 1, {{1}, {2}});
  const auto before = text(this->storage().stats());
  const auto size_before = this->storage().stats().size_bytes;
  Storage& storage = this->storage();
  must(storage.begin());
  storage.append(upserts({"d", "e"}), 1).value();
  must(storage.seal({2, Kind::kEvent, kKey, {{3}}}));
  auto settlement = this->settlement(1, {1}, {this->dead({2})});
  settlement.coalesced = settlement.requests = settlement.duplicates_possible = 5;
  must(storage.settle(settlement));
  storage.rollback();
  EXPECT_EQ(storage.stats().size_bytes, size_before);
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(everything(this->storage()), "1:a 2:b 3:c");
    EXPECT_EQ(text(this->storage().seals()), "1u0190{ 1 }{ 2 }");
    EXPECT_EQ(states(this->storage(), 5), "-ppp--");
    EXPECT_EQ(text(this->storage().stats()), before);
  }
  EXPECT_EQ(accept(this->storage(), {"f"}), 4U);
}

TYPED_TEST(StorageContract, WhatIsNotCommittedIsGoneAfterARestart) {
  accept(this->storage(), {"a"});
  must(this->storage().begin());
  this->storage().append(upserts({"b"}), 1).value();
  this->restart();
  EXPECT_EQ(everything(this->storage()), "1:a");
  EXPECT_EQ(accept(this->storage(), {"c"}), 2U);
}

TYPED_TEST(StorageContract, ARollbackWithoutATransactionDoesNothing) {
  accept(this->storage(), {"a"});
  this->storage().rollback();
  EXPECT_EQ(everything(this->storage()), "1:a");
}

TYPED_TEST(StorageContract, ReceiptsGoOnAfterARestart) {
  accept(this->storage(), {"a", "b"});
  this->restart();
  EXPECT_EQ(accept(this->storage(), {"c"}), 3U);
}

TYPED_TEST(StorageContract, ReceiptsGoOnAfterACompleteDrainAndARestart) {
  accept(this->storage(), {"a", "b", "c"});
  seal(this->storage(), 1, {{1}, {2}, {3}});
  settle(this->storage(), this->settlement(1, {1, 3}, {this->dead({2})}));
  EXPECT_EQ(everything(this->storage()), "");
  this->restart();
  EXPECT_EQ(everything(this->storage()), "");
  EXPECT_EQ(states(this->storage(), 4), "-dxd-");
  EXPECT_EQ(accept(this->storage(), {"d"}), 4U);
}

TYPED_TEST(StorageContract, ReceiptsGoOnWhenTheNewestWereDeliveredFirst) {
  accept(this->storage(), {"a", "b", "c"});
  seal(this->storage(), 1, {{3}});
  settle(this->storage(), this->settlement(1, {3}, {}));
  this->restart();
  EXPECT_EQ(accept(this->storage(), {"d"}), 4U);
}

TYPED_TEST(StorageContract, AReadEndsAtItsNumberOfOperations) {
  accept(this->storage(), {"a", "b", "c"});
  EXPECT_EQ(text(this->storage().read(limits(2))), "1:a 2:b …");
  EXPECT_EQ(text(this->storage().read(limits(3))), "1:a 2:b 3:c");
}

TYPED_TEST(StorageContract, AReadEndsAtItsBytesButHasAtLeastOneRow) {
  accept(this->storage(), {"a", "b", "c"});
  const std::size_t one = upserts({"a"}).bytes();
  EXPECT_EQ(text(this->storage().read(limits(10, 0))), "1:a …");
  EXPECT_EQ(text(this->storage().read(limits(10, 2 * one - 1))), "1:a …");
  EXPECT_EQ(text(this->storage().read(limits(10, 2 * one))), "1:a 2:b …");
  EXPECT_EQ(text(this->storage().read(limits(10, 3 * one))), "1:a 2:b 3:c");
}

TYPED_TEST(StorageContract, AReadBeginsAfterAReceiptAndLeavesOthersOut) {
  accept(this->storage(), {"a", "b", "c", "d", "e"});
  ReadLimits some = limits(2);
  some.after = 1;
  EXPECT_EQ(text(this->storage().read(some)), "2:b 3:c …");
  some.skip = {1, 2, 4};
  EXPECT_EQ(text(this->storage().read(some)), "3:c 5:e");
  some.skip = {2, 3, 4, 5};
  EXPECT_EQ(text(this->storage().read(some)), "");
  some.skip = {4, 5};  // nothing that may be read follows
  EXPECT_EQ(text(this->storage().read(some)), "2:b 3:c");
  some.after = 99;
  EXPECT_EQ(text(this->storage().read(some)), "");
}

TYPED_TEST(StorageContract, AFetchGivesTheOperationsInTheOrderAsked) {
  accept(this->storage(), {"a", "b", "c"});
  EXPECT_EQ(text(this->storage().fetch({3, 1})), "3:c 1:a");
  EXPECT_EQ(text(this->storage().fetch({})), "");
}

TYPED_TEST(StorageContract, AFetchOfWhatIsNotThereIsNoDamage) {
  accept(this->storage(), {"a"});
  const auto window = this->storage().fetch({1, 2});
  ASSERT_FALSE(window);
  EXPECT_EQ(window.error().kind, Error::Kind::kInvalid);
  EXPECT_EQ(window.error().message, "operation 2 is not in the outbox");
}

TYPED_TEST(StorageContract, SealsComeBackAsTheyWereInTheOrderOfTheirIds) {
  accept(this->storage(), {"a", "b", "c", "d"});
  const Seal late{7, Kind::kEvent, "ffffffff-0000-4000-8000-000000000001", {{4}}};
  const Seal early{2, Kind::kUpsert, kKey, {{2, 3}, {1}}};
  for (const Seal& seal : {late, early}) {
    must(this->storage().begin());
    must(this->storage().seal(seal));
    must(this->storage().commit());
  }
  this->restart();
  EXPECT_EQ(this->storage().seals().value(), (std::vector<Seal>{early, late}));
  EXPECT_EQ(states(this->storage(), 4), "-pppp");
}

TYPED_TEST(StorageContract, ASettlementDeliversBuriesAndReturnsTheRestInOneStep) {
  accept(this->storage(), {"a", "b", "c", "d", "e"});
  seal(this->storage(), 1, {{1, 2}, {3, 4}, {5}});
  auto settlement = this->settlement(1, {1, 2}, {this->dead({3, 4})});
  settlement.coalesced = 1;
  settlement.requests = 2;
  settlement.duplicates_possible = 3;
  settle(this->storage(), settlement);
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(states(this->storage(), 5), "-ddxxp");
    EXPECT_EQ(everything(this->storage()), "5:e");
    EXPECT_EQ(text(this->storage().seals()), "");
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 5, delivered 2, dead 2, coalesced 1, requests 2, duplicates possible 3");
    EXPECT_EQ(this->storage().stats().pending(), 1U);
  }
}

TYPED_TEST(StorageContract, CountersAddUpOverSettlements) {
  accept(this->storage(), {"a", "b"});
  for (const Receipt receipt : {1U, 2U}) {
    seal(this->storage(), receipt, {{receipt}});
    auto settlement = this->settlement(receipt, {receipt}, {});
    settlement.requests = 2;
    settle(this->storage(), settlement);
  }
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 2, delivered 2, dead 0, coalesced 0, requests 4, duplicates possible 0");
}

TYPED_TEST(StorageContract, WhatIsSettledAlreadyStaysSoAndIsCountedOnce) {
  accept(this->storage(), {"a", "b", "c"});
  seal(this->storage(), 1, {{1}, {2}});
  const auto settlement = this->settlement(1, {1}, {this->dead({2})});
  settle(this->storage(), settlement);
  settle(this->storage(), settlement);
  EXPECT_EQ(states(this->storage(), 3), "-dxp");
  EXPECT_EQ(this->storage().stats().delivered, 1U);
  EXPECT_EQ(this->storage().stats().dead, 1U);
  EXPECT_EQ(this->storage().stats().pending(), 1U);
}

TYPED_TEST(StorageContract, WhatASettlementCountsIsCountedWithItsSealAndNeverAgain) {
  accept(this->storage(), {"a", "b", "c"});
  seal(this->storage(), 1, {{1, 2}, {3}});
  auto settlement = this->settlement(1, {1, 2}, {this->dead({3})});
  settlement.coalesced = 1;
  settlement.requests = 2;
  settlement.duplicates_possible = 3;
  const std::string counted =
      "accepted 3, delivered 2, dead 1, coalesced 1, requests 2, duplicates possible 3";
  settle(this->storage(), settlement);
  EXPECT_EQ(text(this->storage().stats()), counted);
  // Nobody was told that it reached the disk, so it comes again, after the outbox was opened anew.
  this->restart();
  settle(this->storage(), settlement);
  EXPECT_EQ(text(this->storage().stats()), counted);
  this->restart();
  EXPECT_EQ(text(this->storage().stats()), counted);
}

TYPED_TEST(StorageContract, WhatASettlementCountsIsCountedWhenItIsRepeatedAfterARollback) {
  accept(this->storage(), {"a", "b"});
  seal(this->storage(), 1, {{1, 2}});
  auto settlement = this->settlement(1, {1, 2}, {});
  settlement.coalesced = settlement.requests = 1;
  must(this->storage().begin());
  must(this->storage().settle(settlement));
  this->storage().rollback();
  settle(this->storage(), settlement);
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 2, delivered 2, dead 0, coalesced 1, requests 1, duplicates possible 0");
}

TYPED_TEST(StorageContract, ASettlementWithoutASealSettlesItsOperations) {
  accept(this->storage(), {"a"});
  settle(this->storage(), this->settlement(9, {1}, {}));
  EXPECT_EQ(states(this->storage(), 1), "-d");
}

TYPED_TEST(StorageContract, ADeadLetterHoldsItsOperationsAsTheyWereAcceptedWithWhatTheApiSaid) {
  accept(this->storage(), {"a", "b", "c", "d"}, 17);
  settle(this->storage(), this->settlement(1, {}, {this->dead({4}), this->dead({1, 3})}));
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    Storage& storage = this->storage();
    const std::string first = "1(422 no, 1 attempts, at 99): 1:a 3:c";
    EXPECT_EQ(text(storage.dead_letters(letters())), first + "; 4(422 no, 1 attempts, at 99): 4:d");
    EXPECT_EQ(text(storage.dead_letter_of(1)), first);
    EXPECT_EQ(text(storage.dead_letter_of(3)), first);
    EXPECT_EQ(text(storage.dead_letter_of(2)), "none");
    const auto letter = storage.dead_letter_of(3).value();
    EXPECT_EQ(letter->operations.rows().back().accepted_unix_s, 17);
    EXPECT_EQ(letter->operations.stored(letter->operations.rows().back()), upserts({"c"})[0]);
  }
}

TYPED_TEST(StorageContract, DeadLettersAreListedInPiecesOfAtLeastOne) {
  accept(this->storage(), {"a", "b", "c"});
  settle(this->storage(),
         this->settlement(1, {}, {this->dead({1}), this->dead({2}), this->dead({3})}));
  const auto ids = [&](const LetterLimits& limits) {
    const auto found = this->storage().dead_letters(limits).value();
    std::string out;
    for (const DeadLetter& letter : found.letters) out += std::to_string(letter.id);
    return out + (found.more ? "…" : "");
  };
  EXPECT_EQ(ids(letters()), "123");
  EXPECT_EQ(ids(letters(1)), "23");
  EXPECT_EQ(ids(letters(0, 2)), "12");
  EXPECT_EQ(ids(letters(3)), "");
  LetterLimits few = letters();
  few.letters_max = 2;
  EXPECT_EQ(ids(few), "12…");
  few.through = 2;
  EXPECT_EQ(ids(few), "12");
  few = letters();
  few.bytes_max = 2 * upserts({"a"}).bytes();
  EXPECT_EQ(ids(few), "12…");
  few.bytes_max = 0;
  EXPECT_EQ(ids(few), "1…");
}

TYPED_TEST(StorageContract, ARetryPutsOperationsBackAtTheirOwnReceipts) {
  accept(this->storage(), {"a", "b", "c", "d", "e"});
  settle(this->storage(), this->settlement(1, {2}, {this->dead({1, 3}), this->dead({5})}));
  EXPECT_EQ(text(retry(this->storage(), letter(1))), "1 letters, 2 operations, through 1");
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(everything(this->storage()), "1:a 3:c 4:d");
    EXPECT_EQ(states(this->storage(), 5), "-pdppx");
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 5, delivered 1, dead 1, coalesced 0, requests 0, duplicates possible 0");
    EXPECT_EQ(this->storage().stats().pending(), 3U);
    EXPECT_EQ(text(this->storage().dead_letter_of(1)), "none");
  }
  EXPECT_EQ(text(retry(this->storage(), letter(1))), "0 letters, 0 operations, through 0");
  EXPECT_EQ(text(retry(this->storage(), letters())), "1 letters, 1 operations, through 5");
  EXPECT_EQ(everything(this->storage()), "1:a 3:c 4:d 5:e");
  EXPECT_EQ(accept(this->storage(), {"f"}), 6U);
}

TYPED_TEST(StorageContract, WhatWasRetriedCanDieAgain) {
  accept(this->storage(), {"a", "b"});
  settle(this->storage(), this->settlement(1, {}, {this->dead({1, 2})}));
  retry(this->storage(), letters());
  settle(this->storage(), this->settlement(2, {}, {this->dead({2})}));
  EXPECT_EQ(text(this->storage().dead_letters(letters())), "2(422 no, 1 attempts, at 99): 2:b");
  settle(this->storage(), this->settlement(3, {}, {this->dead({1})}));
  EXPECT_EQ(states(this->storage(), 2), "-xx");
  EXPECT_EQ(this->storage().stats().dead, 2U);
}

TYPED_TEST(StorageContract, ASettlementThatComesTwiceMakesNoLetterOfWhatIsGone) {
  accept(this->storage(), {"a", "b"});
  const auto settlement = this->settlement(1, {}, {this->dead({1}), this->dead({2})});
  settle(this->storage(), settlement);
  drop(this->storage(), letter(1));
  settle(this->storage(), settlement);
  EXPECT_EQ(text(this->storage().dead_letters(letters())), "2(422 no, 1 attempts, at 99): 2:b");
  EXPECT_EQ(states(this->storage(), 2), "-ox");
}

TYPED_TEST(StorageContract, ARetryInPiecesGoesOnWhereTheLastOneEnded) {
  accept(this->storage(), {"a", "b", "c"});
  settle(this->storage(),
         this->settlement(1, {}, {this->dead({1}), this->dead({2}), this->dead({3})}));
  LetterLimits few = letters();
  few.letters_max = 2;
  EXPECT_EQ(text(retry(this->storage(), few)), "2 letters, 2 operations, through 2 …");
  few.after = 2;
  EXPECT_EQ(text(retry(this->storage(), few)), "1 letters, 1 operations, through 3");
  EXPECT_EQ(everything(this->storage()), "1:a 2:b 3:c");
}

TYPED_TEST(StorageContract, WhatIsDroppedStaysCountedAndRemembered) {
  accept(this->storage(), {"a", "b", "c", "d", "e"});
  settle(this->storage(),
         this->settlement(1, {4}, {this->dead({1}), this->dead({2, 5}), this->dead({3})}));
  EXPECT_EQ(text(drop(this->storage(), letter(2))), "2(422 no, 1 attempts, at 99): 2:b 5:e");
  EXPECT_EQ(text(drop(this->storage(), letter(2))), "");
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(states(this->storage(), 6), "-xoxdo-");
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 5, delivered 1, dead 2, dropped 2, coalesced 0, requests 0, "
              "duplicates possible 0");
    EXPECT_EQ(this->storage().stats().pending(), 0U);
    EXPECT_EQ(text(this->storage().dead_letter_of(5)), "none");
  }
  drop(this->storage(), letters());
  EXPECT_EQ(states(this->storage(), 6), "-ooodo-");
}

TYPED_TEST(StorageContract, ARollbackLeavesDeadLettersAsTheyWere) {
  accept(this->storage(), {"a", "b", "c"});
  settle(this->storage(), this->settlement(1, {}, {this->dead({1, 2}), this->dead({3})}));
  const auto before = text(this->storage().dead_letters(letters()));
  Storage& storage = this->storage();
  must(storage.begin());
  EXPECT_TRUE(storage.retry_dead_letters(letter(1)));
  EXPECT_TRUE(storage.drop_dead_letters(letter(3)));
  storage.rollback();
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(text(this->storage().dead_letters(letters())), before);
    EXPECT_EQ(states(this->storage(), 3), "-xxx");
    EXPECT_EQ(everything(this->storage()), "");
    EXPECT_EQ(this->storage().stats().dead, 3U);
    EXPECT_EQ(this->storage().stats().dropped, 0U);
  }
}

TYPED_TEST(StorageContract, AReceiptOfNoOperationIsUnknownHoweverLarge) {
  accept(this->storage(), {"a"});
  for (const Receipt receipt : {Receipt{0}, Receipt{2}, Receipt{1} << 63, ~Receipt{0}}) {
    EXPECT_EQ(this->storage().state(receipt).value(), ReceiptState::kUnknown) << receipt;
    EXPECT_EQ(text(this->storage().dead_letter_of(receipt)), "none") << receipt;
  }
}

TYPED_TEST(StorageContract, TheQuotaLeavesNoRoomAboveItAndHasRoomAgainAfterADrain) {
  Storage& storage = this->storage();
  EXPECT_EQ(storage.stats().quota_bytes, kQuotaBytes);
  OperationList backlog;
  for (int i = 0; i < 8; ++i) backlog.upsert("Order/1", {{"v", std::string(64 * 1024, '7')}});
  const EncodedOperations& big = backlog.encoded_operations();
  Receipt last = 0;
  while (true) {
    must(storage.begin());
    if (!storage.admit(big.bytes())) break;
    last = storage.append(big, 1).value() + big.size() - 1;
    must(storage.commit());
    must(storage.tend());
    ASSERT_LE(storage.stats().size_bytes, kQuotaBytes);
  }
  storage.rollback();
  EXPECT_GT(last * 64 * 1024, kQuotaBytes / 2);
  for (Receipt first = 1; first <= last; first += big.size()) {
    Settlement settlement;
    for (std::size_t i = 0; i < big.size(); ++i) settlement.delivered.push_back(first + i);
    settle(storage, settlement);
    must(storage.tend());
    ASSERT_LE(storage.stats().size_bytes, kQuotaBytes);
  }
  must(storage.begin());
  EXPECT_TRUE(storage.admit(big.bytes()));
  storage.rollback();
}

TYPED_TEST(StorageContract, AReopenKeepsWhatWasCommittedAndDropsTheRest) {
  accept(this->storage(), {"a"});
  must(this->storage().begin());
  this->storage().append(upserts({"b"}), 1).value();
  must(this->storage().reopen());
  EXPECT_EQ(everything(this->storage()), "1:a");
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 1, delivered 0, dead 0, coalesced 0, requests 0, duplicates possible 0");
  EXPECT_EQ(accept(this->storage(), {"c"}), 2U);
}

/// Random transactions, some of them rolled back, and restarts between them.
class RandomUse {
 public:
  explicit RandomUse(std::uint64_t seed) : random_(seed) {}

  template <class Side>
  std::string run(Side& side) {
    std::string seen;
    for (int i = 0; i < 300; ++i) {
      step(side.storage());
      if (random_() % 20 == 0) side.restart();
      if (i % 10 == 0) seen += describe(side.storage());
    }
    return seen;
  }

 private:
  void step(Storage& storage) {
    const auto pending = storage.read(limits()).value();
    const auto seals = storage.seals().value();
    must(storage.begin());
    if (random_() % 2 == 0) {
      storage.append(upserts(std::vector<std::string>(random_() % 4, "x")), 1).value();
    }
    if (!pending.empty() && random_() % 2 == 0) {
      must(storage.seal({++last_id_, Kind::kUpsert, kKey, {{pending.rows().front().receipt}}}));
    }
    if (!seals.empty() && random_() % 2 == 0) settle_one(storage, seals, pending);
    if (random_() % 6 == 0) visit_letters(storage);
    if (random_() % 4 == 0) {
      storage.rollback();
    } else {
      must(storage.commit());
    }
  }

  void settle_one(Storage& storage, const std::vector<Seal>& seals, const Window& pending) {
    Settlement settlement;
    settlement.id = seals[random_() % seals.size()].id;
    settlement.requests = 1;
    const Receipt receipt = pending.empty() ? 0 : pending.rows().front().receipt;
    if (receipt != 0) decide(settlement, receipt);
    must(storage.settle(settlement));
  }

  void decide(Settlement& settlement, Receipt receipt) {
    switch (random_() % 4) {
      case 0:
        settlement.dead.push_back({{receipt}, 422, "", 1, 1});
        break;
      case 1:
        settlement.dropped.push_back(receipt);
        break;
      default:
        settlement.delivered.push_back(receipt);
    }
  }

  void visit_letters(Storage& storage) {
    LetterLimits limits = letters(random_() % 100);
    limits.letters_max = 1 + random_() % 3;
    if (random_() % 2 == 0) {
      (void)storage.retry_dead_letters(limits).value();
    } else {
      (void)storage.drop_dead_letters(limits).value();
    }
  }

  static std::string describe(Storage& storage) {
    const OutboxStats stats = storage.stats();
    return everything(storage) + "\n" + text(storage.seals()) + "\n" + text(stats) + "\n" +
           text(storage.dead_letters(letters())) + "\n" + states(storage, stats.accepted + 1) +
           "\n";
  }

  std::mt19937_64 random_;
  RequestId last_id_ = 0;
};

TEST(StorageSides, GiveTheSameAnswersToTheSameCalls) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    MemorySide memory;
    SqliteSide sqlite;
    EXPECT_EQ(RandomUse(seed).run(memory), RandomUse(seed).run(sqlite)) << "seed " << seed;
  }
}

// Folding.

void fold(Storage& storage, const Fold& fold, const std::string& id) {
  must(storage.begin());
  must(storage.fold(fold, upserts({id})[0]));
  must(storage.commit());
}

TYPED_TEST(StorageContract, FoldedRowsAreOneAndCountAsWhatTheyStandFor) {
  Storage& storage = this->storage();
  accept(storage, {"a", "b", "a", "a", "c"});
  fold(storage, {1, {3, 4}}, "A");
  EXPECT_EQ(everything(storage), "1:A 2:b 5:c");
  EXPECT_EQ(storage.stats().pending(), 5U);
  EXPECT_EQ(states(storage, 6), "-ppppp-");
}

TYPED_TEST(StorageContract, AFoldKeepsTheTimeOfItsFirstOperation) {
  Storage& storage = this->storage();
  accept(storage, {"a"}, 10);
  accept(storage, {"a"}, 20);
  fold(storage, {1, {2}}, "A");
  EXPECT_EQ(storage.read(limits()).value().rows().front().accepted_unix_s, 10);
}

TYPED_TEST(StorageContract, WhatWasFoldedIsDeliveredWithItsRowAndCountedAsCoalesced) {
  accept(this->storage(), {"a", "a", "b", "a"});
  fold(this->storage(), {1, {2}}, "A");
  fold(this->storage(), {1, {4}}, "A");
  this->restart();
  Storage& storage = this->storage();
  EXPECT_EQ(everything(storage), "1:A 3:b");
  seal(storage, 1, {{1}, {3}});
  settle(storage, this->settlement(1, {1, 3}, {}));
  EXPECT_EQ(text(storage.stats()),
            "accepted 4, delivered 4, dead 0, coalesced 2, requests 0, duplicates possible 0");
  EXPECT_EQ(states(storage, 5), "-dddd-");
}

TYPED_TEST(StorageContract, WhatWasFoldedIsDeadWithItsRow) {
  accept(this->storage(), {"a", "a", "b", "a"});
  fold(this->storage(), {1, {2, 4}}, "A");
  seal(this->storage(), 1, {{1}});
  settle(this->storage(), this->settlement(1, {}, {this->dead({1})}));
  this->restart();
  EXPECT_EQ(this->storage().stats().dead, 3U);
  EXPECT_EQ(this->storage().stats().pending(), 1U);
  EXPECT_EQ(states(this->storage(), 4), "-xxpx");
}

TYPED_TEST(StorageContract, AFoldedRowCanBeFoldedAgain) {
  Storage& storage = this->storage();
  accept(storage, {"a", "b", "a", "a", "a", "c"});
  fold(storage, {3, {4, 5}}, "A");
  fold(storage, {1, {3}}, "A");
  EXPECT_EQ(everything(storage), "1:A 2:b 6:c");
  EXPECT_EQ(states(storage, 6), "-pppppp");
  seal(storage, 1, {{1}});
  settle(storage, this->settlement(1, {1}, {}));
  EXPECT_EQ(storage.stats().delivered, 4U);
}

TYPED_TEST(StorageContract, ReceiptsGoOnAfterTheHighestWasFolded) {
  accept(this->storage(), {"a", "a"});
  fold(this->storage(), {1, {2}}, "A");
  this->restart();
  EXPECT_EQ(this->storage().stats().accepted, 2U);
  EXPECT_EQ(accept(this->storage(), {"b"}), 3U);
}

TYPED_TEST(StorageContract, AFoldThatIsNotCommittedIsAsIfItHadNotBeen) {
  accept(this->storage(), {"a", "a"});
  must(this->storage().begin());
  must(this->storage().fold({1, {2}}, upserts({"A"})[0]));
  this->storage().rollback();
  EXPECT_EQ(everything(this->storage()), "1:a 2:a");
  EXPECT_EQ(this->storage().stats().pending(), 2U);
}

TYPED_TEST(StorageContract, FoldingIntoWhatIsNotThereFails) {
  accept(this->storage(), {"a"});
  must(this->storage().begin());
  EXPECT_EQ(this->storage().fold({7, {1}}, upserts({"A"})[0]).error().kind, Error::Kind::kCorrupt);
  this->storage().rollback();
}

}  // namespace
}  // namespace flowmyna::test
