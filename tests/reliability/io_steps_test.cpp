// Every system call with which the outbox writes fails once, or is the last thing that the agent
// does: nothing that was answered is lost, nothing goes back, and the agent lives unless it was
// killed.
//
// The suite takes a sample. FLOWMYNA_IO_STEPS=all goes through every step of every call.

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";
constexpr const char* kRejectsOne = R"([{"fault":"reject_items","match":{"id":"poison"}}])";
// A log of 63 pages, which the script fills more than once.
constexpr const char* kSettings = "outbox.max_size = \"1MiB\"\ndelivery.batch_items = 10\n";
constexpr int kBadStart = 2;  // the agent's exit code
constexpr int kKilled = 128 + SIGKILL;

struct Injection {
  std::string call;
  std::string what;  ///< in strace's words
  int step = 0;      ///< counted in each thread: opening is one thread's, all the rest another's
  bool kills() const { return what.starts_with("signal"); }
  std::string text() const { return call + ":" + what + ":when=" + std::to_string(step); }
};

/// What one script came to.
struct Outcome {
  bool was_injected = false;
  Comparison found;
};

/// The outbox's whole life, with one injection in each of two runs of the agent.
class Script {
 public:
  explicit Script(Injection injection) : injection_(std::move(injection)) {}

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
    rig_.spawn_agent(kSettings);
    rig_.wait_until("the agent answers or ends", [&] {
      return !rig_.agent().is_running() || rig_.get("/agent/v1/status").status == 200;
    });
    return rig_.agent().is_running();
  }

  void write_and_deliver() {
    for (int i = 0; i < 12; ++i) traffic_.step();
    rig_.replace_faults(kRejectsOne);
    if (rig_.post(kUpsert, R"({"type":"T","id":"poison"})").status == 200) ++poison_answered_;
    for (int i = 0; i < 4; ++i) traffic_.step();
    rig_.post("/agent/v1/flush", "");
    rig_.wait_until("everything is settled, or the agent killed", [&] {
      const HttpReply reply = rig_.get("/agent/v1/status");
      if (reply.status != 200) return !rig_.agent().is_running();
      return Json::parse(reply.body)["outbox"]["pending"] == 0;
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
    std::ostringstream trace;
    trace << std::ifstream(trace_file(run)).rdbuf();
    was_injected_ = was_injected_ || trace.str().find("(INJECTED)") != std::string::npos ||
                    (injection_.kills() && code == kKilled && (!was_running || signal != SIGKILL));
  }

  Outcome verify() {
    EXPECT_EQ(integrity_of(rig_.outbox_file()), "ok");
    rig_.set_launch({}, {});
    rig_.replace_faults(kRejectsOne);
    rig_.start_agent(kSettings);
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
    Outcome outcome{was_injected_, traffic_.compare()};
    EXPECT_TRUE(outcome.found.keeps_the_promises()) << outcome.found.example;
    EXPECT_EQ(rig_.stop_agent(), 0);
    return outcome;
  }

  const Injection injection_;
  Rig rig_;
  Traffic traffic_{rig_};
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
  bool run(const Injection& injection) {
    SCOPED_TRACE(injection.text());
    const Outcome outcome = Script(injection).run();
    answered += outcome.found.answered;
    last_step = injection.step;
    if (outcome.was_injected) ++injected;
    return outcome.was_injected && !testing::Test::HasFailure();
  }
};

void print(const std::string& call, const std::string& what, const Tally& tally) {
  EXPECT_GT(tally.injected, 0) << call << " was never reached: the test proves nothing";
  std::printf("I/O steps: %s %s: scripts=%d answered=%zu missing=0, last step %d\n", call.c_str(),
              what.c_str(), tally.injected, tally.answered, tally.last_step);
}

/// Every step, until a script met no injection any more.
Tally go_through(const std::string& call, const std::string& what) {
  Tally tally;
  for (int step = 1; tally.run({call, what, step}); ++step) {
  }
  return tally;
}

/// One step, about the `step`th: how many there are depends on how writers and delivery meet.
Tally sample(const std::string& call, const std::string& what, int step) {
  Tally tally;
  while (!tally.run({call, what, step}) && step > 1 && !testing::Test::HasFailure()) step /= 2;
  return tally;
}

struct Steps {
  const char* call;
  std::vector<const char*> effects;
  int likely;  ///< about how many of them a script makes
  friend void PrintTo(const Steps& steps, std::ostream* out) { *out << steps.call; }
};

class IoSteps : public testing::TestWithParam<Steps> {};

TEST_P(IoSteps, NoneLosesWhatWasAnswered) {
  if (const std::string why = why_no_tracer(); !why.empty()) {
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip: " << why;
    GTEST_SKIP() << "SKIPPED: " << why;
  }
  std::mt19937_64 random(seed_of_this_run());
  const Steps& steps = GetParam();
  for (const char* effect : steps.effects) {
    const bool wants_all = std::getenv("FLOWMYNA_IO_STEPS") != nullptr;
    const int step = std::uniform_int_distribution(1, steps.likely)(random);
    print(steps.call, effect,
          wants_all ? go_through(steps.call, effect) : sample(steps.call, effect, step));
  }
}

constexpr const char* kFull = "error=ENOSPC";
constexpr const char* kFails = "error=EIO";
constexpr const char* kDies = "signal=KILL";

INSTANTIATE_TEST_SUITE_P(Outbox, IoSteps,
                         testing::Values(Steps{"pwrite64", {kFull, kFails, kDies}, 150},
                                         Steps{"fdatasync", {kFails, kDies}, 40},
                                         Steps{"ftruncate", {kFails, kDies}, 4},
                                         Steps{"unlink", {kFails, kDies}, 2}),
                         [](const auto& run) { return std::string(run.param.call); });

}  // namespace
}  // namespace flowmyna::test
