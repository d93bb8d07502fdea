// The vendor's page leaves open how an answer is written down. Whatever the API makes of that
// freedom, what it has taken is delivered, once; and what contradicts itself is not believed.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

struct Form {
  std::string name;
  std::string dialect;
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const Form& form, std::ostream* out) {
  *out << form.name;
}

std::string name_of(const testing::TestParamInfo<Form>& form) {
  return form.param.name;
}

class Dialect : public DeliveryTest, public testing::WithParamInterface<Form> {
 protected:
  void write_three_of_each() {
    together([this] {
      write_upserts({upsert("a", R"({"n":1})"), upsert("b", R"({"n":2})"), upsert("c")});
      write_events({event("E-1", "x"), event("E-2", "y"), event("E-3", "z")});
    });
  }
  void expect_all_at_the_api() {
    EXPECT_EQ(object_at_api("a"), Json({{"n", 1}}));
    EXPECT_EQ(object_at_api("b"), Json({{"n", 2}}));
    EXPECT_EQ(object_at_api("c"), Json::object());
    EXPECT_EQ(recorded().size(), 3);
  }
};

class Success : public Dialect {};

TEST_P(Success, InAnyDialectIsDeliveredWithOneRequest) {
  rig_.set_dialect(GetParam().dialect);
  rig_.start_agent();
  write_three_of_each();
  rig_.wait_until("the requests are answered and settled", [&] {
    return requests(kObjectBatch) > 1 || requests(kEventBatch) > 1 || delivered() == 6;
  });
  EXPECT_EQ(delivered(), 6);
  EXPECT_EQ(requests(kObjectBatch), 1);
  EXPECT_EQ(requests(kEventBatch), 1);
  EXPECT_EQ(fates().duplicates_possible, 0);
  expect_all_at_the_api();
}

INSTANTIATE_TEST_SUITE_P(
    Row, Success,
    testing::Values(Form{"AsDocumented", "{}"}, Form{"ErrorsNull", R"({"errors":"null"})"},
                    Form{"ErrorsAbsent", R"({"errors":"absent"})"},
                    Form{"ListsNull", R"({"objects":"null","event_ids":"null"})"},
                    Form{"ListsAbsent", R"({"objects":"absent","event_ids":"absent"})"},
                    Form{"ListsShuffled", R"({"objects":"shuffled","event_ids":"shuffled"})"},
                    Form{"FurtherFields",
                         R"({"further_fields":{"request_id":"r-1","warnings":[],"took":0.5}})"},
                    Form{"FieldsAbsent", R"({"absent_fields":["message","created","object_id"]})"},
                    Form{"FieldsNull", R"({"null_fields":["message","created","object_id"]})"},
                    Form{"OddMediaType", R"({"content_type":"Application/JSON; Charset=UTF-8"})"},
                    Form{"WrongMediaType", R"({"content_type":"text/plain"})"},
                    Form{"NoMediaType", R"({"content_type":null})"},
                    Form{"ByteOrderMark", R"({"bom":true})"}, Form{"Pretty", R"({"pretty":true})"},
                    Form{"WhiteSpaceAround", R"({"leading":" \r\n\t","trailing":"\r\n\r\n "})"},
                    Form{"Gzip", R"({"encoding":"gzip"})"},
                    Form{"Deflate", R"({"encoding":"deflate"})"},
                    Form{"GzipUnasked", R"({"encoding":"gzip_always"})"},
                    Form{"DeflateUnasked", R"({"encoding":"deflate_always"})"},
                    Form{"NoDate", R"({"date":false})"},
                    Form{"SkewedDate", R"({"date_skew_s":-86400})"},
                    Form{"ClosesEachConnection", R"({"close_each":true})"}),
    name_of);

/// How an answer names the items that failed.
class PartialFailure : public Dialect {};

TEST_P(PartialFailure, OfObjectsIsToldByTheListAndOnlyTheFailedOneGoesAgain) {
  rig_.set_dialect(GetParam().dialect);
  rig_.set_faults(
      R"([{"fault":"reject_items","mode":"partial","match":{"id":"b"},"count_each":1}])");
  rig_.start_agent("delivery.dead_letter_after = \"0s\"\n");
  write_three_of_each();
  wait_for_the_end();
  EXPECT_EQ(delivered(), 6);
  const auto sent = wire().to(kObjectBatch);
  ASSERT_EQ(sent.size(), 2);
  EXPECT_EQ(sent[0].applied, 2);
  EXPECT_EQ(sent[1].items, 1);
  expect_all_at_the_api();
}

INSTANTIATE_TEST_SUITE_P(
    Row, PartialFailure,
    testing::Values(Form{"AsDocumented", "{}"}, Form{"ErrorsNull", R"({"failure_errors":"null"})"},
                    Form{"ErrorsAbsent", R"({"failure_errors":"absent"})"},
                    Form{"ErrorsEmpty", R"({"failure_errors":"empty"})"},
                    Form{"NoPosition", R"({"error_text":"{reason}"})"},
                    Form{"CountsFromOne", R"({"error_text":"index {number}: {reason}"})"},
                    Form{"ListShuffled", R"({"objects":"shuffled"})"}),
    name_of);

class Contradiction : public Dialect {};

TEST_P(Contradiction, SettlesNothingUntilTheApiIsHealed) {
  rig_.set_dialect(GetParam().dialect);
  rig_.start_agent();
  write_three_of_each();
  rig_.wait_until("all was tried twice",
                  [this] { return requests(kObjectBatch) > 1 && requests(kEventBatch) > 1; });
  EXPECT_EQ(fates().pending, 6);
  rig_.set_dialect("{}");
  wait_for_the_end();
  EXPECT_EQ(delivered(), 6);
  expect_all_at_the_api();
  // Each sending was recorded, and each but the first was counted.
  std::size_t again = 0;
  for (const auto& [name, times] : recorded()) again += times - 1;
  EXPECT_GT(again, 0);
  EXPECT_EQ(fates().duplicates_possible, again);
}

std::string contradicting(const std::string& name) {
  return R"({"contradictions":[")" + name + R"("]})";
}

std::vector<Form> contradictions() {
  std::vector<Form> forms;
  for (const std::string name :
       {"success_false", "processed_short", "processed_long", "failed_long", "listed_twice",
        "listed_null", "listed_fewer", "listed_more", "errors_without_failure"}) {
    forms.push_back({name, contradicting(name)});
  }
  return forms;
}

INSTANTIATE_TEST_SUITE_P(Row, Contradiction, testing::ValuesIn(contradictions()), name_of);

/// Of events nobody here knows the ids.
TEST_F(DeliveryTest, ObjectsAreNotDeliveredWhereTheAnswerListsWhatWasNotSent) {
  rig_.set_dialect(contradicting("listed_foreign"));
  rig_.start_agent();
  write_upserts({upsert("a"), upsert("b")});
  rig_.wait_until("they were tried twice", [this] { return requests(kObjectBatch) > 1; });
  EXPECT_EQ(fates().pending, 2);
  rig_.set_dialect("{}");
  wait_for_the_end();
  EXPECT_EQ(delivered(), 2);
}

}  // namespace
}  // namespace flowmyna::test
