#include "core/identity.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/core/verdict_text.h"

namespace flowmyna::test {
namespace {

const std::string kRequest =
    R"({"objects":[{"type":"T","id":"1"},{"type":"T","id":"\"2\" \u0001"},{"type":"U","id":"1"}]})";

std::string counts(int processed, int failed) {
  return R"({"success":true,"processed":)" + std::to_string(processed) + R"(,"failed":)" +
         std::to_string(failed);
}
std::string object(const std::string& id, const std::string& type, const std::string& name) {
  return R"({"object_id":")" + id + R"(","object_type":")" + type + R"(","external_id":")" + name +
         R"(","created":)" + (id == "u1" ? "true}" : "false}");
}

/// "u1+" for what was created, "u1" otherwise, "?" for nothing; one an item.
std::string identities(Kind kind, const std::string& request, std::size_t items,
                       const std::string& body) {
  const Answer answer = answered(200, body);
  const Verdict verdict = judge({kind, items, request}, answer, 0);
  EXPECT_EQ(verdict.action, Verdict::Action::kSettle) << verdict.reason;
  std::string out;
  for (const auto& identity : read_identities(kind, request, verdict, answer)) {
    out += (out.empty() ? "" : " ") + (identity ? identity->id : "?");
    if (identity && identity->created) out += "+";
  }
  return out;
}

std::string of_objects(const std::string& objects) {
  return identities(Kind::kUpsert, kRequest, 3,
                    counts(3, 0) + R"(,"objects":[)" + objects + R"(],"errors":[]})");
}

TEST(Identity, AnObjectIsFoundByTypeAndIdInWhateverOrderTheyAre) {
  EXPECT_EQ(of_objects(object("u3", "U", "1") + "," + object("u1", "T", "1") + "," +
                       object("u2", "T", R"(\u00222\" \u0001)")),
            "u1+ u2 u3");
}

TEST(Identity, AnObjectOfWhichTheAnswerDoesNotTellHasNone) {
  EXPECT_EQ(of_objects(R"({"object_id":7,"object_type":"T","external_id":"1","created":true},)"
                       R"({"object_id":"u3","object_type":"U","external_id":"1","created":null},)" +
                       object("u2", "T", R"(\"2\" \u0001)")),
            "? u2 ?");
}

TEST(Identity, WithoutAListThereAreNone) {
  for (const char* list : {"", R"(,"objects":null,"event_ids":null)",
                           R"(,"objects":"u1 u2","event_ids":{"0":"u1"})"}) {
    EXPECT_EQ(identities(Kind::kUpsert, kRequest, 3, counts(3, 0) + list + "}"), "? ? ?");
    EXPECT_EQ(identities(Kind::kEvent, "", 3, counts(3, 0) + list + "}"), "? ? ?");
  }
}

TEST(Identity, AnAnswerInAnotherDialectTellsThemAsWell) {
  EXPECT_EQ(identities(Kind::kEvent, "", 2,
                       "\xef\xbb\xbf " + counts(2, 0) +
                           R"(,"event_ids":["u1","u2"],"a":12345678901234567890123})"),
            "u1 u2");
}

TEST(Identity, AnItemThatFailedHasNone) {
  EXPECT_EQ(identities(Kind::kUpsert, kRequest, 3,
                       counts(2, 1) + R"(,"objects":[)" + object("u3", "U", "1") + "," +
                           object("u1", "T", "1") + R"(],"errors":["index 1: no"]})"),
            "u1+ ? u3");
  EXPECT_EQ(identities(Kind::kEvent, "", 3,
                       counts(2, 1) + R"(,"event_ids":["u1","u3"],"errors":["index 0: no"]})"),
            "? u1 u3");
}

TEST(Identity, EventsGetTheirIdsInTurn) {
  EXPECT_EQ(identities(Kind::kEvent, "", 1, counts(1, 0) + R"(,"event_ids":["u1"],"errors":[]})"),
            "u1");
  EXPECT_EQ(identities(Kind::kEvent, "", 2, counts(2, 0) + R"(,"event_ids":["u1",2],"errors":[]})"),
            "u1 ?");
}

}  // namespace
}  // namespace flowmyna::test
