#include "agent/http/listen.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "raw_client.h"

namespace flowmyna::test {
namespace {

class ListenTest : public testing::Test {
 protected:
  std::string error_of(const std::filesystem::path& path, const std::string& group = "") {
    const auto socket = listen_unix(path, 0660, group);
    return socket ? "(listens)" : socket.error().message;
  }

  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777U;
  }

  ScratchDirectory scratch_;
};

/// What a process that was killed leaves behind.
void leave_stale_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ::close(fd);
}

TEST_F(ListenTest, TheSocketHasExactlyTheGivenMode) {
  const mode_t before = umask(077);
  const auto socket = listen_unix(scratch_ / "s", 0666, "");
  umask(before);
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(mode_of(scratch_ / "s"), 0666U);
  EXPECT_TRUE(RawClient::unix_socket(scratch_ / "s").connected());
}

TEST_F(ListenTest, CreatesTheLastDirectoryOfThePath) {
  const auto socket = listen_unix(scratch_ / "run/s", 0660, "");
  ASSERT_TRUE(socket) << socket.error().message;
}

TEST_F(ListenTest, DoesNotCreateATreeOfDirectories) {
  const std::string directory = scratch_ / "a/b";
  EXPECT_EQ(error_of(scratch_ / "a/b/s"),
            "cannot create the directory " + directory +
                " for the socket: No such file or directory; create it, or set listen.socket to a "
                "path in an existing directory");
}

TEST_F(ListenTest, NamesTheLimitOfAPathThatIsTooLong) {
  const std::string path = "/tmp/" + std::string(103, 'x');
  EXPECT_EQ(error_of(path),
            "the socket path is 108 bytes long and the kernel allows 107: set a shorter "
            "listen.socket than '" +
                path + "'");
  const std::string longest = "/tmp/" + std::string(102, 'x');
  EXPECT_EQ(error_of(longest), "(listens)");
}

TEST_F(ListenTest, RefusesARegularFileAndLeavesItUntouched) {
  const std::string path = scratch_ / "notes";
  std::ofstream(path) << "precious";
  EXPECT_EQ(error_of(path),
            path + " is a regular file and is left alone: remove it or set another listen.socket");
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(ListenTest, RefusesADirectoryAndALink) {
  const std::string directory = scratch_ / "d";
  const std::string link = scratch_ / "l";
  std::filesystem::create_directory(directory);
  std::filesystem::create_symlink("/nowhere", link);
  EXPECT_EQ(error_of(directory), directory +
                                     " is a directory and is left alone: remove it or set "
                                     "another listen.socket");
  EXPECT_EQ(error_of(link), link +
                                " is a symbolic link and is left alone: remove it or set "
                                "another listen.socket");
}

TEST_F(ListenTest, RefusesAParentThatIsNoDirectory) {
  const std::string file = scratch_ / "file";
  std::ofstream(file) << "x";
  EXPECT_EQ(error_of(scratch_ / "file/s"),
            file + " is not a directory: set listen.socket to a path in an existing directory");
}

TEST_F(ListenTest, RefusesADirectoryWithoutPermission) {
  const std::string directory = scratch_ / "closed";
  std::filesystem::create_directory(directory);
  ASSERT_EQ(chmod(std::filesystem::path(directory).parent_path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(directory.c_str(), 0555), 0);
  // Root may write everywhere, so it becomes somebody else for a moment.
  constexpr uid_t kNobody = 65534;
  const bool is_root = geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(setresuid(kNobody, kNobody, 0), 0);
  }
  const std::string uid = std::to_string(geteuid());
  const std::string error = error_of(scratch_ / "closed/s");
  if (is_root) {
    ASSERT_EQ(setresuid(0, 0, 0), 0);
  }
  EXPECT_EQ(error, "cannot create a socket in " + directory +
                       ": Permission denied; give this user (uid " + uid +
                       ") write permission there or change listen.socket");
}

TEST_F(ListenTest, RefusesAGroupThatDoesNotExist) {
  EXPECT_EQ(error_of(scratch_ / "s", "no-such-group"),
            "there is no group 'no-such-group': create it (groupadd --system no-such-group) or "
            "change listen.socket_group");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "s"));
}

TEST_F(ListenTest, TakesOverTheSocketOfADeadProcess) {
  leave_stale_socket(scratch_ / "s");
  const auto socket = listen_unix(scratch_ / "s", 0660, "");
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_TRUE(RawClient::unix_socket(scratch_ / "s").connected());
}

TEST_F(ListenTest, RefusesTheSocketOfALivingProcess) {
  const std::string path = scratch_ / "s";
  const auto first = listen_unix(path, 0660, "");
  ASSERT_TRUE(first);
  const auto second = listen_unix(path, 0660, "");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::kBusy);
  EXPECT_EQ(second.error().message,
            "another program listens on " + path + ": stop it or set another listen.socket");
  EXPECT_TRUE(RawClient::unix_socket(path).connected());
}

TEST_F(ListenTest, TakesTheSocketAwayOnClose) {
  { const auto socket = listen_unix(scratch_ / "s", 0660, ""); }
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "s"));
}

TEST_F(ListenTest, LeavesASocketThatIsNoLongerItsOwn) {
  auto socket = listen_unix(scratch_ / "s", 0660, "");
  ASSERT_TRUE(socket);
  std::filesystem::rename(scratch_ / "s", scratch_ / "moved");
  leave_stale_socket(scratch_ / "s");
  socket->close();
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "s"));
}

TEST_F(ListenTest, MovingASocketKeepsItOpenOnce) {
  auto socket = listen_unix(scratch_ / "s", 0660, "");
  ASSERT_TRUE(socket);
  ListeningSocket moved = std::move(*socket);
  socket->close();
  EXPECT_TRUE(RawClient::unix_socket(scratch_ / "s").connected());
  moved.close();
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "s"));
}

TEST_F(ListenTest, ListensOnLoopbackAddresses) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", "127.0.0.2:0"}) {
    const auto socket = listen_tcp(address);
    ASSERT_TRUE(socket) << socket.error().message;
    EXPECT_NE(socket->name().substr(socket->name().rfind(':')), ":0");
  }
}

TEST_F(ListenTest, RefusesAddressesThatOtherMachinesCanReach) {
  for (const char* address :
       {"0.0.0.0:8765", "192.168.1.5:8765", "[::]:8765", "example.com:8765"}) {
    const auto socket = listen_tcp(address);
    ASSERT_FALSE(socket) << address;
    EXPECT_EQ(socket.error().message,
              "listen.tcp '" + std::string(address) +
                  "' is not a loopback address: the agent speaks plain HTTP and listens only on "
                  "127.0.0.1, [::1] or localhost");
  }
}

TEST_F(ListenTest, RefusesAnAddressWithoutAPort) {
  for (const char* address :
       {"127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "[::1]", ""}) {
    const auto socket = listen_tcp(address);
    ASSERT_FALSE(socket) << address;
    EXPECT_EQ(socket.error().message,
              "listen.tcp '" + std::string(address) +
                  "' is not an address with a port: write it like \"127.0.0.1:8765\"");
  }
}

TEST_F(ListenTest, RefusesATcpPortThatIsTaken) {
  const auto first = listen_tcp("127.0.0.1:0");
  ASSERT_TRUE(first);
  const auto second = listen_tcp(first->name());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::kBusy);
  EXPECT_EQ(second.error().message,
            "another program listens on " + first->name() + ": stop it or set another listen.tcp");
}

TEST_F(ListenTest, WithoutActivationThereAreNoActivatedSockets) {
  const auto sockets = activated_sockets();
  ASSERT_TRUE(sockets);
  EXPECT_TRUE(sockets->empty());
}

/// Runs in a child: gives it `fd` as systemd would and returns what activated_sockets() makes of
/// it, printed to stderr.
[[noreturn]] void take_over_activated(int fd) {
  dup2(fd, 3);
  fcntl(3, F_SETFD, 0);
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", "1", 1);
  auto sockets = activated_sockets();
  if (!sockets) {
    fprintf(stderr, "%s", sockets.error().message.c_str());
    _exit(1);
  }
  const auto& socket = sockets->at(0);
  fprintf(stderr, "%s %s nonblocking=%d left=%s",
          socket.kind() == ListeningSocket::Kind::kUnix ? "unix" : "tcp", socket.name().c_str(),
          (fcntl(socket.fd(), F_GETFL) & O_NONBLOCK) != 0 ? 1 : 0,
          getenv("LISTEN_FDS") == nullptr ? "no" : "yes");
  sockets->clear();
  _exit(0);
}

TEST_F(ListenTest, TakesOverAnActivatedSocketAndNeverUnlinksIt) {
  const auto socket = listen_unix(scratch_ / "s", 0660, "");
  ASSERT_TRUE(socket);
  const std::string path = scratch_ / "s";
  EXPECT_EXIT(take_over_activated(socket->fd()), testing::ExitedWithCode(0),
              "unix " + path + " nonblocking=1 left=no");
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ListenTest, RefusesAnActivatedDescriptorThatDoesNotListen) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  EXPECT_EXIT(take_over_activated(fd), testing::ExitedWithCode(1),
              "systemd handed over a descriptor that is not a listening stream socket: use only "
              "ListenStream= in the socket unit");
  close(fd);
}

}  // namespace
}  // namespace flowmyna::test
