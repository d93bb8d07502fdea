// What the kernel lets the agent have (getrlimit(2)), at its start and while it runs.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kObjects = "/api/public/v1/object/batch";

/// Starts the next agents with this limit, as in "-n 100" (hard and soft) or "-Sn 100".
void set_limit(Rig& rig, const std::string& limit) {
  rig.set_launch({"/bin/sh", "-c", "ulimit " + limit + R"( && exec "$0" "$@")"}, {});
}

std::string open_files_line(const Rig& rig, pid_t pid) {
  std::ifstream limits("/proc/" + std::to_string(pid) + "/limits");
  for (std::string line; std::getline(limits, line);) {
    if (line.starts_with("Max open files")) return line;
  }
  return "no limits in " + rig.directory();
}

TEST(Limits, ASoftLimitOnFilesThatIsTooLowIsRaised) {
  Rig rig;
  set_limit(rig, "-Sn 100");
  rig.start_agent();
  std::istringstream line(open_files_line(rig, rig.agent().pid()).substr(14));
  std::size_t soft = 0;
  line >> soft;
  EXPECT_GT(soft, 512U);
  EXPECT_EQ(rig.agent().log().find("RLIMIT_NOFILE"), std::string::npos) << rig.agent().log();
}

TEST(Limits, AHardLimitOnFilesThatIsTooLowLeavesFewerConnections) {
  Rig rig;
  set_limit(rig, "-n 120");
  rig.start_agent();
  rig.wait_until("it says so", [&] {
    return rig.agent().log().find("listen.max_connections is 24 instead of 512") !=
           std::string::npos;
  });
  ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
  rig.drain();
}

TEST(Limits, AHardLimitOnFilesThatLeavesNothingIsRefusedInOneLine) {
  Rig rig;
  set_limit(rig, "-n 40");
  rig.spawn_agent();
  EXPECT_EQ(rig.agent().wait(), 2);
  const std::string log = rig.agent().log();
  EXPECT_NE(log.find("RLIMIT_NOFILE"), std::string::npos) << log;
  EXPECT_EQ(log.find('\n'), log.size() - 1) << log;
}

TEST(Limits, AFileThatMayNotGrowKillsNobody) {
  Rig rig;
  set_limit(rig, "-f 4096");  // in units of 512 or 1024 bytes, as the shell has it
  rig.start_agent("outbox.max_size = \"64MiB\"\napi.connect_timeout = \"1s\"\n");
  rig.wait_until("it is warned of",
                 [&] { return rig.agent().log().find("RLIMIT_FSIZE") != std::string::npos; });
  rig.post("/agent/v1/pause", "");
  const std::string padding(900'000, 'x');
  int status = 200;
  for (int i = 0; i < 40 && status == 200; ++i) {
    const std::string id = std::to_string(i);
    status = rig.post(kObjects, R"({"objects":[{"type":"T","id":")" + id +
                                    R"(","properties":{"p":")" + padding + R"("}}]})")
                 .status;
  }
  EXPECT_NE(status, 200);
  EXPECT_TRUE(rig.agent().is_running()) << rig.agent().log();
  EXPECT_EQ(rig.get("/agent/v1/status").status, 200);
  EXPECT_EQ(rig.stop_agent(), 0);
}

}  // namespace
}  // namespace flowmyna::test
