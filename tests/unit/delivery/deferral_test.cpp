#include "delivery/deferral.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <vector>

namespace flowmyna {
namespace {

using Touches = std::vector<Touch>;

const Touches kReadsA{{1, false}};
const Touches kWritesA{{1, true}};
const Touches kWritesB{{2, true}};
const Touches kReadsAWritesB{{1, false}, {2, true}};

/// What this process has asked for and not given back; 0 where a sanitizer keeps that to itself.
std::size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(Deferral, BlocksNothingAtFirst) {
  const Deferral deferral;
  EXPECT_FALSE(deferral.blocks(kWritesA, 5));
  EXPECT_EQ(deferral.lowest(), 0U);
}

TEST(Deferral, WhatIsWrittenBlocksAllThatTouchesItAndWhatIsReadOnlyThoseThatWrite) {
  Deferral written;
  written.block(kWritesA);
  EXPECT_TRUE(written.blocks(kReadsA, 5));
  EXPECT_TRUE(written.blocks(kWritesA, 5));
  EXPECT_FALSE(written.blocks(kWritesB, 5));
  Deferral read;
  read.block(kReadsA);
  EXPECT_FALSE(read.blocks(kReadsA, 5));
  EXPECT_TRUE(read.blocks(kWritesA, 5));
}

TEST(Deferral, WhatIsPassedOverBlocksWhatComesLaterAndTouchesTheSame) {
  Deferral deferral;
  deferral.block(kWritesA);
  ASSERT_TRUE(deferral.blocks(kReadsAWritesB, 10));
  deferral.defer(kReadsAWritesB, 10);
  EXPECT_TRUE(deferral.blocks(kWritesB, 11));
  EXPECT_EQ(deferral.lowest(), 10U);
}

TEST(Deferral, WhatWasAcceptedBeforeItIsNotBlockedByIt) {
  Deferral deferral;
  deferral.defer(kWritesB, 10);
  EXPECT_FALSE(deferral.blocks(kWritesB, 9));
  EXPECT_FALSE(deferral.blocks(kWritesB, 10)) << "nor is it itself, when it is read again";
  EXPECT_TRUE(deferral.blocks(kWritesB, 11));
}

TEST(Deferral, ALaterReaderThatIsPassedOverDoesNotHideAnEarlierWriter) {
  Deferral deferral;
  deferral.defer(kWritesB, 10);
  deferral.defer(Touches{{2, false}}, 20);
  EXPECT_TRUE(deferral.blocks(Touches{{2, false}}, 15));
}

TEST(Deferral, RemembersTheLowestWhateverTheOrder) {
  Deferral deferral;
  deferral.defer(kWritesB, 10);
  deferral.defer(kWritesA, 4);
  deferral.defer(kWritesA, 7);
  EXPECT_EQ(deferral.lowest(), 4U);
}

TEST(Deferral, IsRememberedByObjectAndNotByOperation) {
  Deferral deferral(3);
  for (Receipt receipt = 1; receipt <= 100'000; ++receipt) deferral.defer(kWritesA, receipt);
  EXPECT_FALSE(deferral.is_full());
  for (std::uint64_t object = 2; object <= 3; ++object)
    deferral.defer(Touches{{object, true}}, object);
  EXPECT_TRUE(deferral.is_full());
}

TEST(Deferral, TellsObjectsApartHoweverManyThereAreAndHoweverAlikeTheirHashes) {
  constexpr std::uint64_t kObjects = 1000;
  for (const unsigned shift : {0U, 32U, 54U}) {
    Deferral deferral;
    for (std::uint64_t i = 0; i < kObjects; ++i) {
      if (i % 2 == 0) deferral.defer(Touches{{i << shift, true}}, i + 1);
    }
    std::size_t wrong = 0;
    for (std::uint64_t i = 0; i < kObjects; ++i) {
      const Touches touches{{i << shift, false}};
      const bool is_known = i % 2 == 0;
      if (deferral.blocks(touches, i + 1)) ++wrong;
      if (deferral.blocks(touches, i + 2) != is_known) ++wrong;
    }
    EXPECT_EQ(wrong, 0U) << "shifted by " << shift;
  }
}

TEST(Deferral, AFullOneTakesLittleMemoryAndGivesItBack) {
  const std::size_t before = allocated_bytes();
  Deferral deferral;
  std::uint64_t object = 0;
  for (Receipt receipt = 1; !deferral.is_full(); ++receipt) {
    object += 0x9e3779b97f4a7c15ULL;
    deferral.defer(Touches{{object, true}}, receipt);
  }
  EXPECT_LT(allocated_bytes(), before + (7U << 19U));  // 3.5 MiB
  deferral.clear();
  EXPECT_LT(allocated_bytes(), before + 1024);
}

TEST(Deferral, AClearForgetsEverything) {
  Deferral deferral;
  deferral.block(kWritesA);
  deferral.defer(kWritesB, 10);
  deferral.clear();
  EXPECT_FALSE(deferral.blocks(kWritesA, 20));
  EXPECT_FALSE(deferral.blocks(kWritesB, 20));
  EXPECT_EQ(deferral.lowest(), 0U);
}

}  // namespace
}  // namespace flowmyna
