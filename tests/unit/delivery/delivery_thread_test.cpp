#include "delivery/delivery_thread.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <utility>

#include "foreman_sides.h"

namespace flowmyna::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

/// An API that is well, but has had too many requests.
class BusyApi final : public Transport {
 public:
  explicit BusyApi(DeliveryThread& thread) : thread_(thread) {}

  void send(const OutgoingRequest& request, Done done) override {
    thread_.post([this, is_get = request.is_get, done = std::move(done)] {
      done(is_get ? healthy() : too_many_requests());
      has_refused_ |= !is_get;
    });
  }
  void network_changed() override {}
  bool has_refused() const { return has_refused_; }

 private:
  DeliveryThread& thread_;
  bool has_refused_ = false;
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

TEST(DeliveryThread, WhoeverStopsItInTheMiddleOfAStepFindsUnsealedWhatSurelyDidNotArrive) {
  const Silence silence;
  const HandClock clock;
  DeliveryThread thread(CourierOptions(), clock);
  BusyApi api(thread);
  AskedOutbox outbox;
  outbox.accept(Backlog().upsert("T/1"));
  ForemanOptions options;
  options.linger = milliseconds(0);
  Foreman foreman(
      options, outbox, api, clock,
      [&thread](std::function<void()> work) { thread.post(std::move(work)); }, &random_uuid);

  std::promise<bool> is_sealed;
  outbox.when_asked = [&, is_over = false]() mutable {
    if (!api.has_refused() || std::exchange(is_over, true)) return;
    // From here on the courier is woken by `stop` alone, once the thread can see that it stops.
    thread.courier().poll(milliseconds(0));
    is_sealed.set_value(outbox.sealed().size() == 1);
    thread.courier().poll(minutes(1));
    thread.courier().wake();
  };
  thread.start(foreman);
  EXPECT_TRUE(is_sealed.get_future().get());
  thread.stop(minutes(1));
  EXPECT_EQ(outbox.sealed().size(), 0U);
  EXPECT_EQ(outbox.state_of(1), ReceiptState::kPending);
}

}  // namespace
}  // namespace flowmyna::test
