#include "core/request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/decode.h"
#include "tests/unit/core/operation_list.h"
#include "tests/unit/core/padded_body.h"

namespace flowmyna::test {
namespace {

/// The body of a request with these items, as indexes into the backlog.
std::string body_of(Kind kind, const OperationList& backlog,
                    const std::vector<std::vector<std::size_t>>& items) {
  const auto operations = backlog.operations();
  std::vector<RequestItem> request;
  for (const auto& members : items) {
    RequestItem& item = request.emplace_back();
    for (const std::size_t member : members) item.push_back(&operations[member]);
  }
  return batch_body(kind, request);
}

TEST(Request, EachKindHasItsBatchEndpoint) {
  EXPECT_EQ(batch_endpoint(Kind::kUpsert), "/object/batch");
  EXPECT_EQ(batch_endpoint(Kind::kEvent), "/event/batch");
}

TEST(Request, AnItemOfOneUpsertIsTheUpsertAsWritten) {
  OperationList backlog;
  backlog.upsert("Customer/1", {{"lifetime_value", "5420.00"}, {"", "[1, 2]"}});
  backlog.upsert("Customer/2");
  EXPECT_EQ(body_of(Kind::kUpsert, backlog, {{0}, {1}}),
            R"({"objects":[{"type":"Customer","id":"1","properties":)"
            R"({"lifetime_value":5420.00,"":[1, 2]}},{"type":"Customer","id":"2"}]})");
}

TEST(Request, AnItemOfSeveralUpsertsIsTheirCompositionAndKeepsNull) {
  OperationList backlog;
  backlog.upsert("Order/1", {{"a", "1.0"}, {"b", R"({"x":1})"}});
  backlog.upsert("Order/1", {{"c", "1e400"}, {"a", "null"}});
  backlog.upsert("Order/1", {{"b", R"({"y":2})"}});
  EXPECT_EQ(body_of(Kind::kUpsert, backlog, {{0, 1, 2}}),
            R"({"objects":[{"type":"Order","id":"1","properties":)"
            R"({"a":null,"b":{"y":2},"c":1e400}}]})");
}

TEST(Request, NothingOfAnItemLeaksIntoTheNext) {
  OperationList backlog;
  backlog.upsert("Order/1", {{"a", "1"}}).upsert("Order/1", {{"b", "2"}});
  backlog.upsert("Order/2").upsert("Order/2");
  EXPECT_EQ(body_of(Kind::kUpsert, backlog, {{0, 1}, {2, 3}}),
            R"({"objects":[{"type":"Order","id":"1","properties":{"a":1,"b":2}},)"
            R"({"type":"Order","id":"2"}]})");
}

TEST(Request, AnEventIsTheEventAsWritten) {
  OperationList backlog;
  backlog.event({{"Order/1"}, {"Customer/2", {{"tier", "\"gold\""}}}}, "Order Created");
  EXPECT_EQ(body_of(Kind::kEvent, backlog, {{0}}),
            R"({"events":[{"event":"Order Created","objects":[{"type":"Order","id":"1"},)"
            R"({"type":"Customer","id":"2","properties":{"tier":"gold"}}],)"
            R"("timestamp":"2026-01-02T03:04:05.678Z"}]})");
}

TEST(Request, ItsBodyTakesAtMostWhatItsItemsSay) {
  OperationList backlog;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "p" + std::to_string(i);
    backlog.upsert("/" + std::to_string(i));
    backlog.upsert("O/1", {{name, "1"}, {"", "null"}, {R"(\u0000\"\\)", R"("\u0000")"}});
    backlog.event({{"O/1", {{name, "1"}, {"", "null"}}}, {"/"}}, i % 2 == 0 ? "" : R"(\n)");
  }
  const auto operations = backlog.operations();
  std::vector<RequestItem> upserts(1);  // the first one is merged
  std::vector<RequestItem> events;
  std::size_t upsert_bytes = body_frame_bytes();
  std::size_t merged_bytes = 0;
  std::size_t event_bytes = body_frame_bytes();
  for (const Operation& operation : operations) {
    const std::size_t bytes = item_bytes_max(operation);
    const bool is_event = operation.kind == Kind::kEvent;
    const bool is_merged = !is_event && operation.object.type == "O";
    (is_event ? event_bytes : is_merged ? merged_bytes : upsert_bytes) += bytes;
    if (is_merged) {
      upserts.front().push_back(&operation);
    } else {
      (is_event ? events : upserts).push_back({&operation});
    }
    EXPECT_LE(item_bytes_max(RequestItem{&operation}), bytes);
  }
  EXPECT_LE(item_bytes_max(upserts.front()), merged_bytes);
  EXPECT_LE(batch_body(Kind::kEvent, events).size(), event_bytes);
  EXPECT_LE(batch_body(Kind::kUpsert, upserts).size(),
            upsert_bytes + item_bytes_max(upserts.front()));
  EXPECT_LE(batch_body(Kind::kUpsert, {}).size(), body_frame_bytes());
}

TEST(Request, ItsBodyIsWhatTheApiWouldAccept) {
  OperationList backlog;
  backlog.upsert("Order/1", {{"a", "1"}}).upsert("Order/1", {{"b", "null"}}).upsert("Order/2");
  const std::string body = body_of(Kind::kUpsert, backlog, {{0, 1}, {2}});
  const PaddedBody padded(body);
  const auto decoded = Decoder().batch(Kind::kUpsert, padded.view(), {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->accepted.size(), 2U);
  EXPECT_TRUE(decoded->errors.empty());
}

}  // namespace
}  // namespace flowmyna::test
