#include "delivery/delivery.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "foreman_sides.h"

namespace flowmyna::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

/// An API that is well, but has had too many requests.
class BusyApi final : public PolledTransport {
 public:
  void send(const OutgoingRequest& request, Done done) override {
    answers_.push_back([this, is_get = request.is_get, done = std::move(done)] {
      done(is_get ? healthy() : too_many_requests());
      has_refused_ |= !is_get;
    });
    wake();
  }
  void network_changed() override {}
  void poll(milliseconds timeout) override {
    wait(timeout);
    for (const auto& answer : std::exchange(answers_, {})) answer();
  }
  void wake() override {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
    woken_.notify_all();
  }

  bool has_refused() const { return has_refused_; }
  /// For a wake-up, which is used up.
  void wait(milliseconds timeout) {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, timeout, [this] { return is_woken_; });
    is_woken_ = false;
  }

 private:
  std::vector<std::function<void()>> answers_;
  bool has_refused_ = false;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ = false;  // under mutex_
};

/// An outbox that is asked how it is in every step of a foreman, and does something then.
class AskedOutbox final : public InstantOutbox {
 public:
  std::function<void()> when_asked;

  OutboxStats stats() const override {
    if (when_asked) when_asked();
    return InstantOutbox::stats();
  }
};

TEST(Delivery, WhoeverStopsItInTheMiddleOfAStepFindsUnsealedWhatSurelyDidNotArrive) {
  const Silence silence;
  const HandClock clock;
  auto owned = std::make_unique<BusyApi>();
  BusyApi& api = *owned;
  AskedOutbox outbox;
  outbox.accept(OperationList().upsert("T/1"));
  ForemanOptions options;
  options.linger = milliseconds(0);
  Delivery delivery(options, std::move(owned), clock);

  std::promise<bool> is_sealed;
  outbox.when_asked = [&, is_over = false]() mutable {
    if (!api.has_refused() || std::exchange(is_over, true)) return;
    // From here on the transport is woken by `stop` alone, once the thread can see that it stops.
    api.wait(milliseconds(0));
    is_sealed.set_value(outbox.sealed().size() == 1);
    api.wait(minutes(1));
    api.wake();
  };
  delivery.start(outbox);
  EXPECT_TRUE(is_sealed.get_future().get());
  delivery.stop(minutes(1));
  EXPECT_EQ(outbox.sealed().size(), 0U);
  EXPECT_EQ(outbox.state_of(1), ReceiptState::kPending);
}

TEST(Delivery, WhatIsAskedForBeforeItStartsIsDoneOnceItHas) {
  const Silence silence;
  const HandClock clock;
  InstantOutbox outbox;
  Delivery delivery(ForemanOptions(), std::make_unique<BusyApi>(), clock);
  EXPECT_EQ(delivery.status().state, DeliveryState::kIdle);
  std::promise<std::size_t> stuck;
  delivery.post(&DeliveryActions::pause);
  delivery.post([&](const DeliveryActions& actions) { stuck.set_value(actions.stuck(10).size()); });
  delivery.start(outbox);
  EXPECT_EQ(stuck.get_future().get(), 0U);
  while (delivery.status().state != DeliveryState::kPaused) std::this_thread::yield();
}

}  // namespace
}  // namespace flowmyna::test
