// Which route a request takes, and what it is told when there is none; and the routes that only
// hand on to delivery.

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "router_bench.h"

namespace flowmyna::test {
namespace {

class Routing : public RouterBench {};

struct Path {
  const char* path;
  const char* methods;
};

// All of them.
constexpr Path kPaths[] = {
    {"/api/public/v1/object/upsert", "POST"},
    {"/api/public/v1/object/batch", "POST"},
    {"/api/public/v1/event", "POST"},
    {"/api/public/v1/event/batch", "POST"},
    {"/api/public/v1/health", "GET"},
    {"/agent/v1/status", "GET"},
    {"/agent/v1/receipts/1", "GET"},
    {"/agent/v1/pending", "GET"},
    {"/agent/v1/pending/1", "DELETE"},
    {"/agent/v1/dead-letters", "GET"},
    {"/agent/v1/dead-letters/1", "GET, DELETE"},
    {"/agent/v1/dead-letters/retry", "GET, DELETE, POST"},
    {"/agent/v1/dead-letters/1/retry", "POST"},
    {"/agent/v1/exports", "POST"},
    {"/agent/v1/exports/x", "GET"},
    {"/agent/v1/exports/x/drop", "POST"},
    {"/agent/v1/imports/x", "GET, POST"},
    {"/agent/v1/backups", "POST"},
    {"/agent/v1/backups/x", "POST, GET, DELETE"},
    {"/agent/v1/flush", "POST"},
    {"/agent/v1/pause", "POST"},
    {"/agent/v1/resume", "POST"},
    {"/metrics", "GET"},
};

TEST_F(Routing, EachPathTakesItsMethodsAndNamesThemWhenItIsAskedWithAnother) {
  for (const auto& [path, methods] : kPaths) {
    for (const char* other : {"PATCH", "HEAD", "OPTIONS", "get", "Post", ""}) {
      const HttpResponse reply = ask(other, path);
      EXPECT_EQ(text(reply), "405 Method Not Allowed") << other << ' ' << path;
      EXPECT_EQ(reply.allow, methods) << path;
    }
    std::istringstream all(methods);
    for (std::string method; std::getline(all >> std::ws, method, ',');) {
      const HttpResponse reply = ask(method, path);
      EXPECT_NE(reply.status, 405) << method << ' ' << path;
      EXPECT_NE(text(reply), "404 Not Found") << method << ' ' << path;
      EXPECT_EQ(reply.allow, "") << method << ' ' << path;
    }
  }
}

TEST_F(Routing, WhatIsNoRouteIsNotFound) {
  for (const char* path : {"/",
                           "",
                           "*",
                           "/agent",
                           "/agent/v1",
                           "/agent/v2/status",
                           "/agent/v1/statu",
                           "/agent/v1/statuses",
                           "/agent/v1/status/x",
                           "/AGENT/v1/status",
                           "agent/v1/status",
                           "//agent/v1/status",
                           "/agent//v1/status",
                           "/agent/v1/../v1/status",
                           "/agent/v1/%73tatus",
                           "/agent/v1/dead%2Dletters",
                           "/agent%2Fv1%2Fstatus",
                           "/metrics\\",
                           "/api/public/v1",
                           "/api/public/v1/event/batch/1"}) {
    const HttpResponse reply = ask("GET", path);
    EXPECT_EQ(text(reply), "404 Not Found") << path;
    EXPECT_EQ(reply.allow, "") << path;
  }
}

TEST_F(Routing, APathOfMoreSegmentsThanItsRouteIsAnother) {
  for (const char* path :
       {"/agent/v1/receipts/1/2", "/agent/v1/pending/1/2", "/agent/v1/dead-letters/1/retry/now",
        "/agent/v1/dead-letters/1/drop", "/agent/v1/exports/x/drop/1", "/agent/v1/imports/x/y",
        "/agent/v1/backups/x/y", "/metrics/1"}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      EXPECT_EQ(answer(method, path), "404 Not Found") << path;
    }
  }
}

TEST_F(Routing, ASlashAtTheEndDoesNotCountButASecondOneDoes) {
  write("Order", "1", "{}");
  EXPECT_EQ(ask("GET", "/agent/v1/status/").status, 200);
  EXPECT_EQ(ask("GET", "/metrics/?").status, 200);
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1/"), R"(200 {"receipt":1,"state":"pending"})");
  EXPECT_EQ(answer("GET", "/agent/v1/dead-letters/"), R"(200 {"dead_letters":[],"more":false})");
  EXPECT_EQ(answer("POST", "/agent/v1/dead-letters/1/retry/"),
            "404 no dead letter has the number 1: operation 1 is pending");
  EXPECT_EQ(answer("GET", "/agent/v1/status//"), "404 Not Found");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1//"), "404 Not Found");
}

TEST_F(Routing, ASegmentThatIsEmptyIsNoNumberAndNoId) {
  for (const char* path :
       {"/agent/v1/receipts", "/agent/v1/receipts/", "/agent/v1/receipts//", "/agent/v1/pending//",
        "/agent/v1/dead-letters//", "/agent/v1/dead-letters//retry", "/agent/v1/exports//drop",
        "/agent/v1/imports", "/agent/v1/imports/", "/agent/v1/imports//", "/agent/v1/backups//"}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      EXPECT_EQ(answer(method, path), "404 Not Found") << method << ' ' << path;
    }
  }
  const HttpResponse reply = ask("DELETE", "/agent/v1/pending/");
  EXPECT_EQ(reply.status, 405) << "the listing";
  EXPECT_EQ(reply.allow, "GET");
}

TEST_F(Routing, AVeryLongPathIsReadToItsEnd) {
  constexpr std::size_t kLong = 1U << 20;
  EXPECT_EQ(answer("GET", std::string(kLong, '/')), "404 Not Found");
  EXPECT_EQ(answer("GET", "/" + std::string(kLong, 'a')), "404 Not Found");
  EXPECT_EQ(ask("GET", "/agent/v1/receipts/" + std::string(kLong, '1')).status, 404);
  EXPECT_EQ(answer("GET", "/agent/v1/status" + std::string(kLong, 's')), "404 Not Found");
  EXPECT_EQ(ask("GET", "/agent/v1/status?" + std::string(kLong, '&')).status, 200);
  EXPECT_EQ(ask("GET", "/agent/v1/pending?" + std::string(kLong, '&')).status, 200);
}

TEST_F(Routing, ARefusalIsJsonWhateverTheQueryHolds) {
  for (const char* query : {"%ff=1", "%c3%28=1", "%ed%a0%80=1", "%00=1", "%22%5c=1", "%0a=1"}) {
    for (const char* path : {"/agent/v1/pending", "/agent/v1/dead-letters"}) {
      const HttpResponse reply = ask("GET", std::string(path) + "?" + query);
      EXPECT_EQ(reply.status, 422) << path << '?' << query;
      EXPECT_TRUE(nlohmann::json::parse(reply.body, nullptr, false).contains("detail"))
          << path << '?' << query << ' ' << reply.body;
    }
  }
}

TEST_F(Routing, FlushPauseAndResumeAskDeliveryOnce) {
  write("Order", "1", "{}");
  write("Order", "2", "{}");
  EXPECT_EQ(answer("POST", "/agent/v1/flush"), R"(200 {"pending":2})");
  EXPECT_EQ(delivery.asked, "flush");
  EXPECT_EQ(answer("POST", "/agent/v1/pause"), R"(200 {"state":"paused"})");
  EXPECT_EQ(delivery.asked, "flush pause");
  EXPECT_EQ(answer("POST", "/agent/v1/resume", "not JSON"), R"(200 {"state":"delivering"})");
  EXPECT_EQ(delivery.asked, "flush pause resume");
  ask("GET", "/agent/v1/flush");
  EXPECT_EQ(delivery.asked, "flush pause resume") << "405 asks for nothing";
}

}  // namespace
}  // namespace flowmyna::test
