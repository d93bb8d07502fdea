#include "loop/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "outbox/vault.h"
#include "tests/unit/outbox/probe.h"
#include "tests/unit/outbox/scripted_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, AWakeUpThatComesBeforeTheWaitIsNotLost) {
  EventLoop loop;
  std::thread([&] { loop.wake(); }).join();
  loop.wait(std::nullopt);  // hangs otherwise
}

TEST(EventLoop, EachWakeUpIsSeenAfterWhatItIsFor) {
  EventLoop loop;
  std::atomic<int> work{0};
  std::thread other([&] {
    for (int i = 0; i < 20'000; ++i) {
      ++work;
      loop.wake();
      while (work != 0) std::this_thread::yield();
    }
  });
  for (int done = 0; done < 20'000;) {
    loop.wait(std::nullopt);
    done += work.exchange(0);
  }
  other.join();
}

TEST(EventLoop, ServesASourceThatIsReadyOrDue) {
  EventLoop loop;
  Probe probe;
  loop.attach(probe);
  loop.wait(milliseconds{0});
  EXPECT_EQ(probe.served, 0);
  probe.make_ready();
  loop.wait(std::nullopt);
  EXPECT_EQ(probe.served, 1);
  probe.due = milliseconds{0};
  loop.wait(std::nullopt);
  EXPECT_EQ(probe.served, 2);
}

TEST(EventLoop, ALookServesWhatHasArrivedAndNotWhatIsDue) {
  EventLoop loop;
  Probe probe;
  loop.attach(probe);
  probe.due = milliseconds{0};
  loop.look();
  EXPECT_EQ(probe.served, 0);
  probe.make_ready();
  loop.look();
  EXPECT_EQ(probe.served, 1);
}

TEST(EventLoop, WhatIsDetachedIsNotServedAnyMore) {
  EventLoop loop;
  std::atomic<bool> ends{false};
  std::thread thread([&] {
    while (!ends) loop.wait(std::nullopt);
  });
  for (int round = 0; round < 200; ++round) {
    auto probe = std::make_unique<Probe>();
    loop.attach(*probe);
    probe->make_ready();
    while (probe->served == 0) std::this_thread::yield();
    probe->make_ready();
    loop.detach(*probe);
    const int served = probe->served;
    loop.between([&] { EXPECT_EQ(probe->served, served); });
    probe.reset();  // a sanitizer tells if it is used now
  }
  ends = true;
  loop.wake();
  thread.join();
}

TEST(EventLoop, TheVaultTakesWhatItsSourcesBringIntoOneCommit) {
  Script script;
  Vault vault(std::make_unique<ScriptedStorage>(script), [] {});
  std::vector<Answer> answers;
  Probe callers;
  callers.on_serve = [&] {
    // The first brings two; while they are taken in, a third arrives.
    const std::vector<std::vector<std::string>> arrivals = {{"a", "b"}, {"c"}};
    const auto turn = static_cast<std::size_t>(callers.served) - 1;
    if (turn >= arrivals.size()) return;
    for (const std::string& id : arrivals[turn]) answers.push_back(write(vault, {id}));
    if (turn == 0) callers.make_ready();
  };
  Asked<std::string> idle;
  vault.ask<std::string>([](OutboxQueries& stored) { return stored.id(); }, idle.done());
  ASSERT_TRUE(idle.wait());
  const int before = script.commits;
  callers.make_ready();
  vault.loop().attach(callers);
  while (callers.served < 2) std::this_thread::yield();
  vault.loop().detach(callers);  // whatever is served now has been
  ASSERT_EQ(answers.size(), 3U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(text(answers[i].get()), std::to_string(i + 1));
  }
  EXPECT_EQ(script.commits, before + 1);
}

}  // namespace
}  // namespace flowmyna::test
