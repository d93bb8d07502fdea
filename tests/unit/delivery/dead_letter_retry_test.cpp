#include "delivery/dead_letter_retry.h"

#include <gtest/gtest.h>

#include "tests/unit/outbox/scripted_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

class DeadLetterRetryTest : public testing::Test {
 protected:
  /// Has `count` operations die, each alone, with receipts from 1 on.
  void bury(std::size_t count) {
    write(vault, std::vector<std::string>(count, "x")).get();
    Settlement settlement;
    for (Receipt receipt = 1; receipt <= count; ++receipt) {
      settlement.dead.push_back({{receipt}, 422, "no", 1, 99});
    }
    Asked<void> settled;
    vault.settle({settlement}, settled.done());
    ASSERT_TRUE(settled.wait());
  }

  void start(LetterLimits limits, Asked<RetriedLetters>& asked,
             DeadLetterRetry::Returned returned) {
    DeadLetterRetry::start(
        [this](LetterLimits step, Done<RetriedLetters> done) {
          vault.retry_dead_letters(step, std::move(done));
        },
        limits, std::move(returned), asked.done());
  }

  /// The result as text, behind what delivery was told before it.
  std::string retry(LetterLimits limits) {
    std::string told;
    Asked<RetriedLetters> asked;
    start(limits, asked,
          [&told](Receipt lowest) { told += "back from " + std::to_string(lowest) + ": "; });
    return text(asked.wait()).insert(0, told);
  }

  Script script;
  Vault vault{std::make_unique<ScriptedStorage>(script), [] {}};
};

TEST_F(DeadLetterRetryTest, TakesStepsAndTellsDeliveryOnceAfterTheLast) {
  bury(7);
  LetterLimits limits = letters();
  limits.letters_max = 3;
  const int commits = script.commits;
  EXPECT_EQ(retry(limits), "back from 1: 7 letters, 7 operations, through 7");
  EXPECT_EQ(script.commits - commits, 3);
  EXPECT_EQ(everything(vault), "1:x 2:x 3:x 4:x 5:x 6:x 7:x");
}

TEST_F(DeadLetterRetryTest, StaysWithinItsLimits) {
  bury(5);
  EXPECT_EQ(retry(letters(1, 3)), "back from 2: 2 letters, 2 operations, through 3");
  EXPECT_EQ(everything(vault), "2:x 3:x");
}

TEST_F(DeadLetterRetryTest, ThousandsAreBackAfterStepsOfFiveHundred) {
  bury(1200);
  const int commits = script.commits;
  EXPECT_EQ(retry({}), "back from 1: 1200 letters, 1200 operations, through 1200");
  EXPECT_EQ(script.commits - commits, 3);
}

/// Notes after how many commits it was answered.
class NotingAppend final : public Append {
 public:
  explicit NotingAppend(const Script& script) : Append(upserts({"new"}), 1), script_(script) {}
  void done(Result<Receipt>) override { commits_.set_value(script_.commits); }
  std::future<int> commits() { return commits_.get_future(); }

 private:
  const Script& script_;
  std::promise<int> commits_;
};

TEST_F(DeadLetterRetryTest, AWriterThatComesMeanwhileDoesNotWaitForTheLastStep) {
  bury(100);
  LetterLimits one_by_one;
  one_by_one.letters_max = 1;
  const int before = script.commits;
  script.hold();
  Asked<RetriedLetters> asked;
  start(one_by_one, asked, [](Receipt) {});
  script.wait_until_a_commit_waits();
  auto append = std::make_unique<NotingAppend>(script);
  auto commits = append->commits();
  vault.append(std::move(append));
  script.release();
  EXPECT_EQ(commits.get() - before, 2);  // the first step's, and the one that it waited for
  EXPECT_EQ(asked.wait()->letters, 100U);
  EXPECT_EQ(script.commits - before, 100);
}

TEST_F(DeadLetterRetryTest, AnErrorIsToldAndDeliveryHearsOfItBecauseSomeMayBeBack) {
  bury(2);
  script.commit_fails = true;
  EXPECT_EQ(retry(letters()), "back from 1: disk I/O error");
  EXPECT_EQ(everything(vault), "");
  EXPECT_EQ(retry(letters()), "back from 1: 2 letters, 2 operations, through 2");
}

}  // namespace
}  // namespace flowmyna::test
