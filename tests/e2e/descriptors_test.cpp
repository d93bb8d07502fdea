// Programs that are started without standard descriptors: their numbers are nobody else's.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUpsert = "/api/public/v1/object/upsert";

/// What a shell is told to close, in each combination that leaves another number free first.
constexpr const char* kClosed[] = {"2>&-", "1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"};

/// `command` without these of them.
std::vector<std::string> without(const char* closed, const std::vector<std::string>& command) {
  std::vector<std::string> whole = {"/bin/sh", "-c", std::string(R"(exec "$0" "$@" )") + closed};
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Where the standard descriptors of `program` lead to, once it has opened a socket; empty before.
std::string standard_descriptors(const ChildProcess& process, const std::string& program) {
  const fs::path place = "/proc/" + std::to_string(process.pid());
  std::error_code error;
  if (fs::read_symlink(place / "exe", error) != program) return "";  // the shell still
  std::map<std::string, std::string> targets;
  for (const auto& fd : fs::directory_iterator(place / "fd", error)) {
    targets[fd.path().filename()] = fs::read_symlink(fd, error);
  }
  const bool has_socket =
      std::ranges::any_of(targets, [](const auto& fd) { return fd.second.starts_with("socket:"); });
  return has_socket ? targets["0"] + ' ' + targets["1"] + ' ' + targets["2"] : "";
}

TEST(StandardDescriptors, TheAgentsFilesGetNoLinesOfTheLog) {
  for (const char* closed : kClosed) {
    Rig rig;
    rig.set_launch(without(closed, {}), {});
    rig.start_agent("log.level = \"trace\"\n");
    ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
    rig.drain();
    EXPECT_EQ(text_of(rig.outbox_file() + ".lock"), std::to_string(rig.agent().pid()) + "\n");
    EXPECT_EQ(rig.stop_agent(), 0);
    rig.set_launch({}, {});
    rig.start_agent();
    EXPECT_EQ(rig.status()["outbox"]["lost"], 0) << closed;
  }
}

TEST(StandardDescriptors, AnExportWithoutThemMovesTheBacklogAndIsWhole) {
  for (const char* closed : kClosed) {
    Rig rig;
    rig.start_agent();
    rig.post("/agent/v1/pause", "");
    for (int i = 0; i < 3; ++i) {
      const std::string item = R"({"type":"T","id":")" + std::to_string(i) + R"("})";
      ASSERT_EQ(rig.post(kUpsert, item).status, 200);
    }
    const std::string file = rig.directory() + "/backlog.ndjson";
    std::vector<std::string> ctl = {FLOWMYNACTL, "--socket", rig.socket(),
                                    "export",    "--move",   file};
    ChildProcess moving(without(closed, ctl), {}, rig.directory() + "/export.log");
    EXPECT_EQ(moving.wait(), 0) << closed << moving.log();
    EXPECT_EQ(rig.status()["outbox"]["pending"], 0) << closed;

    ctl = {FLOWMYNACTL, "--socket", rig.socket(), "import", file};
    ChildProcess importing(ctl, {}, rig.directory() + "/import.log");
    EXPECT_EQ(importing.wait(), 0) << closed << importing.log();
    EXPECT_EQ(rig.status()["outbox"]["pending"], 3) << closed << text_of(file);
  }
}

TEST(StandardDescriptors, NoServerOpensAnythingInTheirPlace) {
  Rig rig;
  std::ofstream(rig.directory() + "/agent.toml")
      << "listen.socket = \"" << rig.socket() << "\"\noutbox.path = \"" << rig.directory()
      << "/state\"\n";
  std::vector<std::vector<std::string>> commands = {
      {FLOWMYNA_SIM, "--key", kKey},
      {FLOWMYNA_BENCH, "ceiling", "--socket", rig.directory() + "/ceiling.sock", "--database",
       rig.directory() + "/ceiling"}};
  // The agent's are shown to nobody but root.
  if (geteuid() == 0) {
    commands.push_back({FLOWMYNA_AGENT, "--config", rig.directory() + "/agent.toml"});
  }
  for (const auto& command : commands) {
    ChildProcess process(without("0<&- 1>&- 2>&-", command), {}, rig.directory() + "/process.log");
    std::string found;
    rig.wait_until("it has opened a socket", [&] {
      found = standard_descriptors(process, command.front());
      return !found.empty();
    });
    EXPECT_EQ(found, "/dev/null /dev/null /dev/null") << command.front();
  }
}

}  // namespace
}  // namespace flowmyna::test
