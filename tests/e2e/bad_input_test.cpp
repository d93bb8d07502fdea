// What is wrong is refused with a reason, stores nothing, and leaves the connection usable.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

struct BadRequest {
  const char* what;
  const char* path;
  std::string body;
  int status;
  const char* says;  // part of the answer
};

std::vector<BadRequest> bad_requests() {
  const char* upsert = "/api/public/v1/object/upsert";
  const char* event = "/api/public/v1/event";
  const char* objects = "/api/public/v1/object/batch";
  std::string deep = R"({"type":"T","id":"1","properties":{"a":)";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + "}}";
  std::string long_type;
  for (int i = 0; i < 101; ++i) long_type += "é";
  return {
      {"trailing comma", upsert, R"({"type":"T","id":"1",})", 400, "detail"},
      {"NaN", upsert, R"({"type":"T","id":"1","properties":{"a":NaN}})", 400, "detail"},
      {"leading zero", upsert, R"({"type":"T","id":"1","properties":{"a":01}})", 400, "detail"},
      {"invalid UTF-8", upsert, "{\"type\":\"\xff\",\"id\":\"1\"}", 400, "UTF-8"},
      {"bytes after the document", upsert, R"({"type":"T","id":"1"} x)", 400, "detail"},
      {"depth 100,000", upsert, deep, 400, "nested deeper"},
      {"empty body", upsert, "", 400, "empty"},
      {"a list", upsert, "[]", 422, "valid dictionary"},
      {"no type", upsert, R"({"id":"1"})", 422, R"("loc":["body","type"])"},
      {"type of a wrong type", upsert, R"({"type":1,"id":"1"})", 422, R"("loc":["body","type"])"},
      {"101 characters", upsert, R"({"type":")" + long_type + R"(","id":"1"})", 422, "100 char"},
      {"empty id", upsert, R"({"type":"T","id":""})", 422, R"("loc":["body","id"])"},
      {"properties a list", upsert, R"({"type":"T","id":"1","properties":[]})", 422,
       R"("loc":["body","properties"])"},
      {"no objects", event, R"({"event":"E"})", 422, R"("loc":["body","objects"])"},
      {"empty objects", event, R"({"event":"E","objects":[]})", 422, "at least 1 item"},
      {"an object without id", event, R"({"event":"E","objects":[{"type":"T"}]})", 422,
       R"("loc":["body","objects",0,"id"])"},
      {"a bad timestamp", event,
       R"({"event":"E","timestamp":"soon","objects":[{"type":"T","id":"1"}]})", 422,
       R"("loc":["body","timestamp"])"},
      {"a batch without its list", objects, "{}", 422, R"("loc":["body","objects"])"},
      {"an unknown route", "/api/public/v1/objects", "{}", 404, "Not Found"},
  };
}

TEST(BadInput, IsRefusedWithAReasonAndStoresNothing) {
  Rig rig;
  rig.start_agent();
  auto connection = rig.connect();
  for (const BadRequest& bad : bad_requests()) {
    const auto reply = connection->post(bad.path, bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.what << ": " << reply.body << reply.error;
    EXPECT_NE(reply.body.find(bad.says), std::string::npos) << bad.what << ": " << reply.body;
    EXPECT_TRUE(Json::parse(reply.body, nullptr, false).contains("detail")) << reply.body;
  }
  EXPECT_EQ(connection->get("/api/public/v1/event").status, 405);
  EXPECT_EQ(rig.status()["delivery"]["accepted"], 0);
  const auto good = connection->post("/api/public/v1/object/upsert", R"({"type":"T","id":"1"})");
  EXPECT_EQ(good.status, 200) << good.body;
}

TEST(BadInput, ABodyAboveTheLimitIsRefusedAndOthersGoOn) {
  Rig rig;
  rig.start_agent("listen.max_body = \"64KiB\"\n");
  const auto reply = rig.post("/api/public/v1/object/upsert", std::string(70'000, ' '));
  EXPECT_EQ(reply.status, 413) << reply.body;
  EXPECT_EQ(rig.post("/api/public/v1/object/upsert", R"({"type":"T","id":"1"})").status, 200);
}

/// Runs the agent with a configuration that cannot work; gives its one line.
std::string refusal_of(const std::string& directory, const std::string& settings) {
  const std::string file = directory + "/bad.toml";
  std::ofstream(file) << settings;
  const std::string log = directory + "/bad.log";
  std::filesystem::remove(log);
  ChildProcess agent({FLOWMYNA_AGENT, "--config", file}, {}, log);
  EXPECT_EQ(agent.wait(), 2) << settings << agent.log();
  std::string line = agent.log();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  return line;
}

TEST(BadConfiguration, ExitsWithTwoAndOneLineThatSaysWhatToDo) {
  Rig rig;
  const std::string& directory = rig.directory();
  const std::string outbox = "outbox.path = \"" + directory + "/other\"\n";
  const std::string file = directory + "/regular";
  std::ofstream(file) << "precious";
  const struct {
    std::string settings;
    std::string says;
  } cases[] = {
      {"[api]\nmax_inflight = 3\n", "max_in_flight"},
      {"[delivery]\nlinger = \"5 parsecs\"\n", "linger"},
      {"[api]\nkey_file = 7\n", "key_file"},
      {outbox + "listen.socket = \"" + file + "\"\n", file},
      {outbox + "listen.socket = \"" + directory + "/" + std::string(120, 'x') + "\"\n", "107"},
      {"listen.socket = \"" + directory + "/s\"\noutbox.path = \"/proc/nowhere\"\n", "outbox.path"},
      {"[api]\nurl = \"http://example.com/api\"\n", "allow_insecure"},
  };
  for (const auto& bad : cases) {
    EXPECT_NE(refusal_of(directory, bad.settings).find(bad.says), std::string::npos)
        << bad.settings << refusal_of(directory, bad.settings);
  }
  std::string content;
  std::ifstream(file) >> content;
  EXPECT_EQ(content, "precious");
}

TEST(BadConfiguration, ASecondAgentIsToldWhoHasTheOutbox) {
  Rig rig;
  rig.start_agent();
  const std::string line =
      refusal_of(rig.directory(), "outbox.path = \"" + rig.directory() + "/state\"\n" +
                                      "listen.socket = \"" + rig.directory() + "/second.sock\"\n");
  EXPECT_NE(line.find("pid " + std::to_string(rig.agent().pid())), std::string::npos) << line;
}

TEST(BadConfiguration, WhatADeadAgentLeftIsNoObstacleWhoeverHasItsPidNow) {
  Rig rig;
  rig.start_agent();
  rig.kill_agent();
  ASSERT_TRUE(std::filesystem::exists(rig.socket()));
  const std::string lock = rig.outbox_file() + ".lock";
  ASSERT_TRUE(std::filesystem::exists(lock));
  std::ofstream(lock) << getpid() << " is alive, and longer than what will stand here\n";
  rig.start_agent();
  std::ifstream file(lock);
  std::string pid;
  std::getline(file, pid);
  EXPECT_EQ(pid, std::to_string(rig.agent().pid()));
  EXPECT_EQ(rig.post("/api/public/v1/object/upsert", R"({"type":"T","id":"1"})").status, 200);
}

}  // namespace
}  // namespace flowmyna::test
