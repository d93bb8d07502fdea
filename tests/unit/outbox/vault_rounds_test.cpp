// What writers who come again and again wait for besides their own commits.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "outbox/vault.h"
#include "tests/unit/outbox/probe.h"
#include "tests/unit/outbox/scripted_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

class VaultRoundsTest : public testing::Test {
 protected:
  class Write final : public Append {
   public:
    explicit Write(std::function<void()> answered)
        : Append(upserts({"x"}), 1), answered_(std::move(answered)) {}
    void done(Result<Receipt>) override { answered_(); }

   private:
    std::function<void()> answered_;
  };

  void TearDown() override { script.release(); }

  /// What is asked for until `run` is in the queue of one round.
  void occupy() {
    script.hold();
    write(vault, {"first"});
    script.wait_until_a_commit_waits();
  }
  void settle() {
    vault.settle({{}}, [this](const Result<void>&) { happened("settle"); });
  }
  /// A settlement after which the storage wants to be tended.
  void settle_and_want(Tending tending) {
    script.on_tend = [this] { happened("tend"); };
    vault.settle({{}}, [this, tending](const Result<void>&) {
      happened("settle");
      script.tending = tending;
    });
  }
  void read() {
    vault.read(limits(10'000), [this](const Result<Window>&) { happened("read"); });
  }
  void compact() {
    vault.compact({}, [this](const Result<Compacted>&) { happened("compact"); });
  }
  /// A writer who writes again once he is answered, so often in all.
  void write_in_turn(int times) {
    vault.append(std::make_unique<Write>([this, times] {
      happened("writer");
      if (times == 1) return finished_.set_value();
      write_in_turn(times - 1);
    }));
  }
  /// A writer comes three times; gives the order of what happened.
  std::string run() {
    write_in_turn(3);
    script.release();
    finished_.get_future().wait();
    vault.stop();
    return order_;
  }
  /// On the vault's thread.
  void happened(const std::string& what) {
    order_ += order_.empty() ? what : ' ' + what;
    turns_.push_back(vault.loop().turn());
  }

  Script script;
  std::promise<void> finished_;
  std::string order_;
  std::vector<std::uint64_t> turns_;  // when it happened
  Vault vault{std::make_unique<ScriptedStorage>(script), [] {}};
};

TEST_F(VaultRoundsTest, WaitForOneThingARound) {
  occupy();
  read();
  compact();
  EXPECT_EQ(run(), "writer read writer compact writer");
}

TEST_F(VaultRoundsTest, AfterASettlementWhatElseThereIsWaitsForThem) {
  occupy();
  settle();
  read();
  EXPECT_EQ(run(), "writer settle writer read writer");
}

TEST_F(VaultRoundsTest, NothingIsPutOffTwice) {
  occupy();
  settle();
  read();
  vault.settle({{}}, [this](const Result<void>&) {
    happened("settle");
    settle();  // the next round has one as well
  });
  compact();
  EXPECT_EQ(run(), "writer settle settle writer settle read compact writer");
}

TEST_F(VaultRoundsTest, WithoutWritersNothingIsPutOff) {
  occupy();
  settle();
  read();
  compact();
  script.release();
  vault.stop();
  EXPECT_EQ(order_, "settle read compact");
  EXPECT_EQ(turns_, std::vector(3, turns_.front()));
}

TEST_F(VaultRoundsTest, TendingIsPutOffOnceToo) {
  occupy();
  settle_and_want(Tending::kSoon);
  EXPECT_EQ(run(), "writer settle writer tend writer");
}

TEST_F(VaultRoundsTest, UnlessItIsUrgent) {
  occupy();
  settle_and_want(Tending::kNow);
  EXPECT_EQ(run(), "writer settle tend writer writer");
}

TEST_F(VaultRoundsTest, BetweenTwoPiecesOfAReadAClientIsServed) {
  write(vault, std::vector<std::string>(3000, "a")).get();
  Probe server;
  server.on_serve = [&] {
    if (server.served == 1) write_in_turn(1);
  };
  // Not what arrives, but what it has to go on with, such as a connection that it had set aside.
  script.on_read = [&server] { server.due = std::chrono::milliseconds{0}; };
  vault.loop().attach(server);
  read();
  finished_.get_future().wait();
  vault.stop();
  EXPECT_EQ(order_.substr(0, order_.find(" read")), "writer") << order_;
}

TEST_F(VaultRoundsTest, WhatAServerHandsOverIsOfTheTurnThatDoesIt) {
  Probe server;
  int left = 200;
  int late = 0;
  std::optional<std::uint64_t> handed_over;  // until it is answered: in which turn
  server.on_serve = [&] {
    if (handed_over && handed_over != vault.loop().turn()) ++late;
    if (!handed_over && left > 0) {
      handed_over = vault.loop().turn();
      vault.append(std::make_unique<Write>([&] {
        handed_over.reset();
        settle();
        read();
        happened("writer");
        if (--left == 0) finished_.set_value();
      }));
    }
    if (left > 0) server.make_ready();
  };
  vault.loop().attach(server);
  server.make_ready();
  finished_.get_future().wait();
  vault.stop();
  EXPECT_EQ(late, 0);
  // What takes longer would be told so, however busy the vault is.
  EXPECT_GE(turns_.back() - turns_.front(), 199U);
}

}  // namespace
}  // namespace flowmyna::test
