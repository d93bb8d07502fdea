// A backup over the router's routes: who may have it, and what it is.

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

/// Made before the rest, so that it outlives it.
struct Place {
  const TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

class BackupRoutes : private Place, public RouterBench {
 protected:
  BackupRoutes() : RouterBench(open_storage(path)) { user = geteuid(); }

  /// The path of one that is begun.
  std::string begin() {
    const HttpResponse reply = ask("POST", "/agent/v1/backups");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return "/agent/v1/backups/" + json::parse(reply.body)["backup"].get<std::string>();
  }
};

TEST_F(BackupRoutes, GoOnUntilItIsReadyAndThenItIsRead) {
  ASSERT_TRUE(test::write(vault, {"a", "b"}).get());
  const std::string backup = begin();
  EXPECT_EQ(ask("GET", backup + "?from=0").status, 409) << "not ready";
  json progress;
  do {
    const HttpResponse reply = ask("POST", backup);
    ASSERT_EQ(reply.status, 200) << reply.body;
    progress = json::parse(reply.body);
  } while (progress["state"] != "ready");
  std::string bytes;
  while (true) {
    const HttpResponse piece = ask("GET", backup + "?from=" + std::to_string(bytes.size()));
    ASSERT_EQ(piece.status, 200) << piece.body;
    if (piece.body.empty()) break;
    bytes += piece.body;
  }
  EXPECT_EQ(bytes.size(), progress["bytes"].get<std::size_t>());
  EXPECT_EQ(bytes.substr(0, 15), "SQLite format 3");
  EXPECT_EQ(ask("GET", backup + "?from=x").status, 422);
  EXPECT_EQ(ask("DELETE", backup).status, 200);
  EXPECT_EQ(ask("POST", backup).status, 409) << "it is gone";
}

TEST_F(BackupRoutes, ThereIsOneAtATime) {
  begin();
  const HttpResponse reply = ask("POST", "/agent/v1/backups");
  EXPECT_EQ(reply.status, 503) << reply.body;
}

TEST_F(BackupRoutes, AreForRootAndTheAgentsOwnUserAlone) {
  const std::string backup = begin();
  user = geteuid() + 1;
  for (const auto& [method, target] : {std::pair{"POST", std::string("/agent/v1/backups")},
                                       {"POST", backup},
                                       {"GET", backup + "?from=0"},
                                       {"DELETE", backup}}) {
    EXPECT_EQ(ask(method, target).status, 403) << method << ' ' << target;
  }
  user = std::nullopt;  // TCP: whoever has the key
  EXPECT_EQ(ask("POST", backup).status, 403);
  user = 0;
  EXPECT_EQ(ask("POST", backup).status, 200);
  user = geteuid();
  EXPECT_EQ(ask("POST", backup).status, 200);
}

}  // namespace
}  // namespace flowmyna::test
