// What waits and what of it is stuck, over the router's routes: the outbox in memory, delivery
// faked.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "router_bench.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

class PendingRoutes : public RouterBench {
 protected:
  std::string drop(const std::string& receipt) {
    return answer("DELETE", "/agent/v1/pending/" + receipt);
  }
  /// The receipts of the listing, with ` …` when there are more; or the refusal.
  std::string listed(const std::string& query) {
    const HttpResponse reply = ask("GET", "/agent/v1/pending?" + query);
    const json body = json::parse(reply.body, nullptr, false);
    if (reply.status != 200) return body["detail"].get<std::string>();
    std::string out;
    for (const json& entry : body["pending"]) {
      out += (out.empty() ? "" : " ") + entry["receipt"].dump();
    }
    return out + (body["more"].get<bool>() ? " …" : "");
  }
  void fold_all() {
    CompactLimits limits;
    limits.operations_max = 100;
    limits.bytes_max = 1U << 20;
    limits.through = 100;
    Asked<Compacted> asked;
    vault.compact(limits, asked.done());
    EXPECT_TRUE(asked.wait());
  }
};

StuckItem stuck_item(ItemMembers members, int status = 500) {
  StuckItem item;
  item.members = std::move(members);
  item.attempts = 17;
  item.status = status;
  item.reason = "HTTP 500: boom";
  item.for_so_long = std::chrono::milliseconds(7'380'900);
  item.next_attempt_in = std::chrono::milliseconds(242'500);
  return item;
}

TEST_F(PendingRoutes, DroppingAnswersWithWhatItWasAndTheReceiptSaysDropped) {
  write("Order", "1", R"({"v":5420.00,"big":12345678901234567890123})");
  write("Order", "2", "{}");
  const std::string dropped = drop("1");
  EXPECT_TRUE(dropped.starts_with(R"(200 {"receipt":1,"kind":"upsert","accepted_at":")"))
      << dropped;
  EXPECT_TRUE(dropped.ends_with(R"("type":"Order","id":"1","properties":{"v":5420.00,)"
                                R"("big":12345678901234567890123},"state":"dropped"})"))
      << dropped;
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1"), R"(200 {"receipt":1,"state":"dropped"})");
  EXPECT_EQ(listed(""), "2");
  const json status = json::parse(ask("GET", "/agent/v1/status").body);
  EXPECT_EQ(status["delivery"]["dropped"], 1);
  EXPECT_EQ(status["outbox"]["pending"], 1);
}

TEST_F(PendingRoutes, WhatIsNotPendingIsNotDroppedAndTheAnswerSaysWhereItIs) {
  write("Order", "1", "{}");
  write("Order", "2", "{}");
  Settlement settlement;
  settlement.delivered = {1};
  settlement.dead = {{{2}, 422, "no", 1, 99}};
  settle(settlement);
  EXPECT_EQ(drop("1"), "404 operation 1 is not pending: it is delivered");
  EXPECT_EQ(drop("2"),
            "404 operation 2 is not pending: it is part of dead letter 2; DELETE "
            "/agent/v1/dead-letters/2 drops it");
  EXPECT_EQ(drop("3"), "404 no pending operation has receipt 3");
  EXPECT_EQ(drop("18446744073709551615"),
            "404 no pending operation has receipt 18446744073709551615");
}

TEST_F(PendingRoutes, WhatWasMergedOnDiskIsDroppedUnderTheReceiptThatItWentInto) {
  write("Order", "1", R"({"a":1})");
  write("Order", "1", R"({"b":2})");
  fold_all();
  EXPECT_EQ(drop("2"),
            "404 operation 2 was merged into an earlier upsert of its object and shares its fate: "
            "drop that one; GET /agent/v1/pending lists it");
  EXPECT_TRUE(drop("1").starts_with("200 "));
  EXPECT_EQ(drop("2"), "404 operation 2 is not pending: it is dropped");
  EXPECT_EQ(vault.stats().dropped, 2U);
}

TEST_F(PendingRoutes, WhatIsOnItsWayIsAConflictAndStays) {
  write("Order", "1", "{}");
  delivery.drop_answer = fail(Error::Kind::kBusy, "it is on its way to the API");
  EXPECT_EQ(drop("1"), "409 operation 1 cannot be dropped right now: it is on its way to the API");
  EXPECT_EQ(listed(""), "1");
}

TEST_F(PendingRoutes, WhatDeliveryDoesNotFindAnyMoreIsLookedForAgain) {
  write("Order", "1", "{}");
  delivery.drop_answer = fail(Error::Kind::kInvalid, "nothing pending");
  EXPECT_TRUE(drop("1").starts_with("404 operation 1 ")) << drop("1");
  delivery.drop_answer = fail(Error::Kind::kIo, "the disk fails");
  EXPECT_EQ(drop("1"), "503 the disk fails");
}

TEST_F(PendingRoutes, WhatIsNoReceiptIsToldWhereReceiptsAre) {
  for (const char* bad : {"abc", "0", "-1", "1x", "18446744073709551616"}) {
    EXPECT_EQ(drop(bad),
              "404 a pending operation is named by its receipt, a number from 1 on: GET "
              "/agent/v1/pending lists them")
        << bad;
  }
}

TEST_F(PendingRoutes, WhatIsStuckIsListedWithItsValuesItsAnswerAndItsCompany) {
  write("Order", "1", R"({"v":12345678901234567890123})");
  write("Order", "2", "{}");
  write("Order", "1", R"({"v":5420.00})");
  delivery.stuck_items = {stuck_item({1, 3}), stuck_item({2}, 0)};
  EXPECT_EQ(listed("stuck=true"), "1 2 3") << "oldest first";
  const std::string body = ask("GET", "/agent/v1/pending?stuck=true").body;
  EXPECT_NE(
      body.find(R"("properties":{"v":12345678901234567890123},"stuck":{"attempts":17,"status":500,)"
                R"("last_error":"HTTP 500: boom","for_seconds":7380,)"
                R"("next_attempt_in_seconds":242.5,"with":[3]}},{"receipt":2,)"),
      std::string::npos)
      << body;
  EXPECT_NE(body.find(R"("status":null)"), std::string::npos);
  EXPECT_NE(body.find(R"("with":[]})"), std::string::npos);
  EXPECT_NE(body.find(R"({"v":5420.00},"stuck":)"), std::string::npos);
  EXPECT_EQ(listed("stuck=false"), "1 2 3");
}

TEST_F(PendingRoutes, WhatWasSettledMeanwhileIsLeftOutOfWhatIsStuck) {
  for (int i = 1; i <= 40; ++i) {
    write("Order", std::to_string(i), "{}");
    delivery.stuck_items.push_back(stuck_item({static_cast<Receipt>(i)}));
  }
  std::vector<Receipt> all_but_two;
  for (Receipt i = 1; i <= 40; ++i) {
    if (i != 7 && i != 34) all_but_two.push_back(i);
  }
  deliver(all_but_two);
  EXPECT_EQ(listed("stuck=true"), "7 34");
}

TEST_F(PendingRoutes, AListOfWhatIsStuckEndsAtItsLimit) {
  for (int i = 1; i <= 20; ++i) {
    write("Order", std::to_string(i), "{}");
    delivery.stuck_items.push_back(stuck_item({static_cast<Receipt>(i)}));
  }
  EXPECT_EQ(listed("stuck=true&limit=2"), "1 2 …");
  EXPECT_EQ(listed("stuck=true&limit=19").substr(45), "19 …");
  EXPECT_EQ(listed("stuck=true&limit=20").substr(45), "19 20");
}

TEST_F(PendingRoutes, AnAnswerAboutOneLargeItemThatIsStuckIsBounded) {
  constexpr std::size_t kMerged = 3000;
  ASSERT_TRUE(test::write(vault, std::vector<std::string>(kMerged, "a")).get());
  ItemMembers members(kMerged);
  std::iota(members.begin(), members.end(), Receipt{1});
  delivery.stuck_items = {stuck_item(members)};
  const HttpResponse reply = ask("GET", "/agent/v1/pending?stuck=true&limit=1000");
  EXPECT_LT(reply.body.size(), 5U << 20);
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["pending"][0]["stuck"]["with"].size(), kMerged - 1);
  EXPECT_TRUE(body["more"].get<bool>());
}

TEST_F(PendingRoutes, AFilterHoldsForWhatIsStuckAsWell) {
  write("Order", "1", "{}");
  write("Customer", "1", "{}");
  write("Order", "2", "{}");
  delivery.stuck_items = {stuck_item({1}), stuck_item({2}), stuck_item({3})};
  EXPECT_EQ(listed("stuck=true&type=Order"), "1 3");
  EXPECT_EQ(listed("stuck=true&type=Order&id=2&limit=1"), "3");
  EXPECT_EQ(listed("stuck=true&type=Order&limit=1"), "1 …");
}

TEST_F(PendingRoutes, ABadQueryIsToldWhatBelongsThere) {
  EXPECT_EQ(listed("stuck=maybe"), "stuck must be true or false");
  EXPECT_EQ(listed("stuck"), "stuck must be true or false");
  EXPECT_EQ(listed("stuck=true&limit=0"), "limit must be a number from 1 to 1000");
  EXPECT_EQ(listed("limit=ten"), "limit must be a number from 1 to 1000");
  EXPECT_EQ(listed("stuk=true"),
            "unknown parameter 'stuk': this route takes type, id, stuck and limit");
}

}  // namespace
}  // namespace flowmyna::test
