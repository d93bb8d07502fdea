#pragma once

#include <gtest/gtest.h>
#include <httplib.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "stand_in/simulator.h"

namespace flowmyna::stand_in {

/// A stand-in in this process, and a client that speaks to it over a real socket.
class SimTest : public testing::Test {
 protected:
  using Json = nlohmann::json;

  /// A client that hangs longer than this is taken for hanging for good.
  static constexpr int kHangTimeoutUs = 300'000;

  void SetUp() override { start({}); }

  void start(SimulatorOptions options) {
    client_.reset();
    sim_.reset();
    auto started = Simulator::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    sim_ = std::move(*started);
    client_ = std::make_unique<httplib::Client>("127.0.0.1", sim_->port());
    client_->set_keep_alive(true);
    client_->set_tcp_nodelay(true);
    client_->set_default_headers({{"Authorization", "Bearer " + std::string(kDemoKey)}});
  }

  httplib::Result post(const std::string& endpoint, const std::string& body,
                       const httplib::Headers& headers = {}) {
    return client_->Post(std::string(kApiPath) + endpoint, headers, body, "application/json");
  }

  httplib::Result get(const std::string& path) { return client_->Get(path); }

  /// The answer's body as JSON; fails the test when there is none.
  static Json json_of(const httplib::Result& result) {
    if (!result) {
      ADD_FAILURE() << "no answer: " << httplib::to_string(result.error());
      return nullptr;
    }
    return Json::parse(result->body, nullptr, false);
  }

  static int status_of(const httplib::Result& result) { return result ? result->status : 0; }

  /// The first problem of a 422 answer, as "loc type", for reading in one line.
  std::string problem(const std::string& endpoint, const std::string& body) {
    const auto result = post(endpoint, body);
    if (status_of(result) != 422) return "status " + std::to_string(status_of(result));
    const Json first = json_of(result)["detail"][0];
    return first["loc"].dump() + " " + first["type"].get<std::string>();
  }

  void faults(const std::string& rules) {
    const auto added = sim_->add_faults(rules);
    ASSERT_TRUE(added) << added.error().message;
  }

  void dialect(const std::string& document) {
    const auto set = sim_->set_dialect(document);
    ASSERT_TRUE(set) << set.error().message;
  }

  /// The properties of one object, as the state dump writes them.
  std::string properties(const std::string& type, const std::string& id) {
    const std::string dump = sim_->state(type, id);
    const std::string opening = "\"properties\":";
    const std::size_t from = dump.find(opening);
    const std::size_t to = dump.find("}],\"events\":");
    if (from == std::string::npos || to == std::string::npos) return "no such object";
    return dump.substr(from + opening.size(), to - from - opening.size());
  }

  Json events() { return Json::parse(sim_->state())["events"]; }
  Json log() { return Json::parse(sim_->requests())["requests"]; }
  Json counts() { return Json::parse(sim_->counts()); }

  std::unique_ptr<Simulator> sim_;
  std::unique_ptr<httplib::Client> client_;
};

inline const std::string kOneUpsert = R"({"type":"Order","id":"O-1","properties":{"n":1}})";
inline const std::string kTwoUpserts =
    R"({"objects":[{"type":"Order","id":"O-1"},{"type":"Order","id":"O-2"}]})";
inline const std::string kTwoEvents =
    R"({"events":[{"event":"Packed","objects":[{"type":"Order","id":"O-1"}]},)"
    R"({"event":"Shipped","objects":[{"type":"Order","id":"O-2"}]}]})";

}  // namespace flowmyna::stand_in
