#include "delivery/export_hold.h"

#include <gtest/gtest.h>

#include <chrono>

namespace flowmyna {
namespace {

constexpr std::chrono::minutes kPatience{1};
constexpr BootTime kBegin{1000};

TEST(ExportHold, EndsUnlessSomebodyGoesOnWithIt) {
  ExportHold hold;
  EXPECT_FALSE(hold.is_held(kBegin));
  hold.begin("one", 7, kBegin);
  EXPECT_TRUE(hold.is_of("one", kBegin + kPatience - BootTime(1)));
  EXPECT_FALSE(hold.is_of("another", kBegin));
  EXPECT_FALSE(hold.is_held(kBegin + kPatience));
  hold.extend(kBegin + BootTime(500));
  EXPECT_TRUE(hold.is_held(kBegin + kPatience));
  EXPECT_EQ(hold.until(), kBegin + BootTime(500) + kPatience);
  EXPECT_FALSE(hold.is_of("one", *hold.until()));
}

TEST(ExportHold, AnotherExportTakesItsPlace) {
  ExportHold hold;
  hold.begin("one", 7, kBegin);
  hold.begin("two", 9, kBegin);
  EXPECT_FALSE(hold.is_of("one", kBegin));
  EXPECT_EQ(hold.through(), 9U);
  hold.end();
  EXPECT_FALSE(hold.is_held(kBegin));
  EXPECT_FALSE(hold.until());
}

TEST(ExportHold, HoldsWhileSomethingIsGivenUpEvenAfterTheExportHasEnded) {
  ExportHold hold;
  hold.begin("one", 7, kBegin);
  hold.begin_giving_up();
  hold.end();
  EXPECT_TRUE(hold.is_held(kBegin + 2 * kPatience));
  hold.end_giving_up();
  EXPECT_FALSE(hold.is_held(kBegin));
}

}  // namespace
}  // namespace flowmyna
