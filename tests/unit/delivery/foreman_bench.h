#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/foreman.h"
#include "foreman_sides.h"

namespace flowmyna::test {

/// A foreman whose requests are answered by hand, on a delivery thread that is the test's own. All
/// that can happen at a moment has happened when a call returns; time passes in `pass` alone.
class ForemanBench : public testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  ForemanBench() {
    options.linger = std::chrono::milliseconds(0);
    options.requests_per_minute_max = 0;
    options.backoff = {kBackOff, kBackOff};
    options.plan.items_max = 1;
  }

  /// Of every failure, whatever came before.
  static constexpr std::chrono::seconds kBackOff{1};

  ForemanOptions options;  ///< as they stand when `foreman` is first called

  Foreman& foreman() {
    if (!foreman_) {
      foreman_.emplace(
          options,
          Foreman::Sides{outbox_, network_, clock_, board_,
                         [this](std::function<void()> work) { posted_.push_back(std::move(work)); },
                         [this] { return "key " + std::to_string(++keys_); }});
    }
    return *foreman_;
  }
  InstantOutbox& outbox() { return outbox_; }
  DeliveryStatus status() const { return board_.status(); }
  BootTime now() const { return clock_.boot_now(); }

  void accept(const OperationList& operations) {
    outbox_.accept(operations);
    work();
  }
  void pass(std::chrono::milliseconds time) {
    clock_.pass(time);
    work();
  }
  /// As the delivery thread does, until there is nothing to do.
  void work() {
    for (int turns = 0; turns < kTurnsMax; ++turns) {
      for (const auto& posted : std::exchange(posted_, {})) posted();
      const auto deadline = foreman().advance();
      const bool was_probed = network_.answer_probe();
      const bool is_due = deadline && *deadline <= now();
      if (posted_.empty() && !was_probed && !is_due) return;
    }
    FAIL() << "the foreman spins";
  }

  /// The receipts that are in each request under way, oldest request first: "1 2+3" is one of two
  /// items, of which the second was merged.
  Strings under_way() {
    Strings out;
    for (const auto& flight : network_.flights) out.push_back(receipts_in(flight.key));
    return out;
  }
  /// The request that `under_way` shows so.
  void answer(const std::string& receipts, const Answer& answer) {
    const auto is_meant = [&](const auto& it) { return receipts_in(it.key) == receipts; };
    const auto flight = std::ranges::find_if(network_.flights, is_meant);
    ASSERT_NE(flight, network_.flights.end()) << receipts << " is not under way";
    const auto done = std::move(flight->done);
    network_.flights.erase(flight);
    done(answer);
    work();
  }

 private:
  // More than any test here needs.
  static constexpr int kTurnsMax = 1000;

  struct Network final : Transport {
    struct Flight {
      std::string key;
      Done done;
    };
    void send(const OutgoingRequest& request, Done done) override {
      if (request.is_get) {
        probe = std::move(done);
      } else {
        flights.push_back({request.idempotency_key, std::move(done)});
      }
    }
    void network_changed() override {}
    bool answer_probe() {
      if (!probe) return false;
      std::exchange(probe, nullptr)(healthy());
      return true;
    }
    std::vector<Flight> flights;
    Done probe;
  };

  std::string receipts_in(const std::string& key) {
    const auto seals = outbox_.sealed();
    const auto seal = std::ranges::find(seals, key, &Seal::idempotency_key);
    if (seal == seals.end()) return "not sealed";
    std::string out;
    for (const ItemMembers& members : seal->items) {
      out += out.empty() ? "" : " ";
      for (const Receipt receipt : members) {
        out += (receipt == members.front() ? "" : "+") + std::to_string(receipt);
      }
    }
    return out;
  }

  Silence silence_;
  HandClock clock_;
  InstantOutbox outbox_;
  Network network_;
  StatusBoard board_;
  std::vector<std::function<void()>> posted_;
  int keys_ = 0;
  std::optional<Foreman> foreman_;
};

}  // namespace flowmyna::test
