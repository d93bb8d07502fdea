#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

TEST_F(SimTest, ARefusedApiClosesItsSocketAndComesBackOnTheSamePortWithItsState) {
  post("/object/upsert", kOneUpsert);
  faults(R"([{"fault":"refused"}])");
  EXPECT_EQ(post("/object/upsert", kOneUpsert).error(), httplib::Error::Connection);
  httplib::Client admin("127.0.0.1", sim_->admin_port());
  EXPECT_EQ(Json::parse(admin.Get("/sim/counts")->body)["objects"], 1);
  admin.Delete("/sim/faults");
  EXPECT_EQ(json_of(post("/object/upsert", kOneUpsert))["created"], false);
}

TEST_F(SimTest, ARefusalForATimeEndsByItself) {
  faults(R"([{"fault":"refused","for_ms":300}])");
  EXPECT_EQ(post("/object/upsert", kOneUpsert).error(), httplib::Error::Connection);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int status = 0;
  while (status == 0 && std::chrono::steady_clock::now() < deadline) {
    status = status_of(post("/object/upsert", kOneUpsert));
  }
  EXPECT_EQ(status, 200);
}

TEST_F(SimTest, ARefusalAskedForOverTheApisOwnPortIsAnsweredFirst) {
  const auto answer = client_->Post("/sim/faults", R"([{"fault":"refused"}])", "application/json");
  EXPECT_EQ(status_of(answer), 200);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto error = httplib::Error::Success;
  while (error != httplib::Error::Connection && std::chrono::steady_clock::now() < deadline) {
    error = get("/sim/counts").error();
  }
  EXPECT_EQ(error, httplib::Error::Connection);
}

TEST_F(SimTest, AnApiThatIsDownClosesWithoutReadingOrAnswering) {
  faults(R"([{"fault":"down","count":1}])");
  EXPECT_FALSE(post("/object/upsert", kOneUpsert));
  EXPECT_EQ(counts()["objects"], 0);
  EXPECT_EQ(log()[0]["status"], 0);
  EXPECT_EQ(log()[0]["fault"], "down");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
}

TEST_F(SimTest, AHangingApiNeverAnswersUntilTheFaultsAreCleared) {
  faults(R"([{"fault":"hang"}])");
  client_->set_read_timeout(0, kHangTimeoutUs);
  EXPECT_EQ(post("/object/upsert", kOneUpsert).error(), httplib::Error::Read);
  EXPECT_EQ(counts()["objects"], 0);
  sim_->clear_faults();
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, TheStandInEndsWhileRequestsHang) {
  faults(R"([{"fault":"hang"}])");
  client_->set_read_timeout(0, kHangTimeoutUs);
  post("/object/upsert", kOneUpsert);
  sim_.reset();
  SUCCEED();
}

TEST_F(SimTest, ASlowApiAppliesBeforeTheDelayAndAnswersAfterIt) {
  faults(R"([{"fault":"slow","delay_ms":200}])");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
  client_->set_read_timeout(0, 50'000);
  EXPECT_FALSE(post("/object/upsert", R"({"type":"Order","id":"O-2"})"));
  EXPECT_EQ(counts()["objects"], 2);
}

TEST_F(SimTest, ASlowApiCanApplyAfterTheClientHasGivenUp) {
  faults(R"([{"fault":"slow","delay_ms":400,"apply":"after"}])");
  client_->set_read_timeout(0, 50'000);
  EXPECT_FALSE(post("/object/upsert", kOneUpsert));
  EXPECT_EQ(counts()["objects"], 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (counts()["objects"] == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(counts()["objects"], 1);
}

TEST_F(SimTest, StatusFaultsAnswerWithoutApplying) {
  const auto status = [this](const std::string& rule) {
    faults("[" + rule + "]");
    const int answered = status_of(post("/object/upsert", kOneUpsert));
    sim_->clear_faults();
    return answered;
  };
  EXPECT_EQ(status(R"({"fault":"unauthorized"})"), 401);
  EXPECT_EQ(status(R"({"fault":"forbidden"})"), 403);
  EXPECT_EQ(status(R"({"fault":"not_found"})"), 404);
  for (const int code : {204, 307, 400, 408, 413, 425, 429, 500, 502, 503, 504}) {
    EXPECT_EQ(status(R"({"fault":"status","status":)" + std::to_string(code) + "}"), code);
  }
  EXPECT_EQ(counts()["objects"], 0);
}

TEST_F(SimTest, AStatusFaultCarriesItsHeadersAndBody) {
  faults(R"([{"fault":"status","status":429,"body":{"detail":"wait"},"reset_in_s":30,)"
         R"("headers":{"Retry-After":"7","Location":"http://elsewhere/"}}])");
  const auto result = post("/object/upsert", kOneUpsert);
  EXPECT_EQ(result->body, R"({"detail":"wait"})");
  EXPECT_EQ(result->get_header_value("Retry-After"), "7");
  EXPECT_EQ(result->get_header_value("Location"), "http://elsewhere/");
  const auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
  const auto reset = std::stoll(result->get_header_value("X-RateLimit-Reset"));
  EXPECT_NEAR(static_cast<double>(reset - now), 30.0, 5.0);
}

TEST_F(SimTest, ABadItemSpoilsTheWholeBatch) {
  const std::string match = R"("match":{"type":"Order","id":"O-2"},"reason":"bad order")";
  faults(R"([{"fault":"reject_items",)" + match + "}]");
  EXPECT_EQ(post("/object/batch", kTwoUpserts)->body,
            R"({"detail":[{"loc":["body","objects",1],"msg":"bad order","type":"value_error"}]})");
  EXPECT_EQ(post("/object/upsert", R"({"type":"Order","id":"O-2"})")->body,
            R"({"detail":[{"loc":["body"],"msg":"bad order","type":"value_error"}]})");
  EXPECT_EQ(counts()["objects"], 0);
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);

  sim_->clear_faults();
  faults(R"([{"fault":"reject_items","errors":"plain",)" + match + "}]");
  EXPECT_EQ(post("/object/batch", kTwoUpserts)->body, R"({"detail":"bad order"})");
  sim_->clear_faults();
  faults(R"([{"fault":"reject_items","mode":"batch_400",)" + match + "}]");
  const auto result = post("/object/batch", kTwoUpserts);
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(result->body, R"({"detail":"index 1: bad order"})");
}

TEST_F(SimTest, ABadItemFailsAloneInAPartialFailure) {
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"reason":"no"}])");
  const auto objects = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_EQ(objects["processed"], 1);
  EXPECT_EQ(objects["failed"], 1);
  EXPECT_EQ(objects["errors"], Json::parse(R"(["index 1: no"])"));
  EXPECT_EQ(objects["objects"].size(), 1U);
  EXPECT_EQ(objects["objects"][0]["external_id"], "O-1");
  EXPECT_EQ(counts()["objects"], 1);

  sim_->reset();
  faults(
      R"([{"fault":"reject_items","mode":"partial","errors":"plain","match":{"event":"Packed"}}])");
  const auto answer = json_of(post("/event/batch", kTwoEvents));
  EXPECT_EQ(answer["event_ids"].size(), 1U);
  EXPECT_EQ(answer["errors"], Json::parse(R"(["Rejected by the stand-in"])"));
  EXPECT_EQ(events()[0]["event"], "Shipped");
  EXPECT_EQ(log()[0]["applied"], 1);
}

TEST_F(SimTest, SpoiltAnswersAreNotTheApis) {
  const auto spoilt = [this](const std::string& fault) {
    sim_->clear_faults();
    faults(R"([{"fault":")" + fault + "\"}]");
    return post("/object/upsert", kOneUpsert);
  };
  const auto page = spoilt("html_200");
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  const auto garbage = spoilt("garbage");
  EXPECT_EQ(garbage->get_header_value("Content-Type"), "application/json");
  EXPECT_TRUE(json_of(garbage).is_discarded());
  EXPECT_EQ(spoilt("empty_200")->body, "");
  EXPECT_FALSE(json_of(spoilt("wrong_shape")).contains("object_id"));
  EXPECT_FALSE(spoilt("truncated")) << "the body is shorter than announced";
  EXPECT_EQ(counts()["objects"], 0);
}

TEST_F(SimTest, ASpoiltAnswerMayHideThatTheRequestWasApplied) {
  int objects = 0;
  for (const std::string fault : {"html_200", "garbage", "empty_200", "wrong_shape", "truncated"}) {
    sim_->clear_faults();
    faults(R"([{"fault":")" + fault + R"(","processed":true}])");
    post("/object/upsert", R"({"type":"T","id":")" + fault + "\"}");
    EXPECT_EQ(counts()["objects"], ++objects) << fault;
  }
}

TEST_F(SimTest, ALostAnswerWasApplied) {
  faults(R"([{"fault":"lost_answer","count":1}])");
  EXPECT_FALSE(post("/event/batch", kTwoEvents));
  EXPECT_EQ(counts()["events"], 2);
  EXPECT_EQ(log()[0]["status"], 0);
  EXPECT_EQ(log()[0]["processed"], true);
}

TEST_F(SimTest, ABodyAboveTheLimitIsTooLarge) {
  faults(R"([{"fault":"max_body","bytes":60}])");
  EXPECT_EQ(post("/object/batch", kTwoUpserts)->status, 413);
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
}

TEST_F(SimTest, ARuleCountsSkipsAndChoosesItsEndpoint) {
  faults(R"([{"fault":"status","status":500,"path":"/object/upsert","skip":1,"count":2}])");
  std::vector<int> seen(5);
  for (int& status : seen) status = status_of(post("/object/upsert", kOneUpsert));
  EXPECT_EQ(seen, (std::vector{200, 500, 500, 200, 200}));
  sim_->clear_faults();
  faults(R"([{"fault":"status","status":500,"path":"/event"}])");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
  EXPECT_EQ(post("/event", "{}")->status, 500);
}

TEST_F(SimTest, AProbabilityDrawsTheSameFromTheSameSeed) {
  const auto draw = [this] {
    sim_->reset();
    faults(R"([{"fault":"status","status":500,"probability":0.5,"seed":42}])");
    std::string seen;
    for (int i = 0; i < 64; ++i) {
      seen += status_of(post("/object/upsert", kOneUpsert)) == 500 ? 'x' : '.';
    }
    return seen;
  };
  const std::string first = draw();
  EXPECT_EQ(first, draw());
  EXPECT_NE(first.find('x'), std::string::npos);
  EXPECT_NE(first.find('.'), std::string::npos);
}

TEST_F(SimTest, ARuleForATimeExpires) {
  faults(R"([{"fault":"status","status":500,"for_ms":0}])");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
}

TEST_F(SimTest, RulesAreAddedReplacedShownAndCleared) {
  httplib::Client admin("127.0.0.1", sim_->admin_port());
  admin.Post("/sim/faults", R"([{"fault":"down","path":"/event"}])", "application/json");
  admin.Post("/sim/faults", R"([{"fault":"forbidden"}])", "application/json");
  post("/object/upsert", kOneUpsert);
  const auto shown = Json::parse(admin.Get("/sim/faults")->body);
  ASSERT_EQ(shown["faults"].size(), 2U);
  EXPECT_EQ(shown["faults"][1]["rule"]["fault"], "forbidden");
  EXPECT_EQ(shown["faults"][1]["served"], 1);
  EXPECT_EQ(counts()["faults_served"], 1);
  admin.Put("/sim/faults", R"([{"fault":"not_found"}])", "application/json");
  EXPECT_EQ(Json::parse(admin.Get("/sim/faults")->body)["faults"].size(), 1U);
  admin.Delete("/sim/faults");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
}

TEST_F(SimTest, AMisspeltRuleIsRefusedAndChangesNothing) {
  for (const std::string rule :
       {R"({"fault":"dwon"})", R"({"fault":"down","cuont":1})", R"({"fault":"slow"})",
        R"({"fault":"status"})", R"({"fault":"status","status":99})", R"({"fault":"max_body"})",
        R"({"fault":"down","count":-1})", R"({"fault":"down","probability":2})",
        R"({"fault":"refused","count":1})", R"({"fault":"down","path":"event"})",
        R"({"fault":"reject_items","match":{"typ":"T"}})", R"({"fault":"reject_items","mode":"x"})",
        "5"}) {
    EXPECT_FALSE(sim_->add_faults(R"([{"fault":"down"},)" + rule + "]")) << rule;
  }
  EXPECT_FALSE(sim_->add_faults("{"));
  EXPECT_FALSE(sim_->add_faults(R"({"fault":"down"})"));
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->status, 200);
}

}  // namespace
}  // namespace flowmyna::stand_in
