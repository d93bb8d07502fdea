// The log of a running agent, and who reads it or does not.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";

/// A pipe, full to the brim, that is the next agents' standard error.
class StuckReader {
 public:
  explicit StuckReader(Rig& rig) {
    const std::string name = rig.directory() + "/stderr";
    EXPECT_EQ(mkfifo(name.c_str(), 0600), 0);
    // A description of its own, since the flag is not meant for the agent.
    fd_ = open(name.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    while (write(fd_, "x", 1) == 1) continue;
    rig.set_launch({"/bin/sh", "-c", R"(exec "$@" 2>"$0")", name}, {});
  }
  ~StuckReader() { close(fd_); }
  StuckReader(const StuckReader&) = delete;
  StuckReader& operator=(const StuckReader&) = delete;

  /// What there is to read.
  std::string read_all() const {
    std::string text(1UL << 20U, '\0');
    std::size_t size = 0;
    for (ssize_t some = 0; (some = read(fd_, &text[size], text.size() - size)) > 0;) {
      size += static_cast<std::size_t>(some);
    }
    return text.substr(0, size);
  }

 private:
  int fd_ = -1;
};

TEST(Log, NobodyReadingItStopsNeitherWritersNorDeliveryNorTheEnd) {
  Rig rig;
  const StuckReader reader(rig);
  rig.start_agent("log.level = \"trace\"\n");
  ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
  rig.drain();
  rig.agent().signal(SIGHUP);
  ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"b"})").status, 200);
  rig.drain();
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_EQ(rig.sim("/sim/state")["objects"].size(), 2U);
}

TEST(Log, WhoReadsLateReadsWhatWasKeptTillThen) {
  Rig rig;
  const StuckReader reader(rig);
  rig.start_agent();
  std::string text;
  rig.wait_until("the log is there", [&] {
    text += reader.read_all();
    return text.find("listening on") != std::string::npos;
  });
  EXPECT_LT(text.find("delivers to"), text.find("listening on"));
  EXPECT_EQ(rig.stop_agent(), 0);
  text += reader.read_all();
  EXPECT_NE(text.find(" info: stopped\n"), std::string::npos) << text;
}

TEST(Log, AnErrorAtTheStartComesThoughNobodyReadsTheLog) {
  Rig rig;
  const StuckReader reader(rig);
  std::ofstream(rig.directory() + "/state") << "not a directory";
  rig.spawn_agent();
  EXPECT_EQ(rig.agent().wait(), 2);
}

TEST(Log, IsTheJournalsOnlyWhereTheDescriptorIs) {
  Rig rig;
  rig.set_launch({}, {{"JOURNAL_STREAM", "8:4711"}});
  rig.start_agent();
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_EQ(rig.agent().log().find('<'), std::string::npos) << rig.agent().log();

  rig.set_launch(
      {"/bin/sh", "-c", R"(JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2); export JOURNAL_STREAM
                           exec "$0" "$@")"},
      {});
  std::ofstream(rig.directory() + "/agent.log", std::ios::trunc);
  rig.start_agent();
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_TRUE(rig.agent().log().starts_with("<6>flowmyna-agent ")) << rig.agent().log();
}

TEST(Log, AReloadChangesFormatAndLevel) {
  Rig rig;
  rig.start_agent("log.level = \"error\"\n");
  EXPECT_EQ(rig.agent().log(), "");
  const std::string file = rig.directory() + "/agent.toml";
  std::ostringstream settings;
  settings << std::ifstream(file).rdbuf();
  std::ofstream(file) << std::regex_replace(settings.str(), std::regex("log.level = .*"),
                                            "log.format = \"json\"");
  rig.agent().signal(SIGHUP);
  std::string log;
  rig.wait_until("the log is JSON", [&] {
    log = rig.agent().log();
    return log.find("reloaded") != std::string::npos && log.ends_with('\n');
  });
  EXPECT_EQ(Json::parse(log.substr(0, log.find('\n')))["level"], "info") << log;
}

}  // namespace
}  // namespace flowmyna::test
