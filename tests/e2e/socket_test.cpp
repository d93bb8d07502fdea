// The agent's socket, and what others do to it while the agent runs.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStatus = "/agent/v1/status";

std::size_t lines_with(const std::string& log, const std::string& words) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = log.find(words, at)) != std::string::npos; ++at) ++count;
  return count;
}

/// Another program's socket, which answers.
class Listener {
 public:
  explicit Listener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 8), 0);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  int fd_;
};

class Socket : public testing::Test {
 protected:
  void SetUp() override { rig.start_agent("listen.socket_mode = \"0600\"\n"); }
  void wait_until_it_answers() {
    rig.wait_until("it answers", [&] { return rig.get(kStatus).status == 200; });
  }
  void wait_for_line(const std::string& words) {
    rig.wait_until("the log says: " + words,
                   [&] { return lines_with(rig.agent().log(), words) > 0; });
  }

  Rig rig;
};

TEST_F(Socket, IsMadeAgainWhenItIsTakenAwayAndConnectionsGoOn) {
  const auto open = rig.connect();
  ASSERT_EQ(open->get(kStatus).status, 200);
  for (std::size_t times = 1; times <= 3; ++times) {
    fs::remove(rig.socket());
    wait_until_it_answers();
    EXPECT_EQ(open->get(kStatus).status, 200);
    rig.wait_until("it is in the log", [&] {
      return lines_with(rig.agent().log(), "it has been created again") == times;
    });
  }
  EXPECT_EQ(fs::status(rig.socket()).permissions(), fs::perms(0600));
  EXPECT_EQ(Json::parse(open->get("/agent/v1/status").body)["outbox"]["pending"], 0);
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_FALSE(fs::exists(rig.socket()));
}

TEST_F(Socket, IsMadeAgainWithItsDirectory) {
  const std::string directory = rig.directory() + "/run";
  EXPECT_EQ(rig.stop_agent(), 0);
  rig.set_socket(directory + "/agent.sock");
  rig.start_agent();
  // The agent may be quicker than whoever takes away the directory behind the socket.
  std::error_code error;
  do {
    fs::remove_all(directory, error);
  } while (error);
  wait_until_it_answers();
  fs::rename(directory, directory + ".old");
  wait_until_it_answers();
}

TEST_F(Socket, LeavesAnotherThingInItsPlaceUntilThatIsGone) {
  const std::string other = rig.directory() + "/precious";
  std::ofstream(other) << "precious";
  fs::rename(other, rig.socket());
  wait_for_line("is a regular file and is left alone: remove it or set another listen.socket");
  EXPECT_TRUE(fs::is_regular_file(rig.socket()));
  fs::remove(rig.socket());
  wait_until_it_answers();
  EXPECT_EQ(lines_with(rig.agent().log(), "is left alone"), 1U) << rig.agent().log();
}

TEST_F(Socket, LeavesTheSocketOfAnotherProgramThatAnswers) {
  const std::string other = rig.directory() + "/other.sock";
  const Listener listener(other);
  const auto before = fs::last_write_time(other);
  fs::rename(other, rig.socket());
  wait_for_line("another program listens on " + rig.socket());
  EXPECT_EQ(fs::last_write_time(rig.socket()), before);
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_TRUE(fs::exists(rig.socket())) << "it is the other program's";
}

}  // namespace
}  // namespace flowmyna::test
