// Who is told nothing about the socket's place looks where the agent is that was told nothing.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

TEST(SocketPlace, IsOneForTheAgentAndForFlowmynactl) {
  Rig rig;
  const std::string home = rig.directory() + "/home";
  fs::create_directories(home);
  std::vector<std::string> prefix = {"/usr/bin/env",
                                     "-u",
                                     "XDG_RUNTIME_DIR",
                                     "-u",
                                     "XDG_STATE_HOME",
                                     "-u",
                                     "FLOWMYNA_SOCKET",
                                     "HOME=" + home,
                                     std::string("FLOWMYNA_API_KEY=") + kKey,
                                     "FLOWMYNA_API_URL=" + rig.api_url()};
  if (geteuid() == 0) {  // root's is the system's
    constexpr uid_t kNobody = 65534;
    const std::string id = std::to_string(kNobody);
    for (const std::string& path : {rig.directory(), home}) {
      ASSERT_EQ(chown(path.c_str(), kNobody, kNobody), 0);
    }
    prefix.insert(prefix.end(),
                  {"/usr/bin/setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"});
  }
  // Where whoever it is may run them.
  const std::string own_agent = rig.directory() + "/flowmyna-agent";
  const std::string own_ctl = rig.directory() + "/flowmynactl";
  fs::copy_file(FLOWMYNA_AGENT, own_agent);
  fs::copy_file(FLOWMYNACTL, own_ctl);
  const auto command = [&](std::vector<std::string> rest) {
    rest.insert(rest.begin(), prefix.begin(), prefix.end());
    return rest;
  };
  fs::create_directories(home + "/.local/state");
  fs::permissions(home + "/.local", fs::perms(0777));
  fs::permissions(home + "/.local/state", fs::perms(0777));
  ChildProcess agent(command({own_agent}), {}, rig.directory() + "/own.log");
  rig.wait_until("it listens", [&] {
    return !agent.is_running() || agent.log().find("listening on") != std::string::npos;
  });
  ChildProcess ctl(command({own_ctl, "status"}), {}, rig.directory() + "/ctl.log");
  EXPECT_EQ(ctl.wait(), 0) << ctl.log() << agent.log();
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait(), 0);
}

}  // namespace
}  // namespace flowmyna::test
