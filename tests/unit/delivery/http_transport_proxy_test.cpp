// The proxy is the one that is configured, and what it refuses has not left.

#include <gtest/gtest.h>

#include <cstdlib>

#include "http_transport_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kProxyVariables[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                           "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
constexpr const char* kExceptions[] = {"no_proxy", "NO_PROXY"};

class HttpTransportProxyTest : public HttpTransportTest {
 protected:
  ~HttpTransportProxyTest() override {
    for (const char* name : kProxyVariables) unsetenv(name);
    for (const char* name : kExceptions) unsetenv(name);
  }
  std::string proxy_name() const { return "127.0.0.1:" + std::to_string(proxy_.port()); }
  std::string proxy_url() const { return "http://" + proxy_name(); }
  void use_proxy() { options_.proxy = proxy_url(); }

  /// What it says to a request to connect it to an API that speaks TLS.
  void refuse_tunnel(const std::string& status) {
    use_proxy();
    options_.base_url = "https://api.invalid";
    send_event();
    take_request_at(proxy_);
    write("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n");
    await_answer();
    EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
    EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kNone);
    EXPECT_EQ(answer_->sends, 0U);
  }
  void expect_words(const std::string& start) {
    EXPECT_EQ(answer_->error.substr(0, start.size()), start) << answer_->error;
  }

  LoopbackPeer proxy_;
};

TEST_F(HttpTransportProxyTest, WithoutOneNoVariableBringsOneIn) {
  for (const char* name : kProxyVariables) {
    setenv(name, proxy_url().c_str(), 1);
    transport_.reset();
    send_get();
    poll_until([this] { return take_connection(peer_) || take_connection(proxy_); });
    EXPECT_LT(proxy_.accept_one(0), 0);
    take_request();
    EXPECT_TRUE(head_.starts_with("GET /health ")) << name << ": " << head_;
    answer("{}");
    unsetenv(name);
  }
}

TEST_F(HttpTransportProxyTest, AConfiguredOneIsUsedWhateverTheVariablesExcept) {
  use_proxy();
  for (const char* name : kExceptions) setenv(name, "*", 1);
  for (const char* name : kProxyVariables) setenv(name, options_.base_url.c_str(), 1);
  send_get();
  take_request_at(proxy_);
  EXPECT_TRUE(head_.starts_with("GET " + options_.base_url + "/health ")) << head_;
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
}

TEST_F(HttpTransportProxyTest, TheEnvironmentsIsUsedWhereThatIsConfigured) {
  options_.proxy = "environment";
  setenv("http_proxy", proxy_url().c_str(), 1);
  send_get();
  take_request_at(proxy_);
  EXPECT_TRUE(head_.starts_with("GET " + options_.base_url + "/health ")) << head_;
  answer("{}");
  setenv("no_proxy", "127.0.0.1", 1);
  EXPECT_TRUE(exchange());
}

TEST_F(HttpTransportProxyTest, OneThatRefusesToConnectWasSentNothingOfTheRequest) {
  refuse_tunnel("502 Bad Gateway");
  expect_words("the proxy does not connect to api.invalid:443 (");
  EXPECT_EQ(head_.find(kKey), std::string::npos);
}

TEST_F(HttpTransportProxyTest, OneThatWantsCredentialsIsToldApart) {
  refuse_tunnel("407 Proxy Authentication Required");
  expect_words("the proxy wants credentials: check api.proxy (");
}

TEST_F(HttpTransportProxyTest, OneThatConnectsToWhatSpeaksNoTlsWasSentNothingEither) {
  use_proxy();
  options_.base_url = "https://api.invalid";
  send_event();
  take_request_at(proxy_);
  write("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n");
  await_answer();
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
  EXPECT_EQ(answer_->sends, 0U);
  expect_words("no TLS connection to api.invalid:443");
}

TEST_F(HttpTransportProxyTest, OneThatLosesARequestMayHavePassedItOn) {
  use_proxy();
  send_event();
  take_request_at(proxy_);
  hang_up();
  await_answer();
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kLost);
}

TEST_F(HttpTransportProxyTest, WhatIsNoneIsAMistakeInTheConfiguration) {
  for (const char* proxy : {"gopher://127.0.0.1:1", "http://[::1"}) {
    options_.proxy = proxy;
    transport_.reset();
    send_event();
    await_answer();
    EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent) << proxy;
    EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kMisconfigured) << proxy;
    expect_words("libcurl knows no such proxy as is configured: check api.proxy (");
  }
}

}  // namespace
}  // namespace flowmyna::test
