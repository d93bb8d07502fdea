// The limits that an API may have.

#include <ctime>

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

TEST_F(SimTest, ABodyAboveTheLimitIsTooLargeAloneAsWell) {
  dialect(R"({"limits":{"body_bytes":60}})");
  const auto batch = post("/object/batch", kTwoUpserts);
  EXPECT_EQ(status_of(batch), 413);
  EXPECT_EQ(batch->body, R"({"detail":"Request Entity Too Large"})");
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
  dialect(R"({"limits":{"body_bytes":10}})");
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 413);
}

TEST_F(SimTest, ABatchAboveTheLimitIsRefusedInTheApisWords) {
  dialect(R"({"limits":{"batch_items":1}})");
  EXPECT_EQ(problem("/object/batch", kTwoUpserts), R"(["body","objects"] too_long)");
  EXPECT_EQ(problem("/event/batch", kTwoEvents), R"(["body","events"] too_long)");
  EXPECT_EQ(counts()["objects"], 0);
  dialect(R"({"limits":{"batch_items":2}})");
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 200);
}

TEST_F(SimTest, ARateLimitTellsUntilWhenInItsOwnWay) {
  const auto throttled = [this](const std::string& says) {
    sim_->reset();
    dialect(R"({"limits":{"rate":1,"rate_window_ms":60000,"rate_says":")" + says + "\"}}");
    auto result = post("/object/upsert", kOneUpsert);
    for (int i = 0; i < 2 && status_of(result) == 200; ++i) {
      result = post("/object/upsert", kOneUpsert);
    }
    EXPECT_EQ(status_of(result), 429) << says;
    return result;
  };
  const auto reset = throttled("reset");
  EXPECT_EQ(reset->get_header_value("X-RateLimit-Remaining"), "0");
  EXPECT_FALSE(reset->has_header("Retry-After"));
  const auto seconds = std::stoi(throttled("retry_after")->get_header_value("Retry-After"));
  EXPECT_GT(seconds, 30);
  EXPECT_LE(seconds, 60);
  EXPECT_TRUE(throttled("retry_after_date")->get_header_value("Retry-After").ends_with(" GMT"));
  const auto nothing = throttled("nothing");
  EXPECT_FALSE(nothing->has_header("Retry-After"));
  EXPECT_FALSE(nothing->has_header("X-RateLimit-Reset"));
}

TEST_F(SimTest, TheEndOfAWindowIsTimedByTheServersOwnClock) {
  constexpr std::int64_t kDay = 86'400;
  dialect(R"({"date_skew_s":86400,"limits":{"rate":1,"rate_window_ms":60000}})");
  const auto result = post("/object/upsert", kOneUpsert);
  const auto reset = std::stoll(result->get_header_value("X-RateLimit-Reset"));
  EXPECT_NEAR(static_cast<double>(reset - std::time(nullptr)), kDay + 60, 5);
  dialect(R"({"limits":{"rate":1,"rate_window_ms":60000}})");
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200) << "the clock was set back";
}

}  // namespace
}  // namespace flowmyna::stand_in
