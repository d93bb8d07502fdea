#include "delivery/connections.h"

#include <gtest/gtest.h>
#include <linux/tcp.h>

#include <string>

#include "loopback_peer.h"

namespace flowmyna::test {
namespace {

class ConnectionsTest : public testing::Test {
 protected:
  ConnectionsTest() {
    connections_.opened(ours_, kOwner);
    connect(ours_, reinterpret_cast<const sockaddr*>(&peer_.address()), sizeof(sockaddr_in));
    theirs_ = peer_.accept_one();
  }
  ~ConnectionsTest() override { close(theirs_); }

  static constexpr std::uint64_t kOwner = 7;

  Connections::Started started() {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(ours_, reinterpret_cast<sockaddr*>(&address), &size);
    return connections_.started("127.0.0.1", ntohs(address.sin_port));
  }

  LoopbackPeer peer_;
  Connections connections_;
  int ours_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int theirs_ = -1;
};

TEST_F(ConnectionsTest, WhatThePeerHasNotAcknowledgedIsThrownAwayWithTheConnection) {
  const std::string much(1U << 20U, 'x');
  while (send(ours_, much.data(), much.size(), MSG_NOSIGNAL) > 0) continue;  // until all is full
  connections_.close(ours_);
  EXPECT_EQ(end_of(theirs_), ECONNRESET);
}

TEST_F(ConnectionsTest, AlsoWhenTheProcessEndsWithoutClosingIt) {
  const std::string much(1U << 20U, 'x');
  while (send(ours_, much.data(), much.size(), MSG_NOSIGNAL) > 0) continue;
  close(ours_);  // as the kernel does
  EXPECT_EQ(end_of(theirs_), ECONNRESET);
}

TEST_F(ConnectionsTest, AConnectionWithNothingLeftToSendEndsInTheOrdinaryWay) {
  connections_.close(ours_);
  EXPECT_EQ(end_of(theirs_), 0);
}

TEST_F(ConnectionsTest, AConnectionThatWorksIsNotDead) {
  const LocalAddresses addresses = LocalAddresses::of_machine();
  EXPECT_FALSE(connections_.is_dead(ours_, addresses));
  connections_.close(ours_);
}

TEST_F(ConnectionsTest, AConnectionWhoseAddressIsGoneIsDead) {
  EXPECT_TRUE(connections_.is_dead(ours_, LocalAddresses()));
  connections_.close(ours_);
}

TEST_F(ConnectionsTest, TheKernelIsToldWhenToGiveUpASilentPeer) {
  unsigned timeout_ms = 0;
  socklen_t size = sizeof timeout_ms;
  getsockopt(ours_, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size);
  EXPECT_EQ(timeout_ms, Connections::kSilentSeconds * 1000U);
  connections_.close(ours_);
}

TEST_F(ConnectionsTest, UntilItCarriesARequestASocketIsItsOwnersAttempt) {
  const LocalAddresses addresses = LocalAddresses::of_machine();
  EXPECT_EQ(connections_.are_dead(kOwner, addresses), false);
  EXPECT_EQ(connections_.are_dead(kOwner, LocalAddresses()), true);
  EXPECT_EQ(connections_.are_dead(kOwner + 1, addresses), std::nullopt);
  EXPECT_EQ(started().socket, ours_);
  EXPECT_EQ(connections_.are_dead(kOwner, addresses), std::nullopt);
  connections_.close(ours_);
}

TEST_F(ConnectionsTest, AClosedSocketIsForgotten) {
  connections_.close(ours_);
  EXPECT_EQ(connections_.are_dead(kOwner, LocalAddresses()), std::nullopt);
  EXPECT_EQ(connections_.started("127.0.0.1", peer_.port()).socket, -1);
}

}  // namespace
}  // namespace flowmyna::test
