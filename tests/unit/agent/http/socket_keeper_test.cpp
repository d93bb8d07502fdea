#include "agent/http/socket_keeper.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "http_server_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: agent\r\n\r\n";

class SocketKeeperTest : public HttpServerTest {
 protected:
  SocketKeeperTest() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
    spdlog::set_pattern("%v");
    config_.socket_mode = 0600;
  }
  ~SocketKeeperTest() override { spdlog::set_default_logger(before_); }

  std::string log() const { return log_.str(); }

  ListenConfig config_;

 private:
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(SocketKeeperTest, ASocketThatIsInItsPlaceStaysAsItIs) {
  const auto server = open(&echo);
  SocketKeeper keeper(*server, config_);
  const int fd = server->socket().fd();
  keeper.look();
  EXPECT_EQ(server->socket().fd(), fd);
  EXPECT_EQ(log(), "");
}

TEST_F(SocketKeeperTest, WhoHasConnectedIsServedThoughTheSocketIsMadeAgain) {
  const auto server = open(&echo);
  SocketKeeper keeper(*server, config_);
  RawClient first = client();
  EXPECT_EQ(first.ask(kGet).status, 200);
  for (int i = 0; i < 200; ++i) {
    RawClient late = client();  // perhaps in the backlog still
    std::filesystem::remove(socket_path_);
    keeper.look();
    ASSERT_EQ(late.ask(kGet).status, 200) << i;
  }
  EXPECT_EQ(first.ask(kGet).status, 200);
}

TEST_F(SocketKeeperTest, ARequestUnderWayIsAnsweredThoughTheSocketIsMadeAgain) {
  Waiting waiting;
  const auto server = open(waiting.handler());
  SocketKeeper keeper(*server, config_);
  RawClient asking = client();
  asking.send(kGet);
  auto [request, responder] = waiting.take();
  std::filesystem::remove(socket_path_);
  keeper.look();
  responder.send(ok("late"));
  EXPECT_EQ(asking.read_reply().body, "late");
}

TEST_F(SocketKeeperTest, WhatCannotBeMendedIsSaidOnceUntilItIsAnotherThing) {
  const auto server = open(&echo);
  SocketKeeper keeper(*server, config_);
  std::filesystem::remove(socket_path_);
  std::filesystem::create_directory(socket_path_);
  for (int i = 0; i < 3; ++i) keeper.look();
  const std::string head =
      "the socket " + socket_path_.string() +
      " was removed by somebody, and new clients cannot find the agent: " + socket_path_.string() +
      " is ";
  const std::string tail = " and is left alone: remove it or set another listen.socket\n";
  EXPECT_EQ(log(), head + "a directory" + tail);
  std::filesystem::remove(socket_path_);
  std::ofstream(socket_path_) << "precious";
  for (int i = 0; i < 3; ++i) keeper.look();
  EXPECT_EQ(log(), head + "a directory" + tail + head + "a regular file" + tail);
}

TEST_F(SocketKeeperTest, ASocketOfSystemdsIsLeftToItAndThatIsSaidOnce) {
  auto socket = listen_unix(socket_path_, 0600, "");
  ASSERT_TRUE(socket);
  socket->remember_place(socket_path_, ListeningSocket::Owner::kSystemd);
  const auto server = *HttpServer::open(servers_.loop(), std::move(*socket), {}, &echo);
  SocketKeeper keeper(*server, config_);
  std::filesystem::remove(socket_path_);
  for (int i = 0; i < 3; ++i) keeper.look();
  EXPECT_FALSE(std::filesystem::exists(socket_path_));
  EXPECT_EQ(
      log(),
      "the socket " + socket_path_.string() +
          " was removed by somebody, and new clients cannot find the agent: systemd "
          "created it and has to create it again: systemctl stop flowmyna-agent.service, restart "
          "flowmyna-agent.socket, start flowmyna-agent.service\n");
}

TEST_F(SocketKeeperTest, ATcpSocketHasNoPlaceToLookAfter) {
  const auto server = open_tcp(&echo, "key");
  SocketKeeper keeper(*server, config_);
  EXPECT_TRUE(keeper.place().empty());
  keeper.look();
  EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace flowmyna::test
