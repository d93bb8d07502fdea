// A backup over the desk's routes: who may have it, and what it is.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/desk.h"
#include "agent/system_clock.h"
#include "outbox/vault.h"
#include "tests/unit/agent/fake_delivery.h"
#include "tests/unit/agent/raw_client.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

class BackupRoutes : public testing::Test {
 protected:
  BackupRoutes() {
    door_ = Door::open(vault.loop(), *listen_unix(directory_.file("agent.sock"), 0600, ""), {},
                       [this](const HttpRequest& request, Responder responder) {
                         HttpRequest asked = request;
                         if (is_disguised) asked.user = user;
                         desk_.handle(asked, std::move(responder));
                       })
                .value();
  }
  ~BackupRoutes() override { door_->stop(); }

  Reply ask(const std::string& method, const std::string& target) {
    return RawClient::unix_socket(directory_.file("agent.sock"))
        .ask(method + " " + target + " HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\n\r\n");
  }
  /// The path of one that is begun.
  std::string begin() {
    const Reply reply = ask("POST", "/agent/v1/backups");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return "/agent/v1/backups/" + json::parse(reply.body)["backup"].get<std::string>();
  }
  /// Who asks, instead of who does.
  void disguise(std::optional<uid_t> as) {
    is_disguised = true;
    user = as;
  }

 private:
  const TemporaryDirectory directory_;

 protected:
  const std::string path = directory_.file("outbox.db");
  Vault vault{open_storage(path), [] {}};
  FakeDelivery delivery{vault};
  SystemClock clock;
  bool is_disguised = false;
  std::optional<uid_t> user;

 private:
  Desk desk_{vault, delivery, clock};
  std::unique_ptr<Door> door_;
};

TEST_F(BackupRoutes, GoOnUntilItIsReadyAndThenItIsRead) {
  ASSERT_TRUE(write(vault, {"a", "b"}).get());
  const std::string backup = begin();
  EXPECT_EQ(ask("GET", backup + "?from=0").status, 409) << "not ready";
  json progress;
  do {
    const Reply reply = ask("POST", backup);
    ASSERT_EQ(reply.status, 200) << reply.body;
    progress = json::parse(reply.body);
  } while (progress["state"] != "ready");
  std::string bytes;
  while (true) {
    const Reply piece = ask("GET", backup + "?from=" + std::to_string(bytes.size()));
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
  const Reply reply = ask("POST", "/agent/v1/backups");
  EXPECT_EQ(reply.status, 503) << reply.body;
}

TEST_F(BackupRoutes, AreForRootAndTheAgentsOwnUserAlone) {
  const std::string backup = begin();
  disguise(geteuid() + 1);
  for (const auto& [method, target] : {std::pair{"POST", std::string("/agent/v1/backups")},
                                       {"POST", backup},
                                       {"GET", backup + "?from=0"},
                                       {"DELETE", backup}}) {
    EXPECT_EQ(ask(method, target).status, 403) << method << ' ' << target;
  }
  disguise(std::nullopt);  // TCP: whoever has the key
  EXPECT_EQ(ask("POST", backup).status, 403);
  disguise(0);
  EXPECT_EQ(ask("POST", backup).status, 200);
  disguise(geteuid());
  EXPECT_EQ(ask("POST", backup).status, 200);
}

}  // namespace
}  // namespace flowmyna::test
