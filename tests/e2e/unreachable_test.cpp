// An address at which there is no API: nothing leaves the outbox, the status says why in words that
// an operator can act on, and the right address delivers everything. No packet leaves the machine.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "e2e/rig.h"
#include "e2e/wire_log.h"
#include "stand_in/socket.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kEvent = "/api/public/v1/event";

/// A port at which nobody answers, not even the kernel: its queue of connections is full.
class DeafPort {
 public:
  DeafPort() : listening_(std::move(*stand_in::bind_loopback(0))) {
    EXPECT_EQ(::listen(listening_.get(), 0), 0);
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    // The kernel takes one more than it was asked for; a few beyond that change nothing.
    for (int i = 0; i < 4; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), length);
      callers_.emplace_back(fd);
    }
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_of(listening_)); }

 private:
  stand_in::Descriptor listening_;
  std::vector<stand_in::Descriptor> callers_;
};

/// Writes to an agent that looks for the API at `url`, and then to one that knows better.
void expect_kept_then_delivered(const std::string& url, const std::string& settings,
                                const std::vector<std::string>& words) {
  Rig rig;
  const std::string right_url = rig.api_url();
  rig.set_api_url(url);
  rig.start_agent(settings);
  rig.post(kUpsert, R"({"type":"T","id":"a","properties":{"n":1}})");
  rig.post(kUpsert, R"({"type":"T","id":"a","properties":{"n":2}})");
  rig.post(kEvent, R"({"event":"E","objects":[{"type":"T","id":"a"}]})");

  Json status;
  rig.wait_until("the status says that it backs off", [&] {
    status = rig.status();
    return status["delivery"]["state"] == "backing_off" &&
           status["delivery"]["next_attempt_in_seconds"].is_number();
  });
  const std::string error = status["delivery"]["last_error"].dump();
  for (const std::string& word : words) EXPECT_NE(error.find(word), std::string::npos) << error;
  std::printf("last_error: %s\n", error.c_str());
  EXPECT_EQ(status["outbox"]["pending"], 3);
  EXPECT_EQ(status["outbox"]["dead_letters"], 0);
  EXPECT_EQ(rig.stop_agent(), 0);
  const std::uint64_t before = WireLog::read(rig).last_number();

  rig.set_api_url(right_url);
  rig.start_agent();
  rig.wait_until("everything is settled", [&] { return rig.status()["outbox"]["pending"] == 0; });
  status = rig.status();
  EXPECT_EQ(status["delivery"]["delivered"], 3);
  EXPECT_EQ(status["delivery"]["duplicates_possible"], 0);
  EXPECT_EQ(rig.sim("/sim/state")["events"][0]["objects"][0]["found"], Json({{"n", 2}}));
  // A probe, the merged upsert, the event: what never left cost nothing.
  EXPECT_EQ(WireLog::read(rig, before).entries().size(), 3);
}

TEST(Unreachable, AHostThatIsNotFoundIsNamed) {
  // Too long for a label, so that it is refused before any name server is asked.
  const std::string host = std::string(64, 'x') + ".invalid";
  expect_kept_then_delivered("http://" + host, "api.allow_insecure = true\n",
                             {"cannot resolve " + host});
}

TEST(Unreachable, ARefusedConnectionIsToldApart) {
  const auto bound = stand_in::bind_loopback(0);
  const std::string peer = "127.0.0.1:" + std::to_string(port_of(*bound));
  expect_kept_then_delivered("http://" + peer, "", {"connection refused by " + peer});
}

TEST(Unreachable, AConnectionThatIsNeverTakenTimesOut) {
  const DeafPort deaf;
  expect_kept_then_delivered(deaf.url(), "api.connect_timeout = \"100ms\"\n",
                             {"timed out after 0.1 s connecting to 127.0.0.1:"});
}

TEST(Unreachable, AServerWithoutTlsIsNotTalkedTo) {
  Rig other;  // plain HTTP
  const std::string plain = other.api_url();
  expect_kept_then_delivered("https" + plain.substr(plain.find(':')), "",
                             {"no TLS connection to 127.0.0.1:"});
  EXPECT_EQ(WireLog::read(other).entries().size(), 0);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(Unreachable, AnOutageIsLoggedOnceForEachReasonAndItsEndOnce) {
  Rig rig;
  rig.set_faults(R"([{"fault":"status","status":503,"count":8},{"fault":"status","status":502}])");
  rig.start_agent();
  rig.post(kUpsert, R"({"type":"T","id":"a"})");
  rig.wait_until("it was tried often, and met both",
                 [&] { return WireLog::read(rig).entries().size() >= 12; });
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(rig.stop_agent(), 0);
  const std::string log = rig.agent().log();
  EXPECT_EQ(count(log, "HTTP 503"), 1U);
  EXPECT_EQ(count(log, "HTTP 502"), 1U);
  EXPECT_EQ(count(log, "the API is reached again"), 1U);
}

}  // namespace
}  // namespace flowmyna::test
