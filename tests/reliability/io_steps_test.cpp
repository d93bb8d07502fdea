// Every system call with which the outbox writes fails once, or is the last thing that the agent
// does: nothing that was answered is lost, nothing goes back, every counter is what the stand-in
// has counted, and the agent lives unless it was killed.
//
// The suite takes a sample, on the file system of temporary files. FLOWMYNA_IO_STEPS=all goes
// through every step of every call; of the long life, through every 31st. FLOWMYNA_FILE_SYSTEM=xfs
// puts the outbox on one of that type.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "e2e/wire_log.h"
#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";
constexpr const char* kRejectsOne = R"([{"fault":"reject_items","match":{"id":"poison"}}])";
// A log of 63 pages, or of 380, which the script fills more than once.
constexpr const char* kSettings = "outbox.max_size = \"1MiB\"\ndelivery.batch_items = 10\n";
constexpr const char* kLongSettings = "outbox.max_size = \"6MiB\"\ndelivery.batch_items = 10\n";
constexpr int kLongStride = 31;
constexpr std::uintmax_t kSmallFileBytes = 400 << 10;  // of the database, drained and vacuumed
constexpr int kBadStart = 2;                           // the agent's exit code
constexpr int kKilled = 128 + SIGKILL;

struct Injection {
  std::string call;
  std::string what;  ///< in strace's words
  int step = 0;      ///< counted in each thread: opening is one thread's, all the rest another's
  bool kills() const { return what.starts_with("signal"); }
  std::string text() const { return call + ":" + what + ":when=" + std::to_string(step); }
};

enum class Life {
  kShort,  ///< writes, deliveries, checkpoints
  kLong,   ///< a backlog besides that is folded on disk, and whose space is given back
};

/// A backlog about a few objects, long enough to be folded.
class HotObjects {
 public:
  static constexpr std::size_t kObjects = 10;

  void write(Rig& rig) {
    const std::string note(600, 'x');
    for (std::size_t request = 0; request < kRequests; ++request) {
      std::string body;
      for (std::size_t i = 0; i < kItems; ++i) {
        body += R"({"type":"Hot","id":"hot-)" + std::to_string(next_ % kObjects) +
                R"(","properties":{"n":)" + std::to_string(next_) + R"(,"note":")" + note +
                "\"}}\n";
        ++next_;
      }
      rig.wait_until("a batch is taken, or the agent killed", [&] {
        const int status =
            rig.post("/api/public/v1/object/batch", body, {"Content-Type: application/x-ndjson"})
                .status;
        if (status == 200) answered_ = next_;
        return status == 200 || !rig.agent().is_running();
      });
    }
  }
  /// Whether some are folded. Up to 2,047 may be left as they are: no step of folding is worth it.
  static bool are_folded(Rig& rig) {
    const HttpReply reply = rig.get("/agent/v1/pending?type=Hot&id=hot-0&limit=1000");
    return reply.status == 200 &&
           Json::parse(reply.body).at("pending").size() < kRequests * kItems / kObjects;
  }
  /// As the API has them: each as new as what was answered.
  void expect_kept(const Rig& rig) const {
    const auto values = values_at(rig);
    for (std::size_t i = answered_ - std::min(answered_, kObjects); i < answered_; ++i) {
      const std::string id = "hot-" + std::to_string(i % kObjects);
      EXPECT_TRUE(values.contains(id) && values.at(id) >= i) << id << " lacks " << i;
    }
  }

 private:
  static constexpr std::size_t kRequests = 5;
  static constexpr std::size_t kItems = 500;

  std::size_t next_ = 0;
  std::size_t answered_ = 0;  // the newest answered number is one less
};

/// What the stand-in has counted by itself.
struct Seen {
  std::uint64_t requests = 0;      ///< with operations
  std::uint64_t applied = 0;       ///< items that it took, each as often as it did
  std::uint64_t events_again = 0;  ///< events that are recorded a second time, or a third

  static Seen at(const Rig& rig) {
    Seen seen;
    const WireLog wire = WireLog::read(rig);
    for (const WireEntry& entry : wire.entries()) {
      if (!entry.path.ends_with("/batch") || entry.status == 0) continue;
      ++seen.requests;
      seen.applied += entry.applied;
    }
    std::set<std::string> names;
    const Json state = rig.sim("/sim/state");
    for (const Json& event : state["events"]) {
      if (!names.insert(event["event"]).second) ++seen.events_again;
    }
    return seen;
  }
};

/// What one script came to.
struct Outcome {
  bool was_injected = false;
  Comparison found;
};

/// The outbox's whole life, with one injection in each of two runs of the agent.
class Script {
 public:
  Script(Life life, Injection injection) : life_(life), injection_(std::move(injection)) {
    const std::string type = file_system_of_this_run("");
    if (!type.empty())
      disk_.emplace(rig_.directory() + "/image", rig_.directory() + "/state", type);
  }

  Outcome run() {
    // Creation, acceptance, checkpoints, seals, settlements, a dead letter, and an end by kill -9.
    rig_.replace_faults(kRefused);
    if (start(1)) write_and_deliver();
    end(1, SIGKILL);
    // A start with a log that holds something, more of the same, and an orderly end.
    rig_.replace_faults(kRefused);
    if (start(2)) write_and_deliver();
    end(2, SIGTERM);
    return verify();
  }

 private:
  std::string trace_file(int run) const {
    return rig_.directory() + "/strace-" + std::to_string(run);
  }

  /// False when the injection kept it from starting.
  bool start(int run) {
    run_ = run;
    std::vector<std::string> tracer = {"/usr/bin/strace",
                                       "-D",
                                       "-f",
                                       "-qq",
                                       "-o",
                                       trace_file(run),
                                       "-e",
                                       "trace=" + injection_.call,
                                       "-e",
                                       "inject=" + injection_.text()};
    // The quick way of tracing delivers no signals.
    if (!injection_.kills()) tracer.emplace_back("--seccomp-bpf");
    rig_.set_launch(tracer, {});
    rig_.spawn_agent(settings());
    rig_.wait_until("the agent answers or ends", [&] {
      return !rig_.agent().is_running() || rig_.get("/agent/v1/status").status == 200;
    });
    return rig_.agent().is_running();
  }

  const char* settings() const { return life_ == Life::kLong ? kLongSettings : kSettings; }
  bool is_dead() { return !rig_.agent().is_running(); }

  void write_and_deliver() {
    if (life_ == Life::kLong) {
      hot_.write(rig_);
      rig_.wait_until("the backlog is folded, or the agent killed",
                      [&] { return HotObjects::are_folded(rig_) || is_dead(); });
    }
    for (int i = 0; i < 12; ++i) traffic_.step();
    rig_.replace_faults(kRejectsOne);
    ++poison_written_;
    if (rig_.post(kUpsert, R"({"type":"T","id":"poison"})").status == 200) ++poison_answered_;
    for (int i = 0; i < 4; ++i) traffic_.step();
    rig_.post("/agent/v1/flush", "");
    rig_.wait_until("everything is settled, or the agent killed", [&] {
      const HttpReply reply = rig_.get("/agent/v1/status");
      if (reply.status != 200) return is_dead();
      return Json::parse(reply.body)["outbox"]["pending"] == 0;
    });
    // Whoever asks the agent keeps it from being idle. After a failure it waits for the next
    // idleness.
    if (life_ != Life::kLong) return;
    rig_.wait_until("space is given back, or something failed", [&] {
      return is_dead() || was_injected(run_) ||
             std::filesystem::file_size(rig_.outbox_file()) < kSmallFileBytes;
    });
  }

  /// Ends the agent if it still runs, and sees whether it ended before only as it may.
  void end(int run, int signal) {
    const bool was_running = rig_.agent().is_running();
    rig_.agent().signal(signal);
    const int code = rig_.agent().wait();
    if (!was_running) {
      EXPECT_EQ(code, injection_.kills() ? kKilled : kBadStart) << rig_.agent().log();
    } else if (signal == SIGTERM) {
      EXPECT_TRUE(code == 0 || (injection_.kills() && code == kKilled)) << code;
    }
    was_injected_ = was_injected_ || was_injected(run) ||
                    (injection_.kills() && code == kKilled && (!was_running || signal != SIGKILL));
  }

  bool was_injected(int run) const {
    std::ostringstream trace;
    trace << std::ifstream(trace_file(run)).rdbuf();
    return trace.str().find("(INJECTED)") != std::string::npos;
  }

  Outcome verify() {
    EXPECT_EQ(integrity_of(rig_.outbox_file()), "ok");
    rig_.set_launch({}, {});
    rig_.replace_faults(kRejectsOne);
    rig_.start_agent(settings());
    traffic_.step();
    rig_.drain();
    for (const auto& [status, count] : traffic_.refusals()) {
      EXPECT_TRUE(status == 503 || status == 507 || (status == 0 && injection_.kills()))
          << count << " times " << status;
    }
    const Json status = rig_.status();
    const auto dead = status["outbox"]["dead_letters"].get<int>();
    EXPECT_GE(dead, poison_answered_);
    EXPECT_EQ(status["delivery"]["accepted"], status["delivery"]["delivered"].get<int>() + dead);
    EXPECT_EQ(status["outbox"]["state"], "ok") << status;
    expect_counters(status);
    Outcome outcome{was_injected_, traffic_.compare()};
    EXPECT_TRUE(outcome.found.keeps_the_promises()) << outcome.found.example;
    hot_.expect_kept(rig_);
    EXPECT_EQ(rig_.stop_agent(), 0);
    return outcome;
  }

  /// Every counter, against what the stand-in has seen. Of an agent that was killed nobody has
  /// counted what was under way then, and it came again.
  void expect_counters(const Json& status) {
    const Seen seen = Seen::at(rig_);
    const Json& delivery = status["delivery"];
    const auto dead = status["outbox"]["dead_letters"].get<std::uint64_t>();
    const auto delivered = delivery["delivered"].get<std::uint64_t>();
    const auto coalesced = delivery["coalesced"].get<std::uint64_t>();
    const auto requests = delivery["requests"].get<std::uint64_t>();
    const auto duplicates = delivery["duplicates_possible"].get<std::uint64_t>();
    EXPECT_GE(delivery["accepted"].get<std::uint64_t>(), traffic_.answered());
    EXPECT_LE(dead, static_cast<std::uint64_t>(poison_written_));
    EXPECT_EQ(delivery["dropped"], 0);
    EXPECT_EQ(status["outbox"]["lost"], 0);
    if (injection_.kills()) {
      EXPECT_LE(requests, seen.requests);
      EXPECT_LE(delivered, seen.applied + coalesced);
      EXPECT_GE(duplicates, seen.events_again);
    } else {
      EXPECT_EQ(requests, seen.requests);
      EXPECT_EQ(delivered, seen.applied + coalesced);
      EXPECT_EQ(duplicates, seen.events_again);
    }
  }

  const Life life_;
  const Injection injection_;
  Rig rig_;
  std::optional<LoopDisk> disk_;
  HotObjects hot_;
  Traffic traffic_{rig_};
  int run_ = 0;
  int poison_written_ = 0;
  int poison_answered_ = 0;
  bool was_injected_ = false;
};

std::string why_no_tracer() {
  if (failure_of({"strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e",
                  "trace=unlink", "-e", "inject=unlink:error=EIO:when=1", "true"})
          .empty()) {
    return "";
  }
  return "strace cannot trace here";
}

/// What the scripts of one call and effect came to, together.
struct Tally {
  int injected = 0;
  std::size_t answered = 0;
  int last_step = 0;

  /// Whether the script met its injection.
  bool run(Life life, const Injection& injection) {
    SCOPED_TRACE(injection.text());
    const Outcome outcome = Script(life, injection).run();
    answered += outcome.found.answered;
    last_step = injection.step;
    if (outcome.was_injected) ++injected;
    return outcome.was_injected && !testing::Test::HasFailure();
  }
};

void print(Life life, const std::string& call, const std::string& what, const Tally& tally) {
  EXPECT_GT(tally.injected, 0) << call << " was never reached: the test proves nothing";
  std::printf("I/O steps of a %s life: %s %s: scripts=%d answered=%zu missing=0, last step %d\n",
              life == Life::kLong ? "long" : "short", call.c_str(), what.c_str(), tally.injected,
              tally.answered, tally.last_step);
}

/// Every step, until a script met no injection any more.
Tally go_through(Life life, const std::string& call, const std::string& what) {
  Tally tally;
  const int stride = life == Life::kLong ? kLongStride : 1;
  for (int step = 1; tally.run(life, {call, what, step}); step += stride) {
  }
  return tally;
}

/// One step, about the `step`th: how many there are depends on how writers and delivery meet.
Tally sample(Life life, const std::string& call, const std::string& what, int step) {
  Tally tally;
  while (!tally.run(life, {call, what, step}) && step > 1 && !testing::Test::HasFailure()) {
    step /= 2;
  }
  return tally;
}

struct Steps {
  const char* call;
  std::vector<const char*> effects;
  int likely;  ///< about how many of them a script makes
  Life life = Life::kShort;
  friend void PrintTo(const Steps& steps, std::ostream* out) {
    *out << steps.call << (steps.life == Life::kLong ? "_long" : "");
  }
};

class IoSteps : public testing::TestWithParam<Steps> {};

TEST_P(IoSteps, NoneLosesWhatWasAnswered) {
  if (const std::string why = why_no_tracer(); !why.empty()) {
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip: " << why;
    GTEST_SKIP() << "SKIPPED: " << why;
  }
  std::mt19937_64 random(seed_of_this_run());
  const Steps& steps = GetParam();
  const bool wants_all = std::getenv("FLOWMYNA_IO_STEPS") != nullptr;
  std::vector<const char*> effects = steps.effects;
  if (!wants_all && steps.life == Life::kLong) effects = {effects[random() % effects.size()]};
  for (const char* effect : effects) {
    const int step = std::uniform_int_distribution(1, steps.likely)(random);
    print(steps.life, steps.call, effect,
          wants_all ? go_through(steps.life, steps.call, effect)
                    : sample(steps.life, steps.call, effect, step));
  }
}

constexpr const char* kFull = "error=ENOSPC";
constexpr const char* kOverQuota = "error=EDQUOT";
constexpr const char* kFails = "error=EIO";
constexpr const char* kDies = "signal=KILL";

INSTANTIATE_TEST_SUITE_P(
    Outbox, IoSteps,
    testing::Values(Steps{"pwrite64", {kFull, kOverQuota, kFails, kDies}, 150},
                    Steps{"fdatasync", {kFails, kDies}, 40}, Steps{"ftruncate", {kFails, kDies}, 4},
                    Steps{"unlink", {kFails, kDies}, 2},
                    Steps{"pwrite64", {kFull, kFails, kDies}, 1500, Life::kLong},
                    Steps{"fdatasync", {kFails, kDies}, 60, Life::kLong},
                    Steps{"ftruncate", {kFails, kDies}, 5, Life::kLong}),
    testing::PrintToStringParamName());

}  // namespace
}  // namespace flowmyna::test
