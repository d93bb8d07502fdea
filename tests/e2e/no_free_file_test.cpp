// No file is left that the agent could open, while it runs: who comes is told so, and nothing ends.
//
// Not with sanitizers: UBSan's check of virtual calls opens a pipe.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <future>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";

/// As long as it lives the agent can open nothing more.
class NoMoreFiles {
 public:
  explicit NoMoreFiles(pid_t pid) : pid_(pid) {
    prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_);
    const rlimit few{3, before_.rlim_max};
    EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, &few, nullptr), 0);
  }
  ~NoMoreFiles() { prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;

 private:
  pid_t pid_;
  rlimit before_{};
};

TEST(NoFreeFile, AClientIsTakenInOnceThereIsOne) {
  Rig rig;
  rig.start_agent();
  const auto open = rig.connect();
  ASSERT_EQ(open->get("/agent/v1/status").status, 200);
  std::future<HttpReply> waiting;
  {
    const NoMoreFiles none(rig.agent().pid());
    waiting = std::async(std::launch::async, [&] { return rig.get("/agent/v1/status"); });
    rig.wait_until("the log says why", [&] {
      return rig.agent().log().find("cannot accept clients on " + rig.socket() +
                                    ": Too many open files; raise the limit on open files") !=
             std::string::npos;
    });
    EXPECT_EQ(open->get("/agent/v1/status").status, 200);
  }
  EXPECT_EQ(waiting.get().status, 200);
}

TEST(NoFreeFile, DeliveryNamesTheReasonAndGoesOn) {
  Rig rig;
  rig.set_faults(R"([{"fault":"refused"}])");  // so that there is no connection yet
  rig.start_agent();
  const auto open = rig.connect();
  ASSERT_EQ(open->get("/agent/v1/status").status, 200);
  {
    const NoMoreFiles none(rig.agent().pid());
    rig.clear_faults();
    ASSERT_EQ(open->post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
    std::string error;
    rig.wait_until("the status says why", [&] {
      error = Json::parse(open->get("/agent/v1/status").body)["delivery"]["last_error"].dump();
      return error.find("too many open files: raise the limit") != std::string::npos;
    });
    EXPECT_EQ(Json::parse(open->get("/agent/v1/status").body)["outbox"]["pending"], 1) << error;
  }
  rig.drain();
}

}  // namespace
}  // namespace flowmyna::test
