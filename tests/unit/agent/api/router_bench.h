#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "agent/api/router.h"
#include "fake_delivery.h"
#include "outbox/vault.h"
#include "tests/contract/memory_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {

class RouterClock final : public Clock {
 public:
  BootTime boot_now() const override { return boot; }
  std::int64_t unix_now_ms() const override { return unix_ms; }
  bool is_synchronised() const override { return is_right; }
  BootId boot_id() const override { return 7; }

  BootTime boot{5'000};
  std::int64_t unix_ms = 1'760'000'000'000;
  bool is_right = true;
};

/// The routes without a socket: the outbox in memory, delivery faked, requests and answers as
/// values.
class RouterBench : public testing::Test {
 protected:
  RouterBench() : RouterBench(std::make_unique<MemoryStorage>()) {}
  explicit RouterBench(std::unique_ptr<Storage> storage)
      : vault(std::move(storage), {}), delivery(vault) {}

  /// The body is JSON; of other requests `request` says more.
  HttpResponse ask(const std::string& method, const std::string& target, std::string body = "") {
    return ask(request(method, target, std::move(body)));
  }
  HttpRequest request(const std::string& method, const std::string& target,
                      std::string body = "") const {
    HttpRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.content_type = "application/json";
    request.body = std::move(body);
    request.user = user;
    return request;
  }
  HttpResponse ask(HttpRequest request) { return begin(std::move(request)).get(); }
  /// The same for an answer that does not come by itself.
  std::future<HttpResponse> begin(HttpRequest request) {
    request.body.reserve(request.body.size() + kBodyPadding);
    auto channel = std::make_shared<Channel>();
    auto answer = channel->answer.get_future();
    router->handle(request, Responder(std::move(channel)));
    return answer;
  }
  /// `200 {…}`; of a refusal `404 detail`.
  std::string answer(const std::string& method, const std::string& target, std::string body = "") {
    return text(ask(method, target, std::move(body)));
  }
  static std::string text(const HttpResponse& response) {
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    const bool is_refusal = body.is_object() && body.contains("detail");
    const bool is_plain = is_refusal && body["detail"].is_string();
    return std::to_string(response.status) + " " +
           (is_plain     ? body["detail"].get<std::string>()
            : is_refusal ? body["detail"].dump()
                         : response.body);
  }
  void write(const std::string& type, const std::string& id, const std::string& properties) {
    ASSERT_EQ(
        ask("POST", "/api/public/v1/object/upsert",
            R"({"type":")" + type + R"(","id":")" + id + R"(","properties":)" + properties + '}')
            .status,
        200);
  }
  void settle(Settlement settlement) {
    Asked<void> asked;
    vault.settle({std::move(settlement)}, asked.done());
    must(asked.wait());
  }
  void deliver(std::vector<Receipt> receipts) {
    Settlement settlement;
    settlement.delivered = std::move(receipts);
    settle(std::move(settlement));
  }
  void bury(std::vector<Receipt> members, int status, const std::string& reason) {
    Settlement settlement;
    settlement.dead.push_back({std::move(members), status, reason, 3, 1'760'000'000});
    settle(std::move(settlement));
  }

  /// What was accepted is of an earlier run from now on.
  void restart() { router.emplace(vault, delivery, clock); }

  std::optional<uid_t> user = 1000;  ///< who asks
  RouterClock clock;
  Vault vault;
  FakeDelivery delivery;
  std::optional<Router> router{std::in_place, vault, delivery, clock};

 private:
  struct Channel final : Responder::Channel {
    void send(HttpResponse response) override { answer.set_value(std::move(response)); }
    std::promise<HttpResponse> answer;
  };
};

}  // namespace flowmyna::test
