// kill -9 at any time: what was answered is there, and what was sealed goes out again as it was.
// A longer campaign is the same program: FLOWMYNA_CRASH_ROUNDS=200 crash_test

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "e2e/rig.h"
#include "e2e/workload.h"

namespace flowmyna::test {
namespace {

int rounds_from(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

std::uint64_t seed_of_this_run() {
  const char* text = std::getenv("FLOWMYNA_SEED");
  const std::uint64_t seed =
      text == nullptr ? std::random_device()() : std::strtoull(text, nullptr, 10);
  std::printf("FLOWMYNA_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

/// PRAGMA integrity_check on a copy, so that the check itself recovers nothing.
std::string integrity_of(const std::string& file) {
  const std::string copy = file + ".check";
  for (const std::string suffix : {"", "-wal"}) {
    std::filesystem::remove(copy + suffix);
    if (std::filesystem::exists(file + suffix)) {
      std::filesystem::copy_file(file + suffix, copy + suffix);
    }
  }
  sqlite3* connection = nullptr;
  sqlite3_open(copy.c_str(), &connection);
  std::string result = "no answer";
  sqlite3_exec(
      connection, "PRAGMA integrity_check",
      [](void* out, int, char** values, char**) {
        *static_cast<std::string*>(out) = values[0];
        return 0;
      },
      &result, nullptr);
  sqlite3_close(connection);
  return result;
}

/// Four writers that note every operation that was answered, until the agent is gone.
class Writers {
 public:
  explicit Writers(Rig& rig) : rig_(rig) {}

  /// Runs until about `answers` were given and the agent has been killed.
  void run_round(int round, int answers) {
    std::atomic<int> given = 0;
    std::vector<std::thread> threads;
    for (int w = 0; w < 4; ++w) {
      threads.emplace_back([this, w, round, &given] {
        auto connection = rig_.connect();
        for (int i = 0;; ++i) {
          const std::string id =
              std::to_string(round) + "-" + std::to_string(w) + "-" + std::to_string(i);
          const auto reply = connection->post(
              "/api/public/v1/object/upsert",
              R"({"type":"T","id":")" + id + R"(","properties":{"v":")" + id + R"("}})");
          if (reply.status != 200) return;  // killed
          ++given;
          const std::lock_guard lock(mutex_);
          answered_.insert(id);
        }
      });
    }
    rig_.wait_until("writers were answered", [&] { return given >= answers; });
    rig_.kill_agent();
    for (auto& thread : threads) thread.join();
  }

  const std::set<std::string>& answered() const { return answered_; }

 private:
  Rig& rig_;
  std::mutex mutex_;
  std::set<std::string> answered_;
};

TEST(Crash, NothingThatWasAnsweredIsLostAndSealedRequestsGoOutByteForByte) {
  const int rounds = rounds_from("FLOWMYNA_CRASH_ROUNDS", 20);
  std::mt19937_64 random(seed_of_this_run());
  Rig rig({"--log-bodies", "--log-limit", "1000000"});
  // Some requests are held up, so that kills find sealed ones in flight.
  rig.set_faults(R"([{"fault":"slow","delay_ms":40,"probability":0.5,"seed":1,"apply":"before"}])");
  Writers writers(rig);
  for (int round = 0; round < rounds; ++round) {
    rig.start_agent("delivery.batch_items = 10\n");
    writers.run_round(round, std::uniform_int_distribution(20, 150)(random));
    ASSERT_EQ(integrity_of(rig.outbox_file()), "ok") << "round " << round;
  }
  rig.clear_faults();
  rig.start_agent();
  rig.drain();

  std::set<std::string> arrived;
  const Json state = rig.sim("/sim/state");
  for (const Json& object : state["objects"]) {
    arrived.insert(object["id"].get<std::string>());
    EXPECT_EQ(object["properties"]["v"], object["id"]);
  }
  for (const std::string& id : writers.answered()) EXPECT_TRUE(arrived.contains(id)) << id;

  std::map<std::string, std::string> bodies;
  int resent = 0;
  const Json log = rig.sim("/sim/requests");
  for (const Json& request : log["requests"]) {
    if (!request["key"].is_string()) continue;
    const auto [it, is_new] = bodies.emplace(request["key"], request["body"]);
    if (is_new) continue;
    ++resent;
    EXPECT_EQ(it->second, request["body"].get<std::string>());
  }
  EXPECT_GT(resent, 0) << "no kill met a request in flight: the test proves nothing";
  std::printf("rounds=%d answered=%zu resent=%d\n", rounds, writers.answered().size(), resent);
  const Json delivery = rig.status()["delivery"];
  EXPECT_EQ(delivery["accepted"], delivery["delivered"]);
}

/// One writer, so that the order of acceptance is known to the reader of the test as well; random
/// operations, outages, restarts and kills. The API must end as if it had received them in turn.
TEST(Crash, TheApiEndsAsIfItHadReceivedEverythingInOrder) {
  const int rounds = rounds_from("FLOWMYNA_ORDER_ROUNDS", 12);
  const std::uint64_t seed = seed_of_this_run();
  std::mt19937_64 random(seed);
  Workload workload(seed);
  Rig rig({"--shuffle-seed", std::to_string(seed % 1000)});
  const std::vector<std::string> faults = {
      "[]",
      R"([{"fault":"refused","for_ms":150}])",
      R"([{"fault":"status","status":503,"count":3}])",
      R"([{"fault":"lost_answer","probability":0.3,"seed":5,"count":4}])",
      R"([{"fault":"down","count":3}])",
      R"([{"fault":"slow","delay_ms":30,"count":20}])",
      R"([{"fault":"html_200","count":2}])",
      R"([{"fault":"truncated","processed":true,"count":2}])",
  };
  for (int round = 0; round < rounds; ++round) {
    rig.start_agent("delivery.batch_items = 7\n");
    rig.clear_faults();
    rig.set_faults(
        faults[std::uniform_int_distribution<std::size_t>(0, faults.size() - 1)(random)]);
    auto connection = rig.connect();
    const int operations = std::uniform_int_distribution(20, 120)(random);
    for (int i = 0; i < operations; ++i) {
      const Step step = workload.next();
      const auto reply = connection->post(step.path, step.body);
      ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
      workload.accepted(step);
    }
    // One more is under way when the agent dies: it may be accepted or not.
    const Step last = workload.next();
    std::thread killer([&] { rig.kill_agent(); });
    const auto reply = connection->post(last.path, last.body);
    killer.join();
    rig.start_agent();
    const auto accepted = rig.status()["delivery"]["accepted"].get<std::size_t>();
    if (reply.status == 200) {
      ASSERT_EQ(accepted, workload.count() + 1);
    }
    if (accepted == workload.count() + 1) workload.accepted(last);
    ASSERT_EQ(accepted, workload.count());
    ASSERT_EQ(rig.stop_agent(), 0);
  }
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  const Json delivery = rig.status()["delivery"];
  EXPECT_EQ(delivery["accepted"], delivery["delivered"]);
  workload.compare(rig.sim("/sim/state"), delivery["duplicates_possible"].get<std::size_t>());
}

}  // namespace
}  // namespace flowmyna::test
