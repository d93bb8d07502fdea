#include <thread>
#include <vector>

#include "http_server_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kKey = "fm_live_0123456789abcdefghijklmnopqrstuv";

std::string get(const std::string& headers) {
  return "GET /agent/v1/status HTTP/1.1\r\n" + headers + "\r\n";
}

TEST_F(HttpServerTest, RefusesATooLargeBodyByItsLengthBeforeReadingIt) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = open(echo, options);
  auto c = client();
  const Reply reply = c.ask("POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, R"({"detail":"the body is too large; send smaller batches"})");
  EXPECT_TRUE(c.at_end());
  auto other = client();
  EXPECT_EQ(other.ask(post(std::string(1000, 'x'))).status, 200);
  EXPECT_EQ(server->counts().refused, 1U);
}

TEST_F(HttpServerTest, RefusesATooLargeBodyWithoutAskingForIt) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = open(echo, options);
  auto c = client();
  EXPECT_EQ(c.ask("POST / HTTP/1.1\r\nHost: agent\r\nExpect: 100-continue\r\n"
                  "Content-Length: 2000000\r\n\r\n")
                .status,
            413);
  EXPECT_TRUE(c.at_end());
}

TEST_F(HttpServerTest, CountsTheBytesOfAChunkedBody) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = open(echo, options);
  auto c = client();
  std::string request = "POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) request += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(c.ask(request + "0\r\n\r\n").status, 413);
  EXPECT_TRUE(c.at_end());
}

TEST_F(HttpServerTest, CutsOffAChunkedBodyWithoutEnd) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = open(echo, options);
  auto c = client();
  c.send("POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  int sent = 0;
  while (sent < 100'000 && c.send(chunk)) ++sent;
  EXPECT_LT(sent, 100'000);
}

TEST_F(HttpServerTest, LargeBodiesShareABoundedMemoryAndSmallOnesGetIn) {
  Waiting waiting;
  HttpServerOptions options;
  options.max_body_bytes = 200'000;
  options.max_large_bodies_bytes = 300'000;
  const auto server = open(
      [hold = waiting.handler()](const HttpRequest& request, Responder responder) {
        if (request.path == "/hold") return hold(request, std::move(responder));
        responder.send(ok(std::to_string(request.body.size())));
      },
      options);
  const std::string large(200'000, 'x');

  auto first = client();
  first.send(post(large, "", "/hold"));
  auto [request, responder] = waiting.take();  // its bytes count until it is answered
  auto second = client();
  const Reply refused = second.ask(post(large));
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.head.find("Retry-After: 1\r\n"), std::string::npos) << refused.head;
  auto small = client();
  EXPECT_EQ(small.ask(post("small")).body, "5");

  responder.send(ok("done"));
  EXPECT_EQ(first.read_reply().body, "done");
  // The refused body was read and thrown away, so its connection goes on. The memory is given back
  // just after the answer has left: this may take more than one try.
  Reply accepted;
  while ((accepted = second.ask(post(large))).status == 503) std::this_thread::yield();
  EXPECT_EQ(accepted.body, "200000");
}

TEST_F(HttpServerTest, RefusesConnectionsOfOneUserBeyondTheLimit) {
  HttpServerOptions options;
  options.max_connections_per_user = 2;
  const auto server = open(echo, options);
  auto first = client();
  auto second = client();
  EXPECT_EQ(first.ask(post("1")).status, 200);
  EXPECT_EQ(second.ask(post("2")).status, 200);
  auto third = client();
  const Reply reply = third.ask(post("3"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.body,
            R"({"detail":"too many connections of this user; reuse connections or close some"})");
  EXPECT_TRUE(third.at_end());
  EXPECT_EQ(first.ask(post("still")).body, "still");
}

TEST_F(HttpServerTest, CutsOffSilentConnectionsFarBeyondTheLimit) {
  HttpServerOptions options;
  options.max_connections_per_user = 2;
  const auto server = open(echo, options);
  std::vector<RawClient> silent;
  for (int i = 0; i < 11; ++i) silent.push_back(client());
  EXPECT_TRUE(silent.back().at_end());
  EXPECT_EQ(silent.front().ask(post("x")).status, 200);
}

TEST_F(HttpServerTest, AClosedConnectionMakesRoomForAnother) {
  HttpServerOptions options;
  options.max_connections_per_user = 1;
  const auto server = open(echo, options);
  auto first = client();
  EXPECT_EQ(first.ask("GET / HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").status, 200);
  EXPECT_TRUE(first.at_end());
  while (server->counts().connections_open != 0) std::this_thread::yield();
  auto second = client();
  EXPECT_EQ(second.ask(post("2")).status, 200);
}

TEST_F(HttpServerTest, RefusesUsersWhoAreNotAllowed) {
  HttpServerOptions options;
  options.allow_users = {geteuid() + 1};
  const auto server = open(echo, options);
  auto c = client();
  const Reply reply = c.ask(post("x"));
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.body,
            R"({"detail":"this user may not talk to the agent; see listen.allow_users"})");
  EXPECT_TRUE(c.at_end());
}

TEST_F(HttpServerTest, LetsAllowedUsersIn) {
  HttpServerOptions options;
  options.allow_users = {geteuid()};
  const auto server = open(echo, options);
  auto c = client();
  EXPECT_EQ(c.ask(post("x")).status, 200);
}

TEST_F(HttpServerTest, TakesHeadersOfSevenKilobytes) {
  const auto server = open(echo);
  auto c = client();
  EXPECT_EQ(c.ask(post("x", "X-Long: " + std::string(7000, 'x') + "\r\n")).status, 200);
}

TEST_F(HttpServerTest, RefusesAHeaderThatDoesNotFit) {
  const auto server = open(echo);
  auto c = client();
  const Reply reply =
      c.ask("GET / HTTP/1.1\r\nHost: agent\r\nX-Long: " + std::string(64 * 1024, 'x') + "\r\n\r\n");
  EXPECT_TRUE(reply.status == 0 || reply.status == 431 || reply.status == 413) << reply.status;
  EXPECT_TRUE(c.at_end());
}

TEST_F(HttpServerTest, ClosesAConnectionOnWhichNothingMoves) {
  HttpServerOptions options;
  options.idle_timeout_s = 1;
  const auto server = open(echo, options);
  auto silent = client();
  auto halfway = client();
  halfway.send("POST / HTTP/1.1\r\nHost: ag");
  EXPECT_TRUE(silent.at_end());
  EXPECT_TRUE(halfway.at_end());
}

TEST_F(HttpServerTest, OnTcpTheKeyIsNeeded) {
  const auto server = open_tcp(echo, kKey);
  auto c = RawClient::tcp(server->name());
  const std::string host = "Host: " + server->name() + "\r\n";
  const std::string key = kKey;
  const Reply missing = c.ask(get(host));
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(missing.body,
            R"({"detail":"missing or wrong API key; on TCP send 'Authorization: Bearer KEY'"})");
  // The connection stays usable after each of these.
  EXPECT_EQ(c.ask(get(host + "Authorization: Bearer " + key.substr(1) + "\r\n")).status, 401);
  EXPECT_EQ(c.ask(get(host + "Authorization: Bearer " + key + "x\r\n")).status, 401);
  EXPECT_EQ(c.ask(get(host + "Authorization: Bearer \r\n")).status, 401);
  EXPECT_EQ(c.ask(get(host + "Authorization: Basic " + key + "\r\n")).status, 401);
  EXPECT_EQ(c.ask(get(host + "X-FlowMyna-Api-Key: \r\n")).status, 401);
  EXPECT_EQ(c.ask("POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\n\r\nbody").status, 401);
  EXPECT_EQ(c.ask(get(host + "Authorization: Bearer " + key + "\r\n")).status, 200);
  EXPECT_EQ(c.ask(get(host + "authorization: bearer " + key + "\r\n")).status, 200);
  EXPECT_EQ(c.ask(get(host + "X-FlowMyna-Api-Key: " + key + "\r\n")).status, 200);
}

TEST_F(HttpServerTest, ANewKeyReplacesTheOldOne) {
  const auto server = open_tcp(echo, kKey);
  auto c = RawClient::tcp(server->name());
  server->set_bearer_key(Secret("another"));
  EXPECT_EQ(
      c.ask(get("Host: localhost\r\nX-FlowMyna-Api-Key: " + std::string(kKey) + "\r\n")).status,
      401);
  EXPECT_EQ(c.ask(get("Host: localhost\r\nX-FlowMyna-Api-Key: another\r\n")).status, 200);
}

TEST_F(HttpServerTest, OnTcpWebPagesAreRefusedEvenWithTheKey) {
  const auto server = open_tcp(echo, kKey);
  const std::string key = "X-FlowMyna-Api-Key: " + std::string(kKey) + "\r\n";
  for (const char* host : {"evil.example", "evil.example:8765", "127.0.0.1.evil.example",
                           "localhost.evil.example", "10.0.0.1", "", "[::2]:80"}) {
    auto c = RawClient::tcp(server->name());
    EXPECT_EQ(c.ask(get("Host: " + std::string(host) + "\r\n" + key)).status, 403) << host;
  }
  for (const char* host :
       {"localhost", "LOCALHOST:8765", "127.0.0.1", "127.1.2.3:80", "[::1]:80"}) {
    auto c = RawClient::tcp(server->name());
    EXPECT_EQ(c.ask(get("Host: " + std::string(host) + "\r\n" + key)).status, 200) << host;
  }
  auto page = RawClient::tcp(server->name());
  EXPECT_EQ(page.ask(get("Host: localhost\r\nOrigin: https://evil.example\r\n" + key)).status, 403);
}

TEST_F(HttpServerTest, TcpWithoutAKeyDoesNotOpen) {
  const auto server = HttpServer::open(servers_.loop(), *listen_tcp("127.0.0.1:0"), {}, echo);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, Error::Kind::kInvalid);
  EXPECT_EQ(server.error().message,
            "listen.tcp needs an API key that its clients must present: set api.key_file or "
            "FLOWMYNA_API_KEY, or leave listen.tcp empty");
}

}  // namespace
}  // namespace flowmyna::test
