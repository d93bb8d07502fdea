#include "core/clock_correction.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "core/timestamp.h"
#include "tests/unit/core/operation_list.h"

namespace flowmyna::test {
namespace {

constexpr BootId kBoot = 0xb007;
// The machine was booted at 2026-01-31T12:00:00Z, as it turned out.
constexpr ClockCorrection kCorrection{kBoot, 1'769'860'800'000};

std::string stored_event(std::optional<BootStamp> boot) {
  OperationList backlog;
  backlog.event({{"Order/1", {{"a", "1"}}}}, "Shipped", boot);
  return std::string(backlog.encoded_operations()[0]);
}

std::string json_of(std::string_view stored) {
  std::string json;
  Operation::parse(stored)->append_json(json);
  return json;
}

/// A clock that is set by hand.
class TestClock final : public Clock {
 public:
  BootTime boot_now() const override { return boot += boot_runs.empty() ? BootTime(0) : run(); }
  std::int64_t unix_now_ms() const override { return unix_ms; }
  bool is_synchronised() const override {
    if (on_question) on_question();
    return synchronised;
  }
  BootId boot_id() const override { return kBoot; }

  mutable BootTime boot{0};
  mutable std::vector<int> boot_runs;  // what passes before each reading of the boot clock, in ms
  std::int64_t unix_ms = 0;
  bool synchronised = false;
  std::function<void()> on_question;

 private:
  BootTime run() const {
    const BootTime passed(boot_runs.front());
    boot_runs.erase(boot_runs.begin());
    return passed;
  }
};

TEST(Timestamp, IsIso8601InUtcWithMilliseconds) {
  EXPECT_EQ(iso8601_utc(1'769'860'800'007), "2026-01-31T12:00:00.007Z");
  EXPECT_EQ(iso8601_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601_utc(-1), "1969-12-31T23:59:59.999Z");
}

TEST(AcceptanceTime, CarriesTheBootClockOnlyWhileTheWallClockIsNotSynchronised) {
  TestClock clock;
  clock.boot = BootTime(5000);
  clock.unix_ms = 5001;
  EXPECT_EQ(acceptance_time(clock).unix_ms, 5001);
  EXPECT_EQ(acceptance_time(clock).boot, (BootStamp{kBoot, BootTime(5000)}));
  clock.synchronised = true;
  EXPECT_EQ(acceptance_time(clock).boot, std::nullopt);
}

TEST(AcceptanceTime, OfAClockThatIsSynchronisedMeanwhileIsRightOrCanBeCorrected) {
  TestClock clock;
  clock.synchronised = true;
  clock.on_question = [&] { clock.unix_ms = 1'769'860'800'000; };  // the step comes before
  EXPECT_EQ(acceptance_time(clock).unix_ms, 1'769'860'800'000);
  EXPECT_EQ(acceptance_time(clock).boot, std::nullopt);
}

TEST(ClockCorrection, IsTheDistanceOfTheTwoClocks) {
  TestClock clock;
  clock.boot = BootTime(5000);
  clock.unix_ms = 1'769'860'805'000;
  EXPECT_EQ(measure_correction(clock), kCorrection);
}

TEST(ClockCorrection, IsMeasuredAgainWhenTheReaderWasInterrupted) {
  TestClock clock;
  clock.unix_ms = 1'769'860'805'000;
  clock.boot = BootTime(0);
  clock.boot_runs = {4000, 700, 300, 1, 5, 1000};  // before and after the wall clock is read
  EXPECT_EQ(measure_correction(clock), kCorrection);
  EXPECT_EQ(clock.boot_runs.size(), 2U);
}

TEST(ClockCorrection, GivesAnEventTheTimeOfItsBootStampWhateverItWasStampedWith) {
  const auto event = corrected(stored_event(BootStamp{kBoot, BootTime(61'007)}), kCorrection);
  ASSERT_TRUE(event);
  EXPECT_EQ(json_of(event->stored),
            R"({"event":"Shipped","objects":[{"type":"Order","id":"1","properties":{"a":1}}],)"
            R"("timestamp":"2026-01-31T12:01:01.007Z"})");
  EXPECT_EQ(event->accepted_unix_s, 1'769'860'861);
  EXPECT_TRUE(Operation::parse(event->stored)->is_stamped_here);
}

TEST(ClockCorrection, IsMadeOnce) {
  const auto event = corrected(stored_event(BootStamp{kBoot, BootTime(61'007)}), kCorrection);
  ASSERT_TRUE(event);
  EXPECT_EQ(boot_stamp_of(event->stored), std::nullopt);
  EXPECT_FALSE(corrected(event->stored, kCorrection));
}

TEST(ClockCorrection, LeavesAloneWhatItCannotBeFor) {
  EXPECT_FALSE(corrected(stored_event(BootStamp{kBoot + 1, BootTime(61'007)}), kCorrection));
  EXPECT_FALSE(corrected(stored_event({}), kCorrection));
  OperationList upsert;
  upsert.upsert("Order/1");
  EXPECT_FALSE(corrected(upsert.encoded_operations()[0], kCorrection));
  std::string damaged = stored_event(BootStamp{kBoot, BootTime(61'007)});
  damaged.resize(damaged.size() - 1);
  EXPECT_FALSE(corrected(damaged, kCorrection));
}

}  // namespace
}  // namespace flowmyna::test
