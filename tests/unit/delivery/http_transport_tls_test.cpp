// TLS: whom a file of authorities makes trusted, and when a connection has ended.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "e2e/child_process.h"
#include "http_transport_fixture.h"
#include "unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A TLS server with a certificate for 127.0.0.1 that it signed itself. It answers GET /health, and
/// says goodbye after each answer although that let the connection seem to stay open.
class TlsServer {
 public:
  explicit TlsServer(const TemporaryDirectory& directory)
      : certificate_(directory.file("own.pem")) {
    const std::string key = directory.file("own.key");
    ChildProcess made(
        {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate_},
        {}, directory.file("req.log"));
    EXPECT_EQ(made.wait(), 0) << made.log();
    std::ofstream(directory.file("health"))
        << "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    const fs::path folder = fs::path(certificate_).parent_path();
    server_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"/usr/bin/env", "-C", folder, "/usr/bin/openssl", "s_server",
                                 "-accept", "127.0.0.1:0", "-cert", certificate_, "-key", key,
                                 "-HTTP"},
        std::map<std::string, std::string>{}, directory.file("server.log"));
    static const std::regex kListens("ACCEPT 127\\.0\\.0\\.1:(\\d+)");
    std::smatch match;
    std::string log;
    const auto deadline = Monotonic::now() + milliseconds(kPatienceMs);
    while (!std::regex_search(log = text_of(directory.file("server.log")), match, kListens) &&
           Monotonic::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_FALSE(match.empty()) << log;
    url_ = "https://127.0.0.1:" + match[1].str();
  }
  const std::string& certificate() const { return certificate_; }
  const std::string& url() const { return url_; }

 private:
  std::string certificate_;
  std::string url_;
  std::unique_ptr<ChildProcess> server_;
};

class HttpTransportTlsTest : public HttpTransportTest {
 protected:
  HttpTransportTlsTest() {
    options_.base_url = server_.url();
    options_.ca_file = directory_.file("ca.pem");
  }
  const Answer& ask() {
    send_get();
    await_answer();
    return *answer_;
  }
  void expect_misconfigured() {
    ask();
    EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
    EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kMisconfigured);
    const std::string start =
        "cannot read certificates of authorities from api.ca_file " + options_.ca_file + " (";
    EXPECT_EQ(answer_->error.substr(0, start.size()), start) << answer_->error;
  }
  void expect_answered() {
    ask();
    EXPECT_EQ(answer_->status, 200) << answer_->error;
  }

  TemporaryDirectory directory_;
  TlsServer server_{directory_};
};

TEST_F(HttpTransportTlsTest, AFileOfAuthoritiesIsTakenOnceItAppears) {
  expect_misconfigured();
  std::ofstream(options_.ca_file) << "";
  expect_misconfigured();
  std::ofstream(options_.ca_file) << "no certificate\n";
  expect_misconfigured();
  fs::copy_file(server_.certificate(), options_.ca_file, fs::copy_options::overwrite_existing);
  expect_answered();
}

TEST_F(HttpTransportTlsTest, ADirectoryIsNone) {
  fs::create_directory(options_.ca_file);
  expect_misconfigured();
}

TEST_F(HttpTransportTlsTest, WithoutAFileAnUnknownAuthorityIsNotTrusted) {
  options_.ca_file.clear();
  ask();
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
  EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kNone);
}

TEST_F(HttpTransportTlsTest, ARequestDoesNotLeaveOnAConnectionOnWhichThePeerSaidGoodbye) {
  fs::copy_file(server_.certificate(), options_.ca_file);
  for (int i = 0; i < 5; ++i) {
    expect_answered();
    // A second sending would show that the first was in vain, and an event's cannot be had back.
    EXPECT_EQ(answer_->sends, 1U);
    // The goodbye follows the answer, perhaps a moment later.
    for (int n = 0; n < 20; ++n) transport().poll(milliseconds(5));
  }
}

}  // namespace
}  // namespace flowmyna::test
