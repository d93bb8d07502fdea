#include "agent/http/http_server.h"

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http_server_fixture.h"

namespace flowmyna::test {
namespace {

TEST_F(HttpServerTest, HandsOverTheRequestAsItWasWritten) {
  HttpRequest seen;
  bool is_padded = false;
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    seen = request;
    is_padded = request.body.capacity() >= request.body.size() + kBodyPadding;
    responder.send(ok("{}"));
  });
  auto c = client();
  const Reply reply =
      c.ask(post(R"({"a":5420.00})", "Content-Type: application/json\r\nPrefer: wait=3\r\n",
                 "/a%2Fb/c?type=x%20y&id=1+2"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/a%2Fb/c");
  EXPECT_EQ(seen.query, "type=x%20y&id=1+2");
  EXPECT_EQ(seen.content_type, "application/json");
  EXPECT_EQ(seen.prefer, "wait=3");
  EXPECT_EQ(seen.body, R"({"a":5420.00})");
  EXPECT_TRUE(is_padded);
}

TEST_F(HttpServerTest, OfTheRequestBeforeNothingIsHandedOver) {
  HttpRequest seen;
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    seen = request;
    responder.send(ok(""));
  });
  auto c = client();
  c.ask(post("body", "Content-Type: text/plain\r\nPrefer: wait=3\r\n", "/path?query"));
  EXPECT_EQ(c.ask("GET / HTTP/1.1\r\nHost: agent\r\n\r\n").status, 200);
  EXPECT_EQ(seen.method + " " + seen.path, "GET /");
  EXPECT_EQ(seen.query + seen.content_type + seen.prefer + seen.body, "");
}

TEST_F(HttpServerTest, TheMemoryOfALargeBodyIsGivenBackOnceItIsAnswered) {
  std::size_t room_bytes = 0;
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    room_bytes = request.body.capacity();
    responder.send(ok(""));
  });
  auto c = client();
  constexpr std::size_t kLargeBytes = 1U << 20;
  EXPECT_EQ(c.ask(post(std::string(kLargeBytes, 'x'))).status, 200);
  EXPECT_GE(room_bytes, kLargeBytes);
  EXPECT_EQ(c.ask(post("x")).status, 200);
  EXPECT_LT(room_bytes, kLargeBytes);
}

TEST_F(HttpServerTest, HandsOverPreferencesThatComeInPartsAsOneList) {
  const auto server = open(
      [](const HttpRequest& request, Responder responder) { responder.send(ok(request.prefer)); });
  auto c = client();
  EXPECT_EQ(c.ask(post("x", "Prefer: respond-async\r\nprefer: wait=3\r\n")).body,
            "respond-async, wait=3");
  EXPECT_EQ(c.ask(post("x")).body, "");
}

TEST_F(HttpServerTest, SendsStatusHeadersAndBodyOfTheResponse) {
  const auto server = open([](const HttpRequest&, Responder responder) {
    HttpResponse response;
    response.status = 405;
    response.body = R"({"detail":"Method Not Allowed"})";
    response.content_type = "text/x-test";
    response.retry_after_seconds = 7;
    response.allow = "POST";
    response.preference_applied = "wait";
    responder.send(std::move(response));
  });
  auto c = client();
  const Reply reply = c.ask("BREW /pot HTTP/1.1\r\nHost: agent\r\n\r\n");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.body, R"({"detail":"Method Not Allowed"})");
  EXPECT_NE(reply.head.find("Content-Type: text/x-test\r\n"), std::string::npos) << reply.head;
  EXPECT_NE(reply.head.find("Retry-After: 7\r\n"), std::string::npos) << reply.head;
  EXPECT_NE(reply.head.find("Allow: POST\r\n"), std::string::npos) << reply.head;
  EXPECT_NE(reply.head.find("Preference-Applied: wait\r\n"), std::string::npos) << reply.head;
}

TEST_F(HttpServerTest, OfTheAnswerBeforeNothingIsSent) {
  bool is_first = true;
  const auto server = open([&](const HttpRequest&, Responder responder) {
    HttpResponse response = ok("{}");
    if (std::exchange(is_first, false)) {
      response.status = 405;
      response.retry_after_seconds = 7;
      response.allow = "POST";
      response.preference_applied = "wait";
    }
    responder.send(std::move(response));
  });
  auto c = client();
  EXPECT_EQ(c.ask(post("x")).status, 405);
  const Reply reply = c.ask(post("x"));
  EXPECT_EQ(reply.status, 200);
  for (const char* header : {"Retry-After", "Allow", "Preference-Applied"}) {
    EXPECT_EQ(reply.head.find(header), std::string::npos) << reply.head;
  }
}

TEST_F(HttpServerTest, TheRoomOfASmallAnswerIsThereForTheNext) {
  std::vector<std::size_t> rooms_bytes;
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    std::string body = responder.take_body();
    EXPECT_EQ(body, "");
    rooms_bytes.push_back(body.capacity());
    body.append(request.body);
    responder.send(ok(std::move(body)));
  });
  auto c = client();
  for (const std::size_t size_bytes : {500U, 50'000U, 1U}) {
    EXPECT_EQ(c.ask(post(std::string(size_bytes, 'x'))).body, std::string(size_bytes, 'x'));
  }
  ASSERT_EQ(rooms_bytes.size(), 3U);
  EXPECT_GE(rooms_bytes[1], 500U);
  EXPECT_LT(rooms_bytes[2], 50'000U);
}

TEST_F(HttpServerTest, AnswersLaterFromAnotherThread) {
  Waiting waiting;
  const auto server = open(waiting.handler());
  auto c = client();
  c.send(post("late"));
  std::thread([&] {
    auto [request, responder] = waiting.take();
    responder.send(ok(request.body));
  }).join();
  EXPECT_EQ(c.read_reply().body, "late");
}

TEST_F(HttpServerTest, AResponderThatIsDroppedAnswers503) {
  const auto server = open([](const HttpRequest&, Responder) {});
  auto c = client();
  const Reply reply = c.ask(post("x"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, R"({"detail":"the agent could not answer this request; try again"})");
}

TEST_F(HttpServerTest, AssigningOverAResponderAnswersTheOneThatGoes503) {
  Waiting waiting;
  const auto server = open(waiting.handler());
  auto first = client();
  auto second = client();
  first.send(post("1"));
  auto [request_1, responder] = waiting.take();
  second.send(post("2"));
  auto [request_2, other] = waiting.take();
  responder = std::move(other);
  EXPECT_EQ(first.read_reply().status, 503);
  responder.send(ok("kept"));
  EXPECT_EQ(second.read_reply().body, "kept");
}

TEST_F(HttpServerTest, AClientThatLeavesBeforeItsAnswerHarmsNobody) {
  Waiting waiting;
  const auto server = open(waiting.handler());
  auto gone = client();
  gone.send(post("gone"));
  auto [request, responder] = waiting.take();
  gone.close();
  responder.send(ok("nobody reads this"));

  auto c = client();
  c.send(post("next"));
  auto [next, next_responder] = waiting.take();
  next_responder.send(ok(next.body));
  EXPECT_EQ(c.read_reply().body, "next");
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  Waiting waiting;
  const auto server = open(waiting.handler());
  auto c = client();
  c.send(post("one") + post("two") + "GET /three HTTP/1.1\r\nHost: agent\r\n\r\n");
  for (const char* answer : {"1", "2", "3"}) {
    auto [request, responder] = waiting.take();
    responder.send(ok(answer));
  }
  EXPECT_EQ(c.read_reply().body, "1");
  EXPECT_EQ(c.read_reply().body, "2");
  EXPECT_EQ(c.read_reply().body, "3");
}

TEST_F(HttpServerTest, TakesChunkedBodies) {
  const auto server = open(echo);
  auto c = client();
  const Reply reply = c.ask(
      "POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "Wikipedia");
}

TEST_F(HttpServerTest, ChunkedBodiesHaveThePaddingToo) {
  std::atomic<bool> padded{false};
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    padded = request.body.capacity() >= request.body.size() + kBodyPadding;
    responder.send(ok(std::to_string(request.body.size())));
  });
  auto c = client();
  std::string request = "POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 1000; ++i) request += "1f\r\n" + std::string(31, 'x') + "\r\n";
  EXPECT_EQ(c.ask(request + "0\r\n\r\n").body, "31000");
  EXPECT_TRUE(padded);
}

TEST_F(HttpServerTest, SendsContinueToAClientThatAsksFirst) {
  const auto server = open(echo);
  auto c = client();
  EXPECT_EQ(c.ask("POST / HTTP/1.1\r\nHost: agent\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n")
                .status,
            100);
  EXPECT_EQ(c.ask("body").body, "body");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  const auto server =
      open([](const HttpRequest&, Responder responder) { responder.send(ok(R"({"x":1})")); });
  auto c = client();
  c.send("HEAD /agent/v1/status HTTP/1.1\r\nHost: agent\r\n\r\n" + post("x"));
  Reply head;
  head = c.read_reply();
  EXPECT_EQ(head.status, 200);
  // What follows the header of the first answer is the second answer, not a body.
  EXPECT_TRUE(head.body.starts_with("HTTP/1") || head.body.empty()) << head.body;
}

TEST_F(HttpServerTest, TakesTheAbsoluteFormOfATarget) {
  std::string path;
  const auto server = open([&](const HttpRequest& request, Responder responder) {
    path = request.path;
    responder.send(ok(""));
  });
  auto c = client();
  EXPECT_EQ(c.ask("GET http://agent/metrics HTTP/1.1\r\nHost: agent\r\n\r\n").status, 200);
  EXPECT_EQ(path, "/metrics");
}

TEST_F(HttpServerTest, TheConnectionStaysUsableAfterTheHandlersErrors) {
  const auto server = open([](const HttpRequest& request, Responder responder) {
    HttpResponse response = ok(request.body);
    response.status = request.body == "bad" ? 422 : 200;
    responder.send(std::move(response));
  });
  auto c = client();
  EXPECT_EQ(c.ask(post("bad")).status, 422);
  EXPECT_EQ(c.ask(post("good")).status, 200);
  EXPECT_EQ(c.ask(post("bad")).status, 422);
  EXPECT_EQ(c.ask(post("")).status, 200);
}

TEST_F(HttpServerTest, BrokenHttpIsRefusedAndOthersAreServed) {
  const auto server = open(echo);
  for (const char* broken :
       {"\x16\x03\x01\x02garbage\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: abc\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n"}) {
    auto c = client();
    const Reply reply = c.ask(broken);
    EXPECT_TRUE(reply.status == 0 || (reply.status >= 400 && reply.status < 600)) << broken;
    EXPECT_TRUE(c.at_end()) << broken;
  }
  auto c = client();
  EXPECT_EQ(c.ask(post("fine")).body, "fine");
}

TEST_F(HttpServerTest, AClientThatIsSlowWithItsHeaderDelaysNobody) {
  const auto server = open(echo);
  auto slow = client();
  slow.send("POST / HT");
  auto c = client();
  EXPECT_EQ(c.ask(post("quick")).body, "quick");
  slow.send("TP/1.1\r\nHost: agent\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(c.ask(post("quick")).body, "quick");
  EXPECT_EQ(slow.ask("slow").body, "slow");
}

TEST_F(HttpServerTest, ServesManyConnectionsThatAreAnsweredByOtherThreads) {
  constexpr int kConnections = 64;
  constexpr int kRequestsEach = 200;
  Waiting waiting;
  const auto server = open(waiting.handler());
  std::vector<std::thread> answerers;
  for (int i = 0; i < 2; ++i) {
    answerers.emplace_back([&] {
      for (int n = 0; n < kConnections * kRequestsEach / 2; ++n) {
        auto [request, responder] = waiting.take();
        responder.send(ok(std::move(request.body)));
      }
    });
  }
  std::atomic<int> right{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      std::vector<RawClient> clients;
      for (int i = 0; i < kConnections / 4; ++i) clients.push_back(client());
      for (int n = 0; n < kRequestsEach; ++n) {
        const std::string body = std::to_string(w) + "-" + std::to_string(n);
        for (auto& c : clients) c.send(post(body));
        for (auto& c : clients) right += c.read_reply().body == body ? 1 : 0;
      }
    });
  }
  for (auto& thread : writers) thread.join();
  for (auto& thread : answerers) thread.join();
  EXPECT_EQ(right, kConnections * kRequestsEach);
  EXPECT_EQ(server->counts().requests, static_cast<std::uint64_t>(kConnections * kRequestsEach));
}

TEST_F(HttpServerTest, StopLetsTheAnswersUnderWayGoOut) {
  Waiting waiting;
  HttpServerOptions options;
  options.drain_timeout = std::chrono::seconds(30);
  const auto server = open(waiting.handler(), options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(client());
    clients.back().send(post(std::to_string(i)));
  }
  std::vector<std::pair<HttpRequest, Responder>> held;
  for (int i = 0; i < 8; ++i) held.push_back(waiting.take());
  std::thread stopper([&] { server->stop(); });
  for (auto& [request, responder] : held) responder.send(ok(request.body));
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(clients[static_cast<std::size_t>(i)].read_reply().body, std::to_string(i));
  stopper.join();
  EXPECT_FALSE(std::filesystem::exists(socket_path_));
  EXPECT_FALSE(client().connected());
}

TEST_F(HttpServerTest, StopAnswersWhatNobodyAnsweredInTimeWith503) {
  Waiting waiting;
  HttpServerOptions options;
  options.drain_timeout = std::chrono::milliseconds(0);
  const auto server = open(waiting.handler(), options);
  auto c = client();
  c.send(post("x"));
  auto [request, responder] = waiting.take();
  server->stop();
  EXPECT_EQ(c.read_reply().status, 503);
  EXPECT_TRUE(c.at_end());
  responder.send(ok("too late, and harmless"));
}

TEST_F(HttpServerTest, AResponderMayOutliveTheServer) {
  Waiting waiting;
  HttpServerOptions options;
  options.drain_timeout = std::chrono::milliseconds(0);
  auto server = open(waiting.handler(), options);
  auto c = client();
  c.send(post("x"));
  auto held = waiting.take();
  server.reset();
  held.second.send(ok("nobody is there"));
}

TEST_F(HttpServerTest, StopUnderLoadAnswersOrClosesEveryConnection) {
  // The races of suspend, resume and stop: answers arrive from two threads while the server goes.
  for (int round = 0; round < 20; ++round) {
    Waiting waiting;
    HttpServerOptions options;
    options.drain_timeout = std::chrono::milliseconds(round % 2 == 0 ? 0 : 20);
    auto server = open(waiting.handler(), options);
    std::atomic<bool> done{false};
    std::vector<std::thread> writers;
    for (int w = 0; w < 3; ++w) {
      writers.emplace_back([&] {
        auto c = client();
        while (c.connected()) {
          const Reply reply = c.ask(post("x"));
          if (reply.status != 200) break;
        }
      });
    }
    std::thread answerer([&] {
      for (int n = 0; n < 50 + round; ++n) {
        auto [request, responder] = waiting.take();
        responder.send(ok("y"));
      }
      done = true;
      // What comes from here on is held, so that stop() has something to answer.
    });
    while (!done) std::this_thread::yield();
    server->stop();
    for (auto& thread : writers) thread.join();
    answerer.join();
  }
}

}  // namespace
}  // namespace flowmyna::test
