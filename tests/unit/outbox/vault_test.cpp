#include "outbox/vault.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/unit/outbox/scripted_storage.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

class VaultTest : public testing::Test {
 protected:
  void start(std::uint64_t quota_bytes = 1U << 30) {
    vault = std::make_unique<Vault>(std::make_unique<ScriptedStorage>(script, quota_bytes),
                                    [this] { ++appended; });
  }
  void SetUp() override { start(); }
  void TearDown() override { script.release(); }

  /// Has the vault wait in the commit of a first append, so that what is asked next queues up.
  Answer occupy() {
    script.hold();
    Answer answer = write(*vault, {"first"});
    script.wait_until_a_commit_waits();
    return answer;
  }

  Result<void> settle(Settlement settlement) {
    Asked<void> asked;
    vault->settle({std::move(settlement)}, asked.done());
    return asked.wait();
  }

  Script script;
  std::atomic<int> appended = 0;
  std::unique_ptr<Vault> vault;
};

Settlement delivered(std::vector<Receipt> receipts) {
  Settlement out;
  out.id = 1;
  out.delivered = std::move(receipts);
  return out;
}

bool is_answered(const Answer& answer) {
  return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST_F(VaultTest, SpaceIsGivenBackUnderATrickleAsWell) {
  // Never two seconds without anything.
  for (int i = 0; i < 600 && script.shrinks == 0; ++i) {
    Asked<ReceiptState> asked;
    vault->ask<ReceiptState>([](OutboxQueries& stored) { return stored.state(1); }, asked.done());
    ASSERT_TRUE(asked.wait());
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_GT(script.shrinks, 0);
}

TEST_F(VaultTest, WhatQueuesUpDuringACommitIsCommittedAtOnce) {
  auto first = occupy();
  std::vector<Answer> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(write(*vault, {"a", "b"}));
  Asked<void> sealed;
  vault->seal({{1, Kind::kUpsert, kKey, {{1}}}}, sealed.done());
  script.release();
  EXPECT_EQ(text(first.get()), "1");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(text(answers[static_cast<std::size_t>(i)].get()), std::to_string(2 + 2 * i));
  EXPECT_TRUE(sealed.wait());
  EXPECT_EQ(script.commits, 2);
}

/// The hour and minute of each pending event, `u` for an upsert.
std::string times(Vault& vault) {
  Asked<Window> asked;
  vault.read(limits(), asked.done());
  const Window window = asked.wait().value();
  std::string out;
  for (const auto& row : window.rows()) {
    out += (out.empty() ? "" : " ");
    const auto operation = Operation::parse(window.stored(row));
    out += operation->kind == Kind::kUpsert ? "u" : operation->timestamp.substr(11, 5);
  }
  return out;
}

TEST_F(VaultTest, ACorrectionOfTimesTakesItsTurnBehindTheSealsAndSharesTheirCommit) {
  const BootStamp stamp{7, BootTime(0)};
  OperationList events;
  events.event({{"Order/1"}}, "E", stamp).event({{"Order/2"}}, "E", stamp);
  auto accepted = std::make_unique<WaitingAppend>(events.encoded_operations());
  Answer answer = accepted->answer();
  vault->append(std::move(accepted));
  EXPECT_EQ(text(answer.get()), "1");
  EXPECT_EQ(vault->stats().unsynced_from, 1U);

  Answer writer = occupy();
  Asked<void> sealed;
  Asked<void> corrected;
  vault->seal({{1, Kind::kEvent, kKey, {{1}}}}, sealed.done());
  vault->correct_clock({7, 1'769'860'800'000}, corrected.done());
  const int commits = script.commits;
  script.release();
  EXPECT_TRUE(sealed.wait() && corrected.wait());
  EXPECT_EQ(text(writer.get()), "3");
  EXPECT_EQ(script.commits, commits + 2);
  EXPECT_EQ(vault->stats().unsynced_from, 0U);
  EXPECT_EQ(times(*vault), "03:04 12:00 u");
}

TEST_F(VaultTest, NothingIsFoldedPastWhatARetryBroughtBack) {
  const auto append = [this](const OperationList& backlog) {
    auto waiting = std::make_unique<WaitingAppend>(backlog.encoded_operations());
    Answer answer = waiting->answer();
    vault->append(std::move(waiting));
    return answer.get().value();
  };
  const auto compact = [this] {
    Asked<Compacted> asked;
    vault->compact({{}, 1000, 1U << 20, vault->stats().last_receipt}, asked.done());
    return asked.wait()->folds.size();
  };
  append(OperationList().upsert("Order/1").event({{"Order/1"}}).upsert("Order/2"));
  Settlement refusal;
  refusal.dead = {{{2}, 422, "no", 1, 99}};
  must(settle(refusal));
  EXPECT_EQ(compact(), 0U) << "and it has looked at all of them";
  Asked<RetriedLetters> retried;
  vault->retry_dead_letters(letter(2), retried.done());
  EXPECT_EQ(retried.wait()->operations, 1U);
  append(OperationList().upsert("Order/1"));
  EXPECT_EQ(compact(), 0U) << "the event that is back finds the object as it was";
  append(OperationList().upsert("Order/1"));
  EXPECT_EQ(compact(), 1U);
}

TEST_F(VaultTest, ALoneWriterWaitsForNobody) {
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(text(write(*vault, {"a"}).get()), std::to_string(i));
    EXPECT_EQ(script.commits, i);
  }
}

TEST_F(VaultTest, AnAnswerComesAfterItsCommitAndNotBefore) {
  Answer first = occupy();
  EXPECT_FALSE(is_answered(first));
  EXPECT_EQ(vault->stats().accepted, 0U);
  EXPECT_EQ(appended, 0);
  script.release();
  EXPECT_EQ(text(first.get()), "1");
  EXPECT_EQ(vault->stats().accepted, 1U);
}

TEST_F(VaultTest, WritersOfManyThreadsEachGetReceiptsOfTheirOwnInTheirOrder) {
  constexpr int kThreads = 8;
  constexpr int kAppends = 200;
  std::vector<std::vector<Receipt>> receipts(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<Answer> answers;
      for (int i = 0; i < kAppends; ++i) answers.push_back(write(*vault, {std::to_string(t)}));
      for (auto& answer : answers) receipts[t].push_back(answer.get().value());
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<Receipt> all;
  for (const auto& own : receipts) {
    EXPECT_TRUE(std::ranges::is_sorted(own));
    all.insert(all.end(), own.begin(), own.end());
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i + 1);
  EXPECT_EQ(vault->stats().accepted, kThreads * kAppends);
  EXPECT_LE(script.commits, kThreads * kAppends);
}

TEST_F(VaultTest, ARoundIsBoundedAndTheRestFollowsInOrder) {
  auto first = occupy();
  const std::vector<std::string> many(5000, "x");
  std::vector<Answer> answers;
  for (int i = 0; i < 4; ++i) answers.push_back(write(*vault, many));
  script.release();
  EXPECT_EQ(text(first.get()), "1");
  EXPECT_EQ(text(answers[0].get()), "2");
  EXPECT_EQ(text(answers[1].get()), "5002");
  EXPECT_EQ(text(answers[2].get()), "10002");
  EXPECT_EQ(text(answers[3].get()), "15002");
  EXPECT_EQ(script.commits, 3);
}

TEST_F(VaultTest, AFailedCommitTellsEveryWriterAndKeepsNothing) {
  auto first = occupy();
  auto second = write(*vault, {"second"});
  script.commit_fails = true;
  script.release();
  EXPECT_EQ(text(first.get()), "disk I/O error");
  EXPECT_EQ(text(second.get()), "1");
  EXPECT_EQ(everything(*vault), "1:second");
  EXPECT_EQ(script.reopens, 1);
  EXPECT_EQ(appended, 1);
}

TEST_F(VaultTest, AFailingAppendFailsItsWholeGroupButNotTheSettlesBesideIt) {
  write(*vault, {"a", "b"}).get();
  auto first = occupy();
  auto second = write(*vault, {"second"});
  auto third = write(*vault, {"third"});
  Asked<void> settled;
  vault->settle({delivered({1, 2})}, settled.done());
  script.append_fails = true;
  script.release();
  EXPECT_EQ(text(first.get()), "3");
  EXPECT_EQ(text(second.get()), "disk I/O error");
  EXPECT_EQ(text(third.get()), "disk I/O error");
  EXPECT_TRUE(settled.wait());
  EXPECT_EQ(vault->stats().delivered, 2U);
  EXPECT_EQ(everything(*vault), "3:first");
  EXPECT_EQ(script.reopens, 1);
}

TEST_F(VaultTest, AFullDiskIsNoReasonToReopen) {
  script.append_is_full = true;
  const auto refused = write(*vault, {"a"}).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::kFull);
  EXPECT_EQ(script.reopens, 0);
  EXPECT_EQ(script.reserves_given_up, 1);
  EXPECT_EQ(text(write(*vault, {"a"}).get()), "1");
}

TEST_F(VaultTest, AFailedSyncWhileTheReserveIsGivenUpHasTheFileOpenedAnew) {
  script.append_is_full = true;
  script.giving_up_fails = true;
  EXPECT_FALSE(write(*vault, {"a"}).get());
  EXPECT_EQ(script.reopens, 1);
  EXPECT_EQ(text(write(*vault, {"b"}).get()), "1");
}

TEST_F(VaultTest, AReadThatFindsDamageHasTheOutboxSalvagedAndIsAskedAgain) {
  EXPECT_EQ(text(write(*vault, {"a"}).get()), "1");
  script.read_finds_damage = true;
  EXPECT_EQ(everything(*vault), "1:a");
  EXPECT_EQ(script.salvages, 1);
  EXPECT_EQ(script.reopens, 0);
}

TEST_F(VaultTest, AFailedCheckpointTellsNoWriterAndHasTheFileOpenedAnew) {
  script.tend_fails = true;
  EXPECT_EQ(text(write(*vault, {"a"}).get()), "1");
  EXPECT_EQ(text(write(*vault, {"b"}).get()), "2");  // answered after the round before it has ended
  EXPECT_EQ(script.reopens, 1);
  EXPECT_EQ(everything(*vault), "1:a 2:b");
}

TEST_F(VaultTest, TheStateTellsWhatIsWrongUntilWhatWasRefusedWouldBeTaken) {
  vault.reset();
  start(upserts({"1", "2", "3"}).bytes());
  EXPECT_EQ(text(write(*vault, {"1", "2"}).get()), "1");
  EXPECT_EQ(vault->stats().state, OutboxState::kOk);
  EXPECT_FALSE(write(*vault, {"3", "4"}).get());
  EXPECT_EQ(text(write(*vault, {"3"}).get()), "3");
  EXPECT_EQ(vault->stats().state, OutboxState::kFull);
  EXPECT_NE(vault->stats().last_error.find("outbox.max_size"), std::string::npos);
  EXPECT_TRUE(settle(delivered({1, 2})));
  EXPECT_EQ(vault->stats().state, OutboxState::kOk);
  EXPECT_EQ(vault->stats().last_error, "");

  script.commit_fails = true;
  script.reopen_fails = true;
  EXPECT_FALSE(settle(delivered({3})));
  EXPECT_EQ(vault->stats().state, OutboxState::kFailed);
  EXPECT_EQ(vault->stats().last_error, "still broken");
  script.reopen_fails = false;
  EXPECT_TRUE(settle(delivered({3})));
  EXPECT_EQ(vault->stats().state, OutboxState::kOk);
}

TEST_F(VaultTest, AboveTheQuotaWritersAreRefusedOneByOneAndSettlingMakesRoom) {
  vault.reset();
  start(upserts({"1", "2", "3"}).bytes());
  auto first = occupy();  // "first" is longer than one of the others, shorter than two
  auto large = write(*vault, {"4", "5", "6"});
  auto small = write(*vault, {"7"});
  auto late = write(*vault, {"8"});
  script.release();
  EXPECT_EQ(text(first.get()), "1");
  const auto refused = large.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::kFull);
  EXPECT_NE(refused.error().message.find("outbox.max_size"), std::string::npos);
  EXPECT_EQ(text(small.get()), "2");
  EXPECT_FALSE(late.get());
  EXPECT_FALSE(write(*vault, {"9"}).get());
  EXPECT_TRUE(settle(delivered({1, 2})));  // answered after the round before it has ended
  EXPECT_EQ(appended, 2);
  EXPECT_EQ(text(write(*vault, {"4", "5", "6"}).get()), "3");
}

TEST_F(VaultTest, AFailedSettleTellsItsCaller) {
  write(*vault, {"a"}).get();
  script.commit_fails = true;
  const auto settled = settle(delivered({1}));
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().message, "disk I/O error");
  EXPECT_EQ(script.reopens, 1);
  EXPECT_EQ(everything(*vault), "1:a");
  EXPECT_TRUE(settle(delivered({1})));
  EXPECT_EQ(everything(*vault), "");
}

TEST_F(VaultTest, WhileItCannotBeOpenedAgainEverythingIsRefusedAndThenWorksByItself) {
  write(*vault, {"a"}).get();
  script.commit_fails = true;
  script.reopen_fails = true;
  EXPECT_EQ(text(write(*vault, {"b"}).get()), "disk I/O error");
  EXPECT_EQ(text(write(*vault, {"b"}).get()), "still broken");
  EXPECT_EQ(settle(delivered({1})).error().message, "still broken");
  EXPECT_EQ(everything(*vault), "still broken");
  EXPECT_EQ(vault->stats().accepted, 1U);
  script.reopen_fails = false;
  EXPECT_EQ(text(write(*vault, {"c"}).get()), "2");
  EXPECT_EQ(everything(*vault), "1:a 2:c");
  EXPECT_EQ(script.reopens, 5);  // once a round
}

TEST_F(VaultTest, OnAppendIsCalledForEachCommitThatAcceptedSomething) {
  auto first = occupy();
  auto second = write(*vault, {"second"});
  auto third = write(*vault, {"third"});
  script.release();
  third.get();
  EXPECT_TRUE(settle(delivered({1})));  // answered after the round before it has ended
  EXPECT_EQ(appended, 2);
}

TEST_F(VaultTest, AReadSeesWhatWasAnsweredBefore) {
  for (int i = 1; i <= 50; ++i) {
    write(*vault, {"a"}).get();
    Asked<ReceiptState> asked;
    vault->ask<ReceiptState>(
        [i](OutboxQueries& stored) { return stored.state(static_cast<Receipt>(i)); }, asked.done());
    EXPECT_EQ(asked.wait().value(), ReceiptState::kPending);
  }
}

TEST_F(VaultTest, SealedRequestsAndTheirOperationsComeBack) {
  write(*vault, {"a", "b"}).get();
  Asked<void> sealed;
  vault->seal({{1, Kind::kUpsert, kKey, {{2}}}, {2, Kind::kEvent, kKey, {{1}}}}, sealed.done());
  EXPECT_TRUE(sealed.wait());
  Asked<std::vector<Seal>> seals;
  vault->seals(seals.done());
  EXPECT_EQ(text(seals.wait()), "1u0190{ 2 } 2e0190{ 1 }");
  Asked<Window> fetched;
  vault->fetch({2, 1}, fetched.done());
  EXPECT_EQ(text(fetched.wait()), "2:b 1:a");
}

TEST_F(VaultTest, StoppingFinishesWhatWasQueuedAndRefusesWhatComesLater) {
  auto first = occupy();
  auto second = write(*vault, {"second"});
  Asked<Window> read;
  vault->read(limits(), read.done());
  script.release();
  vault->stop();
  EXPECT_EQ(text(first.get()), "1");
  EXPECT_EQ(text(second.get()), "2");
  EXPECT_TRUE(read.wait());
  const int commits = script.commits;

  const auto late = write(*vault, {"late"}).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Error::Kind::kStopping);
  EXPECT_EQ(settle(delivered({1})).error().kind, Error::Kind::kStopping);
  EXPECT_EQ(everything(*vault), late.error().message);
  vault->stop();
  EXPECT_EQ(script.commits, commits);
  EXPECT_EQ(vault->stats().accepted, 2U);
}

/// Appends once more from inside its own answer, as a router under load may.
class ChainedAppend final : public Append {
 public:
  ChainedAppend(Vault& vault, int left, std::promise<Receipt>& last)
      : Append(upserts({"x"}), 1), vault_(vault), left_(left), last_(last) {}
  void done(Result<Receipt> first) override {
    if (left_ == 0) {
      last_.set_value(first.value());
    } else {
      vault_.append(std::make_unique<ChainedAppend>(vault_, left_ - 1, last_));
    }
  }

 private:
  Vault& vault_;
  const int left_;
  std::promise<Receipt>& last_;
};

TEST_F(VaultTest, AnAnswerMayAskForMore) {
  std::promise<Receipt> last;
  vault->append(std::make_unique<ChainedAppend>(*vault, 9, last));
  EXPECT_EQ(last.get_future().get(), 10U);
}

TEST_F(VaultTest, IdleItAsksTheStorageAgainUntilNothingOfWhatHasLeftIsThere) {
  script.shrinks_wanted = 3;
  EXPECT_EQ(text(write(*vault, {"a"}).get()), "1");
  for (int i = 0; i < 6000 && script.shrinks < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_GE(script.shrinks, 3);
}

}  // namespace
}  // namespace flowmyna::test
