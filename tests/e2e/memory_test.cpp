// What one large request takes is not kept for the next.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "e2e/process_figures.h"
#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

TEST(Memory, LargeBodiesAreGivenBackWhileTheirConnectionsStayOpen) {
  constexpr std::size_t kBodyKib = 12 << 10;
  Rig rig;
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  const auto resident_kib = [&] { return memory_kib(rig.agent().pid(), "VmRSS"); };
  const std::size_t before_kib = resident_kib();
  const std::string body = R"({"type":"Scan","id":"1","properties":{"image":")" +
                           std::string(kBodyKib << 10, 'x') + R"("}})";
  std::vector<decltype(rig.connect())> connections;
  for (int i = 0; i < 4; ++i) {
    connections.push_back(rig.connect());
    const auto reply = connections.back()->post("/api/public/v1/object/upsert", body);
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  rig.wait_until("less than one body is held", [&] {
    for (auto& connection : connections) connection->get("/agent/v1/receipts/1");  // not idle
    return resident_kib() < before_kib + kBodyKib / 2;
  });
}

TEST(Memory, WhatLargeAnswersTookIsGivenBackAsWell) {
  Rig rig;
  rig.start_agent();
  rig.post("/api/public/v1/object/upsert", R"({"type":"T","id":"0"})");
  rig.drain();
  const std::size_t before_kib = memory_kib(rig.agent().pid(), "VmRSS");
  // Many small values: as JSON in memory they take far more than as text.
  std::string body = R"({"detail":[0)";
  while (body.size() < 900'000) body += ",{}";
  rig.set_faults(R"([{"fault":"status","status":500,"body":)" + Json(body + "]}").dump() + "}]");
  rig.post("/api/public/v1/object/upsert", R"({"type":"T","id":"1"})");
  rig.wait_until("some have come", [&] { return WireLog::read(rig).entries().size() >= 6; });
  rig.wait_until("what they took is given back",
                 [&] { return memory_kib(rig.agent().pid(), "VmRSS") < before_kib + (2U << 10U); });
}

}  // namespace
}  // namespace flowmyna::test
