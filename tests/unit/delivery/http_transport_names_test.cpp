// How the API's host is looked up. A program of its own, for it takes the C library's place there.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "http_transport_fixture.h"

namespace flowmyna::test {
namespace {

/// The name server of this program: it knows no name but one, and that as it is told.
class Names {
 public:
  void lead_to(const std::string& address) {
    const std::lock_guard lock(mutex_);
    address_ = address;
    has_changed_.notify_all();
  }
  /// Until then it is silent, though not for ever.
  void fall_silent() { lead_to(""); }

  std::string ask() {
    std::unique_lock lock(mutex_);
    ++asked_;
    const bool is_known = has_changed_.wait_for(lock, milliseconds(kPatienceMs / 3),
                                                [this] { return !address_.empty(); });
    ++answered_;
    return is_known ? address_ : "127.0.0.1";
  }
  int asked() const { return asked_; }
  int answered() const { return answered_; }

 private:
  std::mutex mutex_;
  std::condition_variable has_changed_;
  std::string address_;
  std::atomic<int> asked_{0};
  std::atomic<int> answered_{0};
};

Names& names() {
  static auto& the_names = *new Names;  // its callers' threads may outlive the rest
  return the_names;
}

}  // namespace
}  // namespace flowmyna::test

// libcurl's call comes here.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** found) {
  using GetAddrInfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto kReal = reinterpret_cast<GetAddrInfo>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || std::string(name) != "api.example") {
    return kReal(name, service, hints, found);
  }
  const std::string address = flowmyna::test::names().ask();
  return kReal(address.c_str(), service, hints, found);
}

namespace flowmyna::test {
namespace {

class HttpTransportNamesTest : public HttpTransportTest {
 protected:
  HttpTransportNamesTest() {
    options_.base_url = "http://api.example:" + std::to_string(peer_.port());
  }
  /// A request and its answer, by whichever peer it comes to; whether that is this address.
  bool exchange_with(const LoopbackPeer& moved) {
    send_get();
    poll_until([&] {
      take_connection(peer_);
      take_connection(moved);
      char piece[4096];
      return recv(connection_, piece, sizeof piece, MSG_DONTWAIT) > 0;
    });
    answer("{}");
    sockaddr_in own_end{};
    socklen_t size = sizeof own_end;
    getsockname(connection_, reinterpret_cast<sockaddr*>(&own_end), &size);
    return own_end.sin_addr.s_addr == moved.address().sin_addr.s_addr;
  }
};

TEST_F(HttpTransportNamesTest, ANameServerThatIsSilentHoldsUpNothing) {
  names().fall_silent();
  options_.connect_timeout = milliseconds(200);
  send_get();
  await_answer();
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
  EXPECT_EQ(names().answered(), 0) << "delivery waited for it";
  EXPECT_EQ(names().asked(), 1);
  names().lead_to("127.0.0.1");  // lets its thread go
  EXPECT_TRUE(exchange());
}

TEST_F(HttpTransportNamesTest, AHostThatMovedIsFoundAlthoughTheOldOneGoesOnAnswering) {
  const LoopbackPeer moved("127.0.0.2", peer_.port());
  options_.connection_age_max = std::chrono::seconds(2);
  names().lead_to("127.0.0.1");
  exchange();
  names().lead_to("127.0.0.2");
  poll_until([&] { return exchange_with(moved); });
}

}  // namespace
}  // namespace flowmyna::test
