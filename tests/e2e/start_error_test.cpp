// What keeps the agent from starting is said in one line, in the words of whoever has to mend it.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSql[] = {"PRAGMA", "SELECT", "CREATE", "INSERT", "BEGIN", "FROM"};

/// Beside an agent that has run and left its outbox: others are started with what they find.
class StartError : public testing::Test {
 protected:
  void SetUp() override {
    rig.start_agent();
    ASSERT_EQ(rig.stop_agent(), 0);
    fs::permissions(rig.directory(), fs::perms(0755));
    own_agent = rig.directory() + "/flowmyna-agent";  // where whoever it is may run it
    fs::copy_file(FLOWMYNA_AGENT, own_agent);
  }

  /// Its one line.
  std::string refusal(std::vector<std::string> prefix = {},
                      const std::map<std::string, std::string>& environment = {}) {
    prefix.insert(prefix.end(), {own_agent, "--config", rig.directory() + "/agent.toml"});
    const std::string log = rig.directory() + "/refusal.log";
    fs::remove(log);
    ChildProcess agent(prefix, environment, log);
    EXPECT_EQ(agent.wait(), 2) << agent.log();
    std::string line = agent.log();
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_TRUE(line.starts_with("flowmyna-agent: ")) << line;
    for (const char* sql : kSql) {
      EXPECT_EQ(line.find(sql), std::string::npos) << line;
    }
    return line;
  }

  /// Starts what follows as a user who may only do what permissions say.
  std::vector<std::string> as_nobody() {
    if (geteuid() != 0) return {};
    constexpr uid_t kNobody = 65534;
    for (const auto& entry : fs::recursive_directory_iterator(rig.directory())) {
      EXPECT_EQ(lchown(entry.path().c_str(), kNobody, kNobody), 0);
    }
    EXPECT_EQ(chown(rig.directory().c_str(), kNobody, kNobody), 0);
    return {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  }

  std::string outbox() const { return rig.outbox_file(); }

  Rig rig;
  std::string own_agent;
};

TEST_F(StartError, ADirectoryOrAPipeInPlaceOfTheOutbox) {
  const std::string tail = ": move it away, or set outbox.path to another directory\n";
  fs::remove(outbox());
  fs::create_directory(outbox());
  EXPECT_EQ(refusal(), "flowmyna-agent: the outbox " + outbox() + " is a directory" + tail);
  fs::remove(outbox());
  ASSERT_EQ(mkfifo(outbox().c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "flowmyna-agent: the outbox " + outbox() + " is not a regular file" + tail);
}

TEST_F(StartError, AnOutboxThatMayNotBeReadOrNotBeWritten) {
  const auto nobody = as_nobody();
  for (const fs::perms permissions : {fs::perms(0000), fs::perms(0400)}) {
    fs::permissions(outbox(), permissions);
    const std::string line = refusal(nobody);
    EXPECT_NE(line.find(outbox()), std::string::npos) << line;
    EXPECT_NE(line.find("; this user must be allowed to read and write the file and its directory"),
              std::string::npos)
        << line;
  }
}

TEST_F(StartError, ADirectoryThatMayNotBeWritten) {
  const auto nobody = as_nobody();
  const fs::path state = rig.directory() + "/state";
  for (const fs::perms permissions : {fs::perms(0500), fs::perms(0000)}) {
    fs::permissions(state, permissions);
    const std::string line = refusal(nobody);
    EXPECT_NE(line.find(state.string()), std::string::npos) << line;
    EXPECT_NE(line.find("; "), std::string::npos) << line;
  }
  fs::permissions(state, fs::perms(0700));
}

TEST_F(StartError, AReadOnlyFileSystem) {
  if (geteuid() != 0) {
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip";
    GTEST_SKIP() << "mounting takes root";
  }
  const std::string state = rig.directory() + "/state";
  const std::string line =
      refusal({"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
               "mount --bind " + state + " " + state + " && mount -o remount,ro,bind " + state +
                   R"( && exec "$0" "$@")"});
  EXPECT_NE(line.find("Read-only file system"), std::string::npos) << line;
}

TEST_F(StartError, AnOutboxThatIsDamagedStartsAndTheLogHasNoSql) {
  std::ofstream(outbox(), std::ios::trunc) << std::string(40'000, 'x');
  rig.start_agent();
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_NE(rig.agent().log().find("is not a database"), std::string::npos) << rig.agent().log();
  for (const char* sql : kSql) {
    EXPECT_EQ(rig.agent().log().find(sql), std::string::npos) << rig.agent().log();
  }
}

TEST_F(StartError, NoThreadToBeHad) {
  auto prefix = as_nobody();
  if (prefix.empty()) {
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip";
    GTEST_SKIP() << "a user of its own takes root";
  }
  prefix.insert(prefix.end(), {"/usr/bin/prlimit", "--nproc=1"});
  // LeakSanitizer would start one at the end.
  const std::string line = refusal(prefix, {{"ASAN_OPTIONS", "detect_leaks=0"}});
  EXPECT_NE(line.find("raise the limits on threads"), std::string::npos) << line;
}

}  // namespace
}  // namespace flowmyna::test
