// Something between that answers in the API's place: nothing is taken for delivered, and nobody but
// the API gets the key. (A page with status 200 and each redirect: failure_table_test.)

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <string>

#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kOperation = R"({"type":"T","id":"a","properties":{"n":1}})";

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A TLS server with a certificate for portal.example that it signed itself. It answers whatever it
/// is asked with a page, and prints it.
class Portal {
 public:
  explicit Portal(Rig& rig)
      : certificate_(rig.directory() + "/portal.pem"), log_(rig.directory() + "/portal.log") {
    const std::string key = rig.directory() + "/portal.key";
    ChildProcess made({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                       "2", "-subj", "/CN=portal.example", "-addext",
                       "subjectAltName=DNS:portal.example", "-keyout", key, "-out", certificate_},
                      {}, rig.directory() + "/req.log");
    EXPECT_EQ(made.wait(), 0) << made.log();
    server_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
                                 certificate_, "-key", key, "-www", "-msg"},
        std::map<std::string, std::string>{}, log_);
    static const std::regex kListens("ACCEPT 127\\.0\\.0\\.1:(\\d+)");
    std::smatch match;
    std::string log;
    rig.wait_until("the portal listens", [&] {
      log = text_of(log_);
      return std::regex_search(log, match, kListens);
    });
    url_ = "https://127.0.0.1:" + match[1].str();
  }
  const std::string& certificate() const { return certificate_; }
  const std::string& url() const { return url_; }
  std::string log() const { return text_of(log_); }

 private:
  std::string certificate_;
  std::string log_;
  std::string url_;
  std::unique_ptr<ChildProcess> server_;
};

void expect_kept(Rig& rig, const std::string& words) {
  ASSERT_EQ(rig.post(kUpsert, kOperation).status, 200);
  Json delivery;
  rig.wait_until("the status says why", [&] {
    delivery = rig.status()["delivery"];
    return delivery["last_error"].is_string() && delivery["state"] == "backing_off";
  });
  EXPECT_NE(delivery["last_error"].get<std::string>().find(words), std::string::npos)
      << delivery["last_error"];
  EXPECT_EQ(delivery["delivered"], 0);
  EXPECT_EQ(rig.status()["outbox"]["pending"], 1);
  EXPECT_EQ(rig.status()["outbox"]["dead_letters"], 0);
}

TEST(CaptivePortal, ARedirectIsNotFollowedAndItsTargetNeverSeesTheKey) {
  Rig elsewhere;
  for (const int status : {301, 302, 303, 307, 308}) {
    Rig rig;
    rig.set_faults(R"([{"fault":"status","status":)" + std::to_string(status) +
                   R"(,"headers":{"Location":")" + elsewhere.api_url() + R"(/object/batch"}}])");
    rig.start_agent();
    expect_kept(rig, "redirect");
    rig.clear_faults();
    rig.drain();
    EXPECT_EQ(rig.status()["delivery"]["delivered"], 1) << status;
  }
  EXPECT_EQ(WireLog::read(elsewhere).entries().size(), 0U);
}

TEST(CaptivePortal, ACertificateForAnotherNameGetsNoRequest) {
  Rig rig;
  const Portal portal(rig);
  rig.set_api_url(portal.url());
  rig.start_agent("api.ca_file = \"" + portal.certificate() + "\"\n");
  expect_kept(rig, "for another name");
  EXPECT_EQ(portal.log().find(kKey), std::string::npos);
  EXPECT_EQ(portal.log().find("HTTP/1.1"), std::string::npos) << portal.log();
}

TEST(CaptivePortal, ACertificateOfAnUnknownAuthorityGetsNoRequest) {
  Rig rig;
  const Portal portal(rig);
  rig.set_api_url(portal.url());
  rig.start_agent();
  expect_kept(rig, "authority unknown");
  EXPECT_EQ(portal.log().find("HTTP/1.1"), std::string::npos) << portal.log();
}

}  // namespace
}  // namespace flowmyna::test
