// What the API refused for good, over the router's routes: the outbox in memory, delivery faked.

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/scripted_storage.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr const char* kLetters = "/agent/v1/dead-letters";
constexpr const char* kNoNumber =
    "404 a dead letter is named by its number: GET /agent/v1/dead-letters lists them";

/// Made before the rest, so that it outlives it.
struct Scripted {
  Script script;
};

class DeadLetterRoutes : protected Scripted, public RouterBench {
 protected:
  DeadLetterRoutes() : RouterBench(std::make_unique<ScriptedStorage>(script)) {}

  static std::string letter(const std::string& number) { return kLetters + ("/" + number); }
  std::string retry(const std::string& number) { return answer("POST", letter(number) + "/retry"); }

  /// The numbers in the listing, with ` …` when there are more; or the refusal.
  std::string listed(const std::string& query = "") {
    const HttpResponse reply = ask("GET", kLetters + ("?" + query));
    if (reply.status != 200) return text(reply);
    const json body = json::parse(reply.body);
    std::string out;
    for (const json& entry : body["dead_letters"]) {
      out += (out.empty() ? "" : " ") + entry["id"].dump();
    }
    return out + (body["more"].get<bool>() ? " …" : "");
  }
  /// So many operations, from receipt 1 on; each is a dead letter of its own.
  void bury_each_of(std::size_t count) {
    Settlement settlement;
    for (Receipt receipt = 1; receipt <= count; ++receipt) {
      write("Order", std::to_string(receipt), "{}");
      settlement.dead.push_back({{receipt}, 422, "no", 1, 99});
    }
    settle(std::move(settlement));
  }
};

TEST_F(DeadLetterRoutes, TheListHasTheApisWordsAndTheItemAsItWasSent) {
  EXPECT_EQ(answer("GET", kLetters), R"(200 {"dead_letters":[],"more":false})");
  write("Order", "1", R"({"v":5420.00})");
  write("Order", "1", R"({"big":12345678901234567890123,"gone":null})");
  bury({1, 2}, 422, "no \"tier\"");
  EXPECT_EQ(answer("GET", kLetters),
            R"(200 {"dead_letters":[{"id":1,"kind":"upsert","status":422,)"
            R"("reason":"no \"tier\"","attempts":3,"at":"2025-10-09T08:53:20.000Z","receipts":2,)"
            R"("item":{"type":"Order","id":"1","properties":{"v":5420.00,)"
            R"("big":12345678901234567890123,"gone":null}}}],"more":false})");
}

TEST_F(DeadLetterRoutes, OneOfThemHasEveryOperationAsItWasWritten) {
  write("Order", "1", R"({"v":5420.00})");
  write("Order", "1", R"({"v":1e400})");
  bury({1, 2}, 0, "outcome unknown");
  const HttpResponse reply = ask("GET", letter("1"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.ends_with(
      R"("item":{"type":"Order","id":"1","properties":{"v":1e400}},"operations":[)"
      R"({"receipt":1,"kind":"upsert","accepted_at":"2025-10-09T08:53:20.000Z",)"
      R"("type":"Order","id":"1","properties":{"v":5420.00}},)"
      R"({"receipt":2,"kind":"upsert","accepted_at":"2025-10-09T08:53:20.000Z",)"
      R"("type":"Order","id":"1","properties":{"v":1e400}}]})"))
      << reply.body;
  EXPECT_NE(reply.body.find(R"("status":null)"), std::string::npos) << "no answer refused it";
  EXPECT_EQ(text(reply), answer("GET", letter("0001"))) << "leading zeros do not count";
}

TEST_F(DeadLetterRoutes, TheListIsReadInPagesOldestFirst) {
  bury_each_of(5);
  EXPECT_EQ(listed(), "1 2 3 4 5");
  EXPECT_EQ(listed("limit=2"), "1 2 …");
  EXPECT_EQ(listed("limit=2&after=2"), "3 4 …");
  EXPECT_EQ(listed("after=4"), "5");
  EXPECT_EQ(listed("after=5"), "");
  EXPECT_EQ(listed("after=9223372036854775807"), "");
  EXPECT_EQ(listed("limit=1000&after=0"), "1 2 3 4 5");
  EXPECT_EQ(listed("&&limit=4&&limit=1&"), "1 …") << "of a name that comes twice the last counts";
  EXPECT_EQ(listed("%6cimit=%32&after=003"), "4 5");
}

TEST_F(DeadLetterRoutes, APageHasAHundredUnlessItIsToldOtherwise) {
  bury_each_of(101);
  EXPECT_TRUE(listed().ends_with(" 100 …"));
  EXPECT_TRUE(listed("limit=101").ends_with(" 100 101"));
}

TEST_F(DeadLetterRoutes, ABadQueryIsToldWhatBelongsThere) {
  for (const char* bad : {"limit=0", "limit=1001", "limit", "limit=", "limit=ten", "limit=-1",
                          "limit=+1", "limit=1.0", "limit=18446744073709551617", "limit=1&limit=x",
                          "limit=%31%00", "limit== 1"}) {
    EXPECT_EQ(listed(bad), "422 limit must be a number from 1 to 1000") << bad;
  }
  for (const char* bad : {"after=-1", "after=", "after=9223372036854775808",
                          "after=99999999999999999999999", "after=1x"}) {
    EXPECT_EQ(listed(bad), "422 after must be a number from 0 to 9223372036854775807") << bad;
  }
  EXPECT_EQ(listed("offset=1"), "422 unknown parameter 'offset': this route takes after and limit");
  EXPECT_EQ(listed("=1"), "422 unknown parameter '': this route takes after and limit");
  EXPECT_EQ(listed("LIMIT=1"), "422 unknown parameter 'LIMIT': this route takes after and limit");
  for (const char* bad : {"after=%", "after=%3", "after=%zz", "%=1", "after=% 1", "after=%+1"}) {
    EXPECT_EQ(listed(bad),
              "422 the query string has a '%' that is not followed by two hexadecimal digits")
        << bad;
  }
}

TEST_F(DeadLetterRoutes, OneThatIsNotThereSaysWhereItsOperationIs) {
  for (int i = 0; i < 5; ++i) write("Order", "1", "{}");
  bury({1, 2}, 422, "no");
  deliver({3});
  ASSERT_EQ(ask("DELETE", "/agent/v1/pending/4").status, 200);
  for (const auto& [number, why] :
       {std::pair("2", ": operation 2 is part of dead letter 1"),
        std::pair("3", ": operation 3 is delivered"), std::pair("4", ": operation 4 is dropped"),
        std::pair("5", ": operation 5 is pending"), std::pair("6", ""),
        std::pair("9223372036854775807", "")}) {
    const std::string none = std::string("404 no dead letter has the number ") + number + why;
    EXPECT_EQ(answer("GET", letter(number)), none);
    EXPECT_EQ(answer("DELETE", letter(number)), none);
    EXPECT_EQ(retry(number), none);
  }
  EXPECT_EQ(listed(), "1") << "all is as it was";
}

TEST_F(DeadLetterRoutes, WhatIsNoNumberIsToldWhereNumbersAre) {
  bury_each_of(1);
  for (const char* bad : {"abc", "0", "-1", "+1", "1x", "%31", "9223372036854775808",
                          "18446744073709551617", "99999999999999999999999"}) {
    EXPECT_EQ(answer("GET", letter(bad)), kNoNumber) << bad;
    EXPECT_EQ(answer("DELETE", letter(bad)), kNoNumber) << bad;
    EXPECT_EQ(retry(bad), kNoNumber) << bad;
  }
  EXPECT_EQ(answer("GET", letter("retry")), kNoNumber);
  EXPECT_EQ(answer("DELETE", letter("retry")), kNoNumber);
  EXPECT_EQ(retry("retry"), kNoNumber);
  EXPECT_EQ(delivery.asked, "") << "nothing came back";
  EXPECT_EQ(listed(), "1");
}

TEST_F(DeadLetterRoutes, ARetryPutsOneBackAndTellsDeliveryOnce) {
  for (const char* id : {"a", "b", "b", "c"}) write("Order", id, "{}");
  bury({1}, 422, "no");
  bury({2, 3}, 422, "no");
  EXPECT_EQ(retry("2"), R"(200 {"dead_letters":1,"operations":2,"damaged":[]})");
  EXPECT_EQ(delivery.asked, "returned 2");
  EXPECT_EQ(everything(vault), "2:b 3:b 4:c");
  EXPECT_EQ(listed(), "1");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/3"), R"(200 {"receipt":3,"state":"pending"})");
  EXPECT_EQ(retry("2"), "404 no dead letter has the number 2: operation 2 is pending");
}

TEST_F(DeadLetterRoutes, ARetryOfAllPutsAllBackInStepsAndTellsDeliveryOnce) {
  constexpr std::size_t kOfSeveralSteps = 1201;
  bury_each_of(kOfSeveralSteps);
  EXPECT_EQ(answer("POST", "/agent/v1/dead-letters/retry"),
            R"(200 {"dead_letters":1201,"operations":1201,"damaged":[]})");
  EXPECT_EQ(delivery.asked, "returned 1");
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(vault.stats().pending(), kOfSeveralSteps);
  EXPECT_EQ(answer("POST", "/agent/v1/dead-letters/retry", "not JSON"),
            R"(200 {"dead_letters":0,"operations":0,"damaged":[]})");
}

TEST_F(DeadLetterRoutes, WhenARetryFailsDeliveryIsToldAllTheSame) {
  bury_each_of(2);
  script.commit_fails = true;
  EXPECT_EQ(retry("2"), "503 disk I/O error");
  EXPECT_EQ(delivery.asked, "returned 2") << "who knows whether it is back";
  script.commit_fails = true;
  EXPECT_EQ(answer("POST", "/agent/v1/dead-letters/retry"), "503 disk I/O error");
  EXPECT_EQ(delivery.asked, "returned 2 returned 1");
  EXPECT_EQ(listed(), "1 2");
}

TEST_F(DeadLetterRoutes, WhatIsDamagedStaysAndIsToldByItsNumber) {
  bury_each_of(2);
  script.retry_finds_damage = true;
  EXPECT_EQ(retry("2"),
            "409 an operation of dead letter 2 fails its checksum and cannot be sent: look at it, "
            "write again what can be saved, and drop the letter");
  script.retry_finds_damage = true;
  EXPECT_EQ(answer("POST", "/agent/v1/dead-letters/retry"),
            R"(200 {"dead_letters":0,"operations":0,"damaged":[1,2]})");
  EXPECT_EQ(listed(), "1 2");
}

TEST_F(DeadLetterRoutes, DroppingOneAnswersWithWhatItWas) {
  bury_each_of(2);
  const std::string shown = answer("GET", letter("1"));
  EXPECT_EQ(answer("DELETE", letter("1")), shown);
  EXPECT_EQ(listed(), "2");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1"), R"(200 {"receipt":1,"state":"dropped"})");
  EXPECT_EQ(answer("DELETE", letter("1")),
            "404 no dead letter has the number 1: operation 1 is dropped");
  EXPECT_EQ(vault.stats().dropped, 1U);
  EXPECT_EQ(delivery.asked, "") << "nothing came back";
  script.commit_fails = true;
  EXPECT_EQ(answer("DELETE", letter("2")), "503 disk I/O error");
  EXPECT_EQ(listed(), "2");
}

}  // namespace
}  // namespace flowmyna::test
