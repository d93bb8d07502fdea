// How dialects and rules are given, and what is said of a misspelt one.

#include "stand_in/fields.h"
#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

/// The message of what is refused.
std::string refusal(const Result<void>& result) {
  return result ? "taken" : result.error().message;
}

TEST(Fields, TheNearestNameTakesTheFewestChanges) {
  EXPECT_EQ(nearest("cuont", {"path", "count", "skip"}), "count");
  EXPECT_EQ(nearest("", {"path", "skip", "id"}), "id");
}

TEST_F(SimTest, AMisspeltDialectIsRefusedWithTheNearestNameAndChangesNothing) {
  dialect(R"({"errors":"null"})");
  EXPECT_EQ(refusal(sim_->set_dialect(R"({"eror":"null"})")),
            R"(unknown field "eror"; the nearest is "errors")");
  EXPECT_EQ(refusal(sim_->set_dialect(R"({"limits":{"batch_item":1}})")),
            R"(in "limits": unknown field "batch_item"; the nearest is "batch_items")");
  EXPECT_EQ(refusal(sim_->set_dialect(R"({"contradictions":["listed_twise"]})")),
            R"(there is no contradiction "listed_twise"; the nearest is "listed_twice")");
  EXPECT_EQ(refusal(sim_->set_dialect(R"({"errors":"none"})")),
            R"("errors" must be empty or null or absent)");
  for (const std::string document :
       {"[]", "{", R"({"bom":1})", R"({"further_fields":1})", R"({"content_type":1})",
        R"({"date":1})", R"({"limits":1})", R"({"encoding":"br"})", R"({"absent_fields":[1]})",
        R"({"answer_delay_ms":-1})"}) {
    EXPECT_FALSE(sim_->set_dialect(document)) << document;
  }
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"], nullptr);
}

TEST_F(SimTest, AMisspeltRuleIsRefusedWithTheNearestName) {
  EXPECT_EQ(refusal(sim_->add_faults(R"([{"fault":"down","cuont":1}])")),
            R"(rule 0: unknown field "cuont"; the nearest is "count")");
  EXPECT_TRUE(refusal(sim_->add_faults(R"([{"fault":"dwon"}])")).ends_with(R"(is "down")"));
  EXPECT_EQ(refusal(sim_->add_faults(R"([{"fault":"dialect","dialect":{"boom":true}}])")),
            R"(rule 0: in "dialect": unknown field "boom"; the nearest is "bom")");
  for (const std::string rule :
       {R"({"fault":"dialect"})", R"({"fault":"down","match":{"id":"1"}})",
        R"({"fault":"hang","match":1})", R"({"fault":"status","status":500,"processed":"most"})",
        R"({"fault":"slow","per_item_ms":1,"apply":"after"})",
        R"({"fault":"status","status":403,"page":1})"}) {
    EXPECT_FALSE(sim_->add_faults("[" + rule + "]")) << rule;
  }
}

TEST_F(SimTest, ADialectIsReplacedAmendedShownAndTakenBackOverTheAdminAddress) {
  httplib::Client admin("127.0.0.1", sim_->admin_port());
  const auto errors = [this] { return json_of(post("/object/batch", kTwoUpserts))["errors"]; };
  EXPECT_EQ(admin.Get("/sim/dialect")->body, "{}");
  admin.Put("/sim/dialect", R"({"errors":"null","limits":{"rate":5}})", "application/json");
  EXPECT_EQ(errors(), nullptr);
  admin.Post("/sim/dialect", R"({"bom":true,"limits":{"batch_items":9}})", "application/json");
  EXPECT_EQ(Json::parse(admin.Get("/sim/dialect")->body),
            Json::parse(R"({"bom":true,"errors":"null","limits":{"batch_items":9,"rate":5}})"));
  EXPECT_EQ(errors(), nullptr);
  const auto refused = admin.Post("/sim/dialect", R"({"bomb":true})", "application/json");
  EXPECT_EQ(refused->status, 422);
  EXPECT_NE(refused->body.find("the nearest is \\\"bom\\\""), std::string::npos) << refused->body;
  EXPECT_EQ(admin.Patch("/sim/dialect")->status, 405);
  admin.Delete("/sim/dialect");
  EXPECT_EQ(errors(), Json::array());
}

TEST_F(SimTest, TheDialectOfTheCommandLineHoldsFromTheStartAndAfterAReset) {
  SimulatorOptions options;
  options.dialect = R"({"errors":"null"})";
  options.faults = R"([{"fault":"status","status":503,"count":1}])";
  start(options);
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 503);
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"], nullptr);
  dialect(R"({"errors":"absent"})");
  sim_->reset();
  const auto answer = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_TRUE(answer.contains("errors"));
  EXPECT_EQ(answer["errors"], nullptr);
}

TEST_F(SimTest, ADialectOfARuleStandsOverTheOneInForce) {
  dialect(R"({"errors":"null","limits":{"batch_items":1}})");
  faults(R"([{"fault":"dialect","dialect":{"limits":{"batch_items":2}},"match":{"id":"O-2"}},)"
         R"({"fault":"dialect","dialect":{"objects":"absent"},"for_ms":60000}])");
  const auto answer = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_EQ(answer["errors"], nullptr);
  EXPECT_FALSE(answer.contains("objects"));
  EXPECT_EQ(answer["processed"], 2);
}

TEST(Simulator, ADialectOrARuleThatIsNotUnderstoodIsAnErrorOfTheStart) {
  SimulatorOptions options;
  options.dialect = R"({"boom":true})";
  const auto started = Simulator::start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, R"(the dialect: unknown field "boom"; the nearest is "bom")");
  options.dialect.clear();
  options.faults = R"([{"fault":"refuse"}])";
  EXPECT_FALSE(Simulator::start(options));
}

}  // namespace
}  // namespace flowmyna::stand_in
