#include "agent/watch/network_watch.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>
#include <string>
#include <vector>

namespace flowmyna {
namespace {

constexpr int kInterface = 4242;

/// A message as the kernel writes it.
template <class Head>
class Message {
 public:
  Message(std::uint16_t type, const Head& head) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    append(&header, sizeof header);
    append(&head, sizeof head);
  }
  Message& with(std::uint16_t type, const void* value, std::size_t size) {
    rtattr attribute{};
    attribute.rta_type = type;
    attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    append(&attribute, sizeof attribute);
    append(value, size);
    return *this;
  }
  Message& with_interface(int index) { return with(RTA_OIF, &index, sizeof index); }
  Message& with_address(std::uint16_t type, const char* text) {
    in6_addr bytes{};
    const bool is_v4 = inet_pton(AF_INET, text, &bytes) == 1;
    if (!is_v4) {
      EXPECT_EQ(inet_pton(AF_INET6, text, &bytes), 1);
    }
    return with(type, &bytes, is_v4 ? sizeof(in_addr) : sizeof(in6_addr));
  }
  std::string text() const {
    std::string out = bytes_;
    const auto size = static_cast<std::uint32_t>(out.size());
    std::memcpy(out.data(), &size, sizeof size);
    return out;
  }

 private:
  void append(const void* bytes, std::size_t size) {
    bytes_.append(static_cast<const char*>(bytes), size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  std::string bytes_;
};

std::string link(unsigned flags, int index = kInterface, std::uint16_t type = RTM_NEWLINK) {
  ifinfomsg head{};
  head.ifi_index = index;
  head.ifi_flags = flags;
  return Message(type, head).text();
}
constexpr unsigned kRuns = IFF_UP | IFF_RUNNING;

std::string address(const char* text, std::uint8_t flags = 0, std::uint16_t type = RTM_NEWADDR,
                    std::uint8_t scope = RT_SCOPE_UNIVERSE) {
  ifaddrmsg head{};
  const bool is_v4 = std::strchr(text, ':') == nullptr;
  head.ifa_family = is_v4 ? AF_INET : AF_INET6;
  head.ifa_index = kInterface;
  head.ifa_flags = flags;
  head.ifa_scope = scope;
  return Message(type, head).with_address(is_v4 ? IFA_LOCAL : IFA_ADDRESS, text).text();
}

std::string route(const char* destination, std::uint16_t type = RTM_NEWROUTE,
                  int interface = kInterface, std::uint8_t kind = RTN_UNICAST, unsigned flags = 0) {
  rtmsg head{};
  head.rtm_family = std::strchr(destination, ':') == nullptr ? AF_INET : AF_INET6;
  head.rtm_type = kind;
  head.rtm_flags = flags;
  Message message(type, head);
  if (*destination != '\0') message.with_address(RTA_DST, destination);
  return message.with_interface(interface).text();
}

class NetworkWatchTest : public testing::Test {
 protected:
  /// "came", "went", both or nothing.
  std::string news_of(const std::string& messages) {
    NetworkNews news;
    watch_->read(messages, news);
    return std::string(news.came ? "came " : "") + (news.went ? "went" : "");
  }
  int loopback() const { return static_cast<int>(if_nametoindex("lo")); }

  Result<NetworkWatch> watch_ = NetworkWatch::open();
};

TEST_F(NetworkWatchTest, ANewRouteCameAndADeletedOneWent) {
  EXPECT_EQ(news_of(route("")), "came ");
  EXPECT_EQ(news_of(route("10.0.0.0")), "came ");
  EXPECT_EQ(news_of(route("2001:db8::")), "came ");
  EXPECT_EQ(news_of(route("", RTM_DELROUTE)), "went");
}

TEST_F(NetworkWatchTest, RoutesThatLeadNowhereFarAreNoNews) {
  EXPECT_EQ(news_of(route("127.0.0.0", RTM_NEWROUTE, loopback())), "");
  EXPECT_EQ(news_of(route("10.0.0.1", RTM_NEWROUTE, kInterface, RTN_LOCAL)), "");
  EXPECT_EQ(news_of(route("10.0.0.255", RTM_NEWROUTE, kInterface, RTN_BROADCAST)), "");
  EXPECT_EQ(news_of(route("169.254.0.0")), "");
  EXPECT_EQ(news_of(route("fe80::")), "");
  EXPECT_EQ(news_of(route("ff00::")), "");
  EXPECT_EQ(news_of(route("2001:db8::1", RTM_NEWROUTE, kInterface, RTN_UNICAST, RTM_F_CLONED)), "");
}

TEST_F(NetworkWatchTest, AnAddressIsNewsOnceAndItsRenewalIsNot) {
  EXPECT_EQ(news_of(address("10.0.0.1")), "came ");
  EXPECT_EQ(news_of(address("10.0.0.1")), "");
  EXPECT_EQ(news_of(address("10.0.0.1", 0, RTM_DELADDR)), "went");
  EXPECT_EQ(news_of(address("10.0.0.1")), "came ");
}

TEST_F(NetworkWatchTest, AnAddressCountsOnceItMayBeUsed) {
  EXPECT_EQ(news_of(address("2001:db8::1", IFA_F_TENTATIVE)), "");
  EXPECT_EQ(news_of(address("2001:db8::1")), "came ");
  EXPECT_EQ(news_of(address("fe80::1", 0, RTM_NEWADDR, RT_SCOPE_LINK)), "");
}

TEST_F(NetworkWatchTest, ALinkIsNewsWhenItComesUpOrGoesDownNotWhenItsStatisticsAreTold) {
  EXPECT_EQ(news_of(link(kRuns)), "came ");
  EXPECT_EQ(news_of(link(kRuns)), "");
  EXPECT_EQ(news_of(link(IFF_UP)), "went");
  EXPECT_EQ(news_of(link(IFF_UP)), "");
  EXPECT_EQ(news_of(link(kRuns)), "came ");
  EXPECT_EQ(news_of(link(0, kInterface, RTM_DELLINK)), "went");
  EXPECT_EQ(news_of(link(kRuns | IFF_LOOPBACK, loopback())), "");
}

TEST_F(NetworkWatchTest, SeveralMessagesAreReadTogether) {
  EXPECT_EQ(news_of(route("", RTM_DELROUTE) + address("10.0.0.1", 0, RTM_DELADDR)), "went");
  EXPECT_EQ(news_of(route("", RTM_DELROUTE) + route("")), "came went");
}

TEST_F(NetworkWatchTest, MessagesThatAreCutShortAreNoHarm) {
  for (const std::string& whole : {link(kRuns), address("10.0.0.1"), route("10.0.0.0")}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // On the heap, so that a read beyond its end is noticed.
      std::vector<char> piece(whole.begin(), whole.begin() + static_cast<long>(size));
      const auto said = static_cast<std::uint32_t>(size);
      if (size >= sizeof said) std::memcpy(piece.data(), &said, sizeof said);
      NetworkNews news;
      watch_->read(piece, news);
      if (size < NLMSG_HDRLEN + sizeof(ifaddrmsg)) {
        EXPECT_FALSE(news.came || news.went) << size;
      }
    }
  }
}

}  // namespace
}  // namespace flowmyna
