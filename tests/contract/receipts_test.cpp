// What a receipt tells of an operation that was folded on disk: what became of that one, and never
// what became of one beside it.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/contract/storage_sides.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

void fold(Storage& storage, const std::vector<Fold>& folds) {
  must(storage.begin());
  for (const Fold& fold : folds) must(storage.fold(fold, upserts({"A"})[0]));
  must(storage.commit());
}

Settlement delivering(std::vector<Receipt> delivered) {
  Settlement out;
  out.id = 1;
  out.delivered = std::move(delivered);
  return out;
}

Settlement burying(ItemMembers members) {
  Settlement out;
  out.id = 1;
  out.dead = {{std::move(members), 422, "no", 1, 99}};
  return out;
}

void shrink(Storage& storage) {
  while (storage.shrink().value()) continue;
}

template <class Side>
class ReceiptContract : public testing::Test {
 protected:
  Storage& storage() { return side_.storage(); }
  void restart() { side_.restart(); }

  /// Three objects that take turns, each folded into its first: 1 4 7, 2 5 8, 3 6 9; 10 is free.
  void fold_in_turns() {
    accept(storage(), {"a", "b", "c", "a", "b", "c", "a", "b", "c", "d"});
    fold(storage(), {{1, {4}}, {2, {5}}, {3, {6}}});
    fold(storage(), {{1, {7}}, {2, {8}}, {3, {9}}});
  }
  /// Whatever is done in between that may forget what nobody needs.
  void expect_states(const std::string& expected) {
    EXPECT_EQ(states(storage(), 10), expected);
    shrink(storage());
    EXPECT_EQ(states(storage(), 10), expected) << "after a shrink";
    restart();
    EXPECT_EQ(states(storage(), 10), expected) << "after a restart";
    shrink(storage());
    EXPECT_EQ(states(storage(), 10), expected) << "after another shrink";
  }

 private:
  Side side_;
};

using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(ReceiptContract, Sides);

TYPED_TEST(ReceiptContract, WhatWasDeliveredIsNotDeadForAnObjectBesideIt) {
  this->fold_in_turns();
  settle(this->storage(), delivering({1, 3}));
  this->expect_states("-dpddpddpdp");
  settle(this->storage(), burying({2}));
  this->expect_states("-dxddxddxdp");
}

TYPED_TEST(ReceiptContract, WhatWasDeliveredIsNotDroppedForAnObjectBesideIt) {
  this->fold_in_turns();
  settle(this->storage(), burying({2}));
  drop(this->storage(), letters());
  this->expect_states("-poppoppopp");
  settle(this->storage(), delivering({1, 3, 10}));
  this->expect_states("-doddoddodd");
  EXPECT_EQ(this->storage().stats().dropped, 3U);
}

TYPED_TEST(ReceiptContract, WhatIsGivenUpWhileItWaitsTakesNothingBesideItAlong) {
  this->fold_in_turns();
  must(this->storage().begin());
  EXPECT_EQ(this->storage().give_up({3}).value(), 3U);
  must(this->storage().commit());
  this->expect_states("-ppoppoppop");
}

TYPED_TEST(ReceiptContract, WhatWasFoldedComesBackWithItsDeadLetter) {
  this->fold_in_turns();
  settle(this->storage(), burying({1}));
  this->expect_states("-xppxppxppp");
  retry(this->storage(), letters());
  this->expect_states("-pppppppppp");
  settle(this->storage(), delivering({1}));
  this->expect_states("-dppdppdppp");
}

TYPED_TEST(ReceiptContract, TheDeadLetterOfWhatWasFoldedIsThatOfItsRow) {
  this->fold_in_turns();
  settle(this->storage(), burying({1, 10}));
  this->restart();
  const std::string letter = "1(422 no, 1 attempts, at 99): 1:A 10:d";
  for (const Receipt receipt : {1U, 4U, 7U, 10U}) {
    EXPECT_EQ(text(this->storage().dead_letter_of(receipt)), letter) << receipt;
  }
  for (const Receipt receipt : {2U, 3U, 5U, 9U, 11U}) {
    EXPECT_EQ(text(this->storage().dead_letter_of(receipt)), "none") << receipt;
  }
}

TYPED_TEST(ReceiptContract, ARowThatIsFoldedItselfTakesAlongWhatWasFoldedIntoIt) {
  accept(this->storage(), {"b", "a", "a", "b", "a", "a", "b", "a", "a", "b"});
  fold(this->storage(), {{5, {6, 8}}, {2, {3}}});
  fold(this->storage(), {{2, {5, 9}}});
  settle(this->storage(), delivering({1, 4}));
  this->expect_states("-dppdpppppp");
  settle(this->storage(), burying({2}));
  this->expect_states("-dxxdxxpxxp");
  drop(this->storage(), letters());
  this->expect_states("-doodoopoop");
  EXPECT_EQ(this->storage().stats().dropped, 6U) << "each counted once";
}

TYPED_TEST(ReceiptContract, AFoldThatIsRolledBackTiesNothingTogether) {
  accept(this->storage(), {"a", "a", "b"});
  must(this->storage().begin());
  must(this->storage().fold({1, {2}}, upserts({"A"})[0]));
  this->storage().rollback();
  accept(this->storage(), {"c"});
  settle(this->storage(), burying({1}));
  settle(this->storage(), delivering({2}));
  EXPECT_EQ(states(this->storage(), 4), "-xdpp");
}

TYPED_TEST(ReceiptContract, DroppedLettersCountWhatWasFoldedIntoThem) {
  this->fold_in_turns();
  settle(this->storage(), burying({1, 2}));
  EXPECT_EQ(this->storage().stats().dead, 6U);
  drop(this->storage(), letters());
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 10, delivered 0, dead 0, dropped 6, coalesced 0, requests 0, "
              "duplicates possible 0");
    EXPECT_EQ(this->storage().stats().pending(), 4U);
  }
}

/// Writers, folds and settlements in any order, and what each receipt must tell after them.
class FoldedLife {
 public:
  explicit FoldedLife(std::uint64_t seed) : random_(seed) {}

  template <class Side>
  void run(Side& side) {
    for (int i = 0; i < 40; ++i) {
      step(side.storage());
      if (number(8) == 0) shrink(side.storage());
      if (number(8) == 0) side.restart();
      if (i % 5 == 0) compare(side.storage());
    }
    compare(side.storage());
  }

 private:
  std::uint64_t number(std::uint64_t below) { return random_() % below; }

  /// The rows of a state, by their receipts.
  std::vector<Receipt> rows(char state) const {
    std::vector<Receipt> out;
    for (const auto& [row, members] : members_) {
      if (fates_.at(row) == state) out.push_back(row);
    }
    return out;
  }
  void end(Receipt row, char state) {
    for (const Receipt member : members_.at(row)) fates_[member] = state;
  }

  void step(Storage& storage) {
    const Receipt first = accept(storage, std::vector<std::string>(1 + number(40), "x"));
    for (Receipt receipt = first; receipt <= storage.stats().last_receipt; ++receipt) {
      fates_[receipt] = 'p';
      members_[receipt] = {receipt};
    }
    for (auto folds = number(6); folds > 0; --folds) fold_some(storage);
    const auto pending = rows('p');
    for (auto ends = number(pending.size()); ends > 0; --ends) end_one(storage);
    if (number(3) == 0) visit_letters(storage);
  }

  void fold_some(Storage& storage) {
    const auto pending = rows('p');
    if (pending.size() < 3) return;
    Fold one{pending[number(pending.size() / 2)], {}};
    for (const Receipt row : pending) {
      if (row > one.into && number(4) == 0) one.members.push_back(row);
    }
    if (one.members.empty()) return;
    fold(storage, {one});
    for (const Receipt member : one.members) {
      auto& into = members_[one.into];
      const auto& from = members_.at(member);
      into.insert(into.end(), from.begin(), from.end());
      members_.erase(member);
    }
  }

  void end_one(Storage& storage) {
    const auto pending = rows('p');
    const Receipt row = pending[number(pending.size())];
    switch (number(4)) {
      case 0:
        settle(storage, burying({row}));
        return end(row, 'x');
      case 1: {
        must(storage.begin());
        EXPECT_EQ(storage.give_up({row}).value(), members_.at(row).size());
        must(storage.commit());
        return end(row, 'o');
      }
      default:
        settle(storage, delivering({row}));
        return end(row, 'd');
    }
  }

  void visit_letters(Storage& storage) {
    const auto dead = rows('x');
    if (dead.empty()) return;
    const Receipt id = dead[number(dead.size())];
    const bool is_retried = number(2) == 0;
    if (is_retried) {
      EXPECT_EQ(retry(storage, letter(id))->operations, members_.at(id).size());
    } else {
      EXPECT_TRUE(drop(storage, letter(id)));
    }
    end(id, is_retried ? 'p' : 'o');
  }

  void compare(Storage& storage) {
    std::string expected = "-";
    std::map<char, std::uint64_t> counts;
    for (const auto& [receipt, fate] : fates_) {
      expected += fate;
      ++counts[fate];
    }
    EXPECT_EQ(states(storage, fates_.size()), expected);
    const OutboxStats stats = storage.stats();
    EXPECT_EQ(stats.pending(), counts['p']);
    EXPECT_EQ(stats.delivered, counts['d']);
    EXPECT_EQ(stats.dead, counts['x']);
    EXPECT_EQ(stats.dropped, counts['o']);
  }

  std::mt19937_64 random_;
  std::map<Receipt, char> fates_;
  std::map<Receipt, std::vector<Receipt>> members_;  // of the rows that are left
};

TYPED_TEST(ReceiptContract, WhateverIsFoldedAndSettledEachReceiptTellsItsOwnFate) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TypeParam side;
    FoldedLife(seed).run(side);
  }
}

}  // namespace
}  // namespace flowmyna::test
