// What an answer other than 200 may look like.

#include <ctime>

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

TEST_F(SimTest, AStatusComesWithADetailWithoutAsAPageOrWithNothing) {
  const auto answer = [this](const std::string& more) {
    sim_->clear_faults();
    faults(R"([{"fault":"status","status":403)" + more + "}]");
    return post("/object/upsert", kOneUpsert);
  };
  EXPECT_EQ(answer("")->body, R"({"detail":"Status 403"})");
  EXPECT_EQ(answer(R"(,"detail":"no access")")->body, R"({"detail":"no access"})");
  EXPECT_EQ(answer(R"(,"detail":[{"msg":"no"}])")->body, R"({"detail":[{"msg":"no"}]})");
  EXPECT_FALSE(json_of(answer(R"(,"detail":null)")).contains("detail"));
  EXPECT_EQ(answer(R"(,"body":"")")->body, "");
  const auto page = answer(R"(,"page":"Blocked")");
  EXPECT_NE(page->body.find("<h1>Blocked</h1>"), std::string::npos);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
}

TEST_F(SimTest, HealthIsBrokenInAnyWayWhileWritesWork) {
  const auto health = [this](const std::string& fault) {
    sim_->clear_faults();
    faults("[{" + fault + R"(,"path":"/health"}])");
    EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
    return get("/api/public/v1/health");
  };
  EXPECT_EQ(status_of(health(R"("fault":"status","status":404)")), 404);
  EXPECT_EQ(status_of(health(R"("fault":"status","status":500)")), 500);
  EXPECT_EQ(status_of(health(R"("fault":"status","status":403)")), 403);
  EXPECT_EQ(health(R"("fault":"status","status":200,"body":{"status":"up"})")->body,
            R"({"status":"up"})");
  EXPECT_TRUE(health(R"("fault":"html_200")")->body.starts_with("<!DOCTYPE html>"));
}

TEST_F(SimTest, EverythingIsRefusedForATime) {
  faults(R"([{"fault":"status","status":422,"for_ms":2000,"detail":"not now"}])");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->body, R"({"detail":"not now"})");
  EXPECT_EQ(status_of(post("/event/batch", kTwoEvents)), 422);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int status = 422;
  while (status == 422 && std::chrono::steady_clock::now() < deadline) {
    status = status_of(post("/object/upsert", kOneUpsert));
  }
  EXPECT_EQ(status, 200);
}

TEST_F(SimTest, ARetryIsAskedForInSecondsAsADateOrAsAReset) {
  const auto header = [this](const std::string& field, const char* name) {
    sim_->clear_faults();
    faults(R"([{"fault":"status","status":429,")" + field + R"(":7200}])");
    return post("/object/upsert", kOneUpsert)->get_header_value(name);
  };
  EXPECT_EQ(header("retry_after_s", "Retry-After"), "7200");
  dialect(R"({"date_skew_s":-3600})");
  const auto reset = std::stoll(header("reset_in_s", "X-RateLimit-Reset"));
  EXPECT_NEAR(static_cast<double>(reset - std::time(nullptr)), 3600, 5) << "by the server's clock";
  std::tm parts{};
  const std::string date = header("retry_after_date_s", "Retry-After");
  ASSERT_NE(::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts), nullptr) << date;
  EXPECT_NEAR(std::difftime(::timegm(&parts), std::time(nullptr)), 3600, 5);
}

}  // namespace
}  // namespace flowmyna::stand_in
