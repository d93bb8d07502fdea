#include "agent/watch/network_watch.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace flowmyna {
namespace {

constexpr unsigned kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;

// A message of the kernel is at most a page or 8 KiB, whichever is less (netlink(7)); several come
// at once.
constexpr std::size_t kBufferBytes = 32U << 10U;

/// The attribute of this type after a message's fixed part; empty when there is none.
std::string attribute(const rtattr* first, std::size_t size, unsigned short type) {
  auto left = static_cast<int>(size);
  for (const rtattr* entry = first; RTA_OK(entry, left); entry = RTA_NEXT(entry, left)) {
    if (entry->rta_type != type) continue;
    return {static_cast<const char*>(RTA_DATA(entry)),
            static_cast<std::size_t>(RTA_PAYLOAD(entry))};
  }
  return {};
}

int as_index(const std::string& value) {
  int index = 0;
  if (value.size() == sizeof index) std::memcpy(&index, value.data(), sizeof index);
  return index;
}

bool is_link_local_or_multicast(int family, const std::string& address) {
  if (family == AF_INET6 && address.size() == sizeof(in6_addr)) {
    in6_addr v6{};
    std::memcpy(&v6, address.data(), sizeof v6);
    return IN6_IS_ADDR_LINKLOCAL(&v6) || IN6_IS_ADDR_MULTICAST(&v6);
  }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(address[i]); };
  if (address.size() != sizeof(in_addr)) return false;
  return (byte(0) == 169 && byte(1) == 254) || byte(0) >= 224;
}

}  // namespace

Result<NetworkWatch> NetworkWatch::open() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  NetworkWatch watch(fd);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Error::Kind::kUnsupported,
                "cannot watch the network: " + std::generic_category().message(errno) +
                    "; that it is back is only noticed when the back-off ends (in a systemd unit, "
                    "allow AF_NETLINK)");
  }
  return watch;
}

NetworkWatch::NetworkWatch(int fd) : fd_(fd), loopback_(static_cast<int>(if_nametoindex("lo"))) {}

NetworkWatch::NetworkWatch(NetworkWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      is_running_(std::move(other.is_running_)),
      addresses_(std::move(other.addresses_)),
      loopback_(other.loopback_) {}

NetworkWatch::~NetworkWatch() {
  if (fd_ >= 0) close(fd_);
}

NetworkNews NetworkWatch::drain() {
  NetworkNews news;
  alignas(nlmsghdr) std::array<char, kBufferBytes> buffer{};
  while (true) {
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    if (size > 0) {
      read(std::span(buffer.data(), static_cast<std::size_t>(size)), news);
    } else if (size < 0 && errno == ENOBUFS) {
      forget_all();
      news = {true, true};
    } else if (size == 0 || errno != EINTR) {
      return news;
    }
  }
}

/// Something was missed: whatever is heard next is new.
void NetworkWatch::forget_all() {
  is_running_.clear();
  addresses_.clear();
}

void NetworkWatch::read(std::span<const char> messages, NetworkNews& news) {
  auto left = static_cast<int>(messages.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(messages.data());
  // A message that ends unaligned leaves less than nothing.
  for (; left > 0 && NLMSG_OK(message, static_cast<unsigned>(left));
       message = NLMSG_NEXT(message, left)) {
    const void* data = NLMSG_DATA(message);
    const std::size_t size = NLMSG_PAYLOAD(message, 0);
    switch (message->nlmsg_type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        read_link(data, size, message->nlmsg_type == RTM_NEWLINK, news);
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        read_address(data, size, message->nlmsg_type == RTM_NEWADDR, news);
        break;
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        read_route(data, size, message->nlmsg_type == RTM_NEWROUTE, news);
        break;
      default:
        break;
    }
  }
}

void NetworkWatch::read_link(const void* message, std::size_t size, bool is_new,
                             NetworkNews& news) {
  if (size < sizeof(ifinfomsg)) return;
  const auto& link = *static_cast<const ifinfomsg*>(message);
  if (link.ifi_index == loopback_) return;
  constexpr unsigned kUsable = IFF_UP | IFF_RUNNING;
  const bool runs = is_new && (link.ifi_flags & kUsable) == kUsable;
  const auto entry = is_running_.try_emplace(link.ifi_index, !runs).first;
  if (entry->second != runs) (runs ? news.came : news.went) = true;
  entry->second = runs;
  if (!is_new) is_running_.erase(entry);
}

void NetworkWatch::read_address(const void* message, std::size_t size, bool is_new,
                                NetworkNews& news) {
  if (size < sizeof(ifaddrmsg)) return;
  const auto& head = *static_cast<const ifaddrmsg*>(message);
  const auto index = static_cast<int>(head.ifa_index);
  // Not usable until no other machine has claimed it; then it is reported again.
  if (is_new && (head.ifa_flags & IFA_F_TENTATIVE) != 0) return;
  if (index == loopback_ || head.ifa_scope == RT_SCOPE_HOST || head.ifa_scope == RT_SCOPE_LINK)
    return;
  const std::string address = attribute(IFA_RTA(&head), size - NLMSG_ALIGN(sizeof head),
                                        head.ifa_family == AF_INET ? IFA_LOCAL : IFA_ADDRESS);
  if (is_new) {
    if (addresses_.emplace(index, address).second) news.came = true;
  } else {
    addresses_.erase({index, address});
    news.went = true;
  }
}

void NetworkWatch::read_route(const void* message, std::size_t size, bool is_new,
                              NetworkNews& news) const {
  if (size < sizeof(rtmsg)) return;
  const auto& head = *static_cast<const rtmsg*>(message);
  if (head.rtm_type != RTN_UNICAST || (head.rtm_flags & RTM_F_CLONED) != 0) return;
  const rtattr* attributes = RTM_RTA(&head);
  const std::size_t left = size - NLMSG_ALIGN(sizeof head);
  const std::string destination = attribute(attributes, left, RTA_DST);
  if (is_link_local_or_multicast(head.rtm_family, destination)) return;
  if (as_index(attribute(attributes, left, RTA_OIF)) == loopback_) return;
  (is_new ? news.came : news.went) = true;
}

}  // namespace flowmyna
