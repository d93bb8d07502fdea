// What writers who come again and again wait for besides their own commits.

#include <gtest/gtest.h>

#include <string>

#include "outbox/vault.h"
#include "tests/unit/outbox/scripted_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

class VaultRoundsTest : public testing::Test {
 protected:
  /// Appends once more from inside its own answer, `more` times.
  class Writer final : public Append {
   public:
    Writer(VaultRoundsTest& test, int more) : Append(upserts({"x"}), 1), test_(test), more_(more) {}
    void done(Result<Receipt>) override {
      test_.happened("writer");
      if (more_ == 0) return test_.finished_.set_value();
      test_.vault.append(std::make_unique<Writer>(test_, more_ - 1));
    }

   private:
    VaultRoundsTest& test_;
    const int more_;
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
  void read() {
    vault.read(limits(), [this](const Result<Window>&) { happened("read"); });
  }
  void compact() {
    vault.compact({}, [this](const Result<Compacted>&) { happened("compact"); });
  }
  /// One writer that comes three times; gives the order of what happened.
  std::string run() {
    vault.append(std::make_unique<Writer>(*this, 2));
    script.release();
    finished_.get_future().wait();
    vault.stop();
    return order_;
  }
  /// On the vault's thread.
  void happened(const std::string& what) { order_ += order_.empty() ? what : ' ' + what; }

  Script script;
  std::promise<void> finished_;
  std::string order_;
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
  vault.append(std::make_unique<Writer>(*this, 0));
  finished_.get_future().wait();
  occupy();
  settle();
  read();
  compact();
  script.release();
  vault.stop();
  EXPECT_EQ(order_, "writer settle read compact");
}

TEST_F(VaultRoundsTest, TendingIsPutOffOnceToo) {
  occupy();
  vault.settle({{}}, [this](const Result<void>&) {
    happened("settle");
    script.tending = Tending::kSoon;
  });
  script.on_tend = [this] { happened("tend"); };
  EXPECT_EQ(run(), "writer settle writer tend writer");
}

TEST_F(VaultRoundsTest, UnlessItIsUrgent) {
  occupy();
  vault.settle({{}}, [this](const Result<void>&) {
    happened("settle");
    script.tending = Tending::kNow;
  });
  script.on_tend = [this] { happened("tend"); };
  EXPECT_EQ(run(), "writer settle tend writer writer");
}

}  // namespace
}  // namespace flowmyna::test
