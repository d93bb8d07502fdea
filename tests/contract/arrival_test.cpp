// A backlog that moves: what one outbox gives up, and what another takes in.

#include "outbox/arrival.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/storage_sides.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

Arrival piece(std::uint64_t first_line, const std::vector<std::string>& ids) {
  Arrival out;
  out.export_id = "x";
  out.source = "there";
  out.through = 40;
  out.first_line = first_line;
  out.lines = ids.size();
  out.operations = upserts(ids);
  out.accepted_unix_s.assign(ids.size(), 17);
  return out;
}

std::string progress(const Result<Arrived>& arrived) {
  if (!arrived) return arrived.error().message;
  return std::to_string(arrived->lines) + " lines, others through " +
         std::to_string(arrived->other_through);
}

template <class Side>
class ArrivalContract : public testing::Test {
 protected:
  Storage& storage() { return side_.storage(); }
  void restart() { side_.restart(); }

  std::string objection(const Arrival& piece) {
    const auto found = objection_to(storage(), piece).value();
    return found ? found->message : "none";
  }
  void take(const Arrival& piece) {
    must(storage().begin());
    EXPECT_EQ(objection(piece), "none");
    must(take_in(storage(), piece));
    must(storage().commit());
  }
  std::uint64_t give_up(const std::vector<Receipt>& receipts) {
    must(storage().begin());
    const auto given_up = storage().give_up(receipts).value();
    must(storage().commit());
    return given_up;
  }

 private:
  Side side_;
};

using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(ArrivalContract, Sides);

TYPED_TEST(ArrivalContract, APieceGetsTheNextReceiptsInItsOrderAndKeepsItsTimes) {
  accept(this->storage(), {"a"});
  Arrival two = piece(1, {"b", "c"});
  two.accepted_unix_s = {17, 18};
  this->take(two);
  this->restart();
  const auto window = this->storage().read(limits()).value();
  EXPECT_EQ(text(Result<Window>(window)), "1:a 2:b 3:c");
  EXPECT_EQ(window.rows()[1].accepted_unix_s, 17);
  EXPECT_EQ(window.rows()[2].accepted_unix_s, 18);
}

TYPED_TEST(ArrivalContract, WhatWasDeadOverThereIsDeadHereWithTheApisWords) {
  Arrival three = piece(1, {"b", "c", "d"});
  three.letters = {{1, 2, 422, "no", 3, 99}};
  three.duplicates_possible = 1;
  this->take(three);
  this->restart();
  EXPECT_EQ(everything(this->storage()), "1:b");
  EXPECT_EQ(text(this->storage().dead_letters(letters())), "2(422 no, 3 attempts, at 99): 2:c 3:d");
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 3, delivered 0, dead 2, coalesced 0, requests 0, duplicates possible 1");
  EXPECT_EQ(this->storage().stats().pending(), 1U);
}

TYPED_TEST(ArrivalContract, NoPieceArrivesTwiceAndNoneIsLeftOut) {
  this->take(piece(1, {"a", "b"}));
  this->restart();
  EXPECT_EQ(progress(this->storage().arrived("x", "there")), "2 lines, others through 0");
  for (const std::uint64_t line : {1U, 2U, 4U}) {
    EXPECT_EQ(this->objection(piece(line, {"c"})), "line 3 of this export comes next, not " +
                                                       std::to_string(line) +
                                                       ": is it being imported twice at once?");
  }
  this->take(piece(3, {"c"}));
  EXPECT_EQ(everything(this->storage()), "1:a 2:b 3:c");
}

TYPED_TEST(ArrivalContract, APieceThatIsNotCommittedLeavesNoTrace) {
  must(this->storage().begin());
  must(take_in(this->storage(), piece(1, {"a"})));
  this->storage().rollback();
  EXPECT_EQ(everything(this->storage()), "");
  EXPECT_EQ(progress(this->storage().arrived("x", "there")), "0 lines, others through 0");
}

TYPED_TEST(ArrivalContract, AnotherExportOfTheSameOutboxIsRemembered) {
  this->take(piece(1, {"a"}));
  this->restart();
  EXPECT_EQ(progress(this->storage().arrived("y", "there")), "0 lines, others through 40");
  EXPECT_EQ(progress(this->storage().arrived("y", "elsewhere")), "0 lines, others through 0");
}

TYPED_TEST(ArrivalContract, WhatIsGivenUpIsCountedAndItsReceiptsTellSo) {
  accept(this->storage(), {"a", "b", "c", "d", "e"});
  must(this->storage().begin());
  must(this->storage().fold({3, {4}}, this->storage().fetch({4}).value().stored({4, 0, 0, 0})));
  must(this->storage().commit());
  EXPECT_EQ(this->give_up({1, 3, 9}), 3U) << "the folded one is one of them";
  EXPECT_EQ(this->give_up({1, 3}), 0U) << "they are gone";
  this->restart();
  EXPECT_EQ(everything(this->storage()), "2:b 5:e");
  EXPECT_EQ(states(this->storage(), 6), "-opoop-");
  EXPECT_EQ(text(this->storage().stats()),
            "accepted 5, delivered 0, dead 0, dropped 3, coalesced 0, requests 0, duplicates "
            "possible 0");
}

TYPED_TEST(ArrivalContract, WhatIsGivenUpComesBackWithARollback) {
  accept(this->storage(), {"a", "b"});
  must(this->storage().begin());
  EXPECT_EQ(this->storage().give_up({1, 2}).value(), 2U);
  this->storage().rollback();
  EXPECT_EQ(everything(this->storage()), "1:a 2:b");
  EXPECT_EQ(states(this->storage(), 2), "-pp");
}

TEST(OutboxId, IsAnotherForEachFileAndStaysTheSame) {
  SqliteSide one;
  SqliteSide other;
  const std::string id = one.storage().id().value();
  EXPECT_EQ(id.size(), 32U);
  EXPECT_NE(id, other.storage().id().value());
  one.restart();
  EXPECT_EQ(one.storage().id().value(), id);
}

}  // namespace
}  // namespace flowmyna::test
