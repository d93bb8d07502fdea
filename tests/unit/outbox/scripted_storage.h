#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/contract/memory_storage.h"

namespace flowmyna::test {

/// What a test and the storage inside a vault share: what is to fail, and what was called.
struct Script {
  /// Each is taken by the next call that it is meant for.
  std::atomic<bool> commit_fails = false;
  std::atomic<bool> append_fails = false;
  std::atomic<bool> append_is_full = false;
  std::atomic<bool> tend_fails = false;
  std::atomic<bool> giving_up_fails = false;
  std::atomic<bool> read_finds_damage = false;
  std::atomic<bool> retry_finds_damage = false;  // in the letters it is asked for, which stay
  /// While set, so is every call of `reopen`.
  std::atomic<bool> reopen_fails = false;
  std::atomic<Tending> tending = Tending::kNotWanted;
  /// On the storage's thread: before each read, and for each call of `tend` that was wanted.
  std::function<void()> on_read = [] {};
  std::function<void()> on_tend = [] {};
  std::atomic<int> commits = 0;
  std::atomic<int> reopens = 0;
  std::atomic<int> reserves_given_up = 0;
  std::atomic<int> salvages = 0;
  std::atomic<int> shrinks = 0;
  /// So often it has to be called until nothing of what has left is there.
  std::atomic<int> shrinks_wanted = 0;

  /// From now on a commit waits; returns once one does.
  void hold() {
    std::unique_lock lock(mutex);
    held = true;
  }
  void wait_until_a_commit_waits() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return waiting; });
  }
  void release() {
    const std::lock_guard lock(mutex);
    held = false;
    changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    waiting = held;
    changed.notify_all();
    changed.wait(lock, [this] { return !held; });
    waiting = false;
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  bool waiting = false;
};

/// Memory that does as the script says.
class ScriptedStorage final : public Storage {
 public:
  ScriptedStorage(Script& script, std::uint64_t quota_bytes = 1U << 30)
      : script_(script), memory_(quota_bytes) {}

  Result<void> begin() override { return memory_.begin(); }
  Result<void> commit() override {
    script_.pass();
    if (script_.commit_fails.exchange(false)) return fail(Error::Kind::kIo, "disk I/O error");
    ++script_.commits;
    return memory_.commit();
  }
  void rollback() override { memory_.rollback(); }
  Result<void> admit(std::uint64_t bytes) override { return memory_.admit(bytes); }
  std::uint64_t bytes_at_once_max() const override { return memory_.bytes_at_once_max(); }
  Result<Receipt> append(std::span<const AcceptedOperations> groups) override {
    if (script_.append_fails.exchange(false)) return fail(Error::Kind::kIo, "disk I/O error");
    if (script_.append_is_full.exchange(false)) return fail(Error::Kind::kFull, "disk is full");
    return memory_.append(groups);
  }
  Result<void> seal(const Seal& seal) override { return memory_.seal(seal); }
  Result<void> settle(const Settlement& settlement) override { return memory_.settle(settlement); }
  Result<RetriedLetters> retry_dead_letters(const LetterLimits& limits) override {
    if (script_.retry_finds_damage.exchange(false)) return damaged(limits);
    return memory_.retry_dead_letters(limits);
  }
  Result<DeadLetters> drop_dead_letters(const LetterLimits& limits) override {
    return memory_.drop_dead_letters(limits);
  }
  Result<void> rewrite(Receipt receipt, const CorrectedEvent& event) override {
    return memory_.rewrite(receipt, event);
  }
  void set_unsynced(const UnsyncedRange& range) override { memory_.set_unsynced(range); }
  Result<void> fold(const Fold& fold, std::string_view stored) override {
    return memory_.fold(fold, stored);
  }
  Result<std::uint64_t> give_up(const std::vector<Receipt>& receipts) override {
    return memory_.give_up(receipts);
  }
  Result<void> note_arrival(const Arrival& piece) override { return memory_.note_arrival(piece); }
  Result<std::string> id() override { return memory_.id(); }
  Result<Arrived> arrived(std::string_view export_id, std::string_view source) override {
    return memory_.arrived(export_id, source);
  }
  Result<Window> read(const ReadLimits& limits) override {
    script_.on_read();
    if (script_.read_finds_damage.exchange(false)) return fail(Error::Kind::kCorrupt, "damaged");
    return memory_.read(limits);
  }
  Result<Window> fetch(const std::vector<Receipt>& receipts) override {
    return memory_.fetch(receipts);
  }
  Result<ReceiptState> state(Receipt receipt) override { return memory_.state(receipt); }
  Result<std::vector<Seal>> seals() override { return memory_.seals(); }
  Result<std::uint64_t> count_stored() override { return memory_.count_stored(); }
  Result<bool> has_dead_between(Receipt after, Receipt before) override {
    return memory_.has_dead_between(after, before);
  }
  Result<DeadLetters> dead_letters(const LetterLimits& limits) override {
    return memory_.dead_letters(limits);
  }
  Result<std::optional<DeadLetter>> dead_letter_of(Receipt receipt) override {
    return memory_.dead_letter_of(receipt);
  }
  OutboxStats stats() const override { return memory_.stats(); }
  Result<bool> shrink() override {
    ++script_.shrinks;
    return memory_.shrink();
  }
  bool holds_past() const override { return script_.shrinks < script_.shrinks_wanted; }
  Result<void> refresh() override { return memory_.refresh(); }
  Tending tending() const override {
    return script_.tend_fails ? Tending::kSoon : script_.tending.load();
  }
  Result<void> tend() override {
    if (script_.tending.exchange(Tending::kNotWanted) != Tending::kNotWanted) {
      script_.on_tend();
    }
    if (script_.tend_fails.exchange(false)) return fail(Error::Kind::kIo, "failed checkpoint");
    return {};
  }
  Result<void> give_up_reserve() override {
    ++script_.reserves_given_up;
    if (script_.giving_up_fails.exchange(false)) return fail(Error::Kind::kIo, "failed checkpoint");
    return {};
  }
  Result<void> reopen() override {
    ++script_.reopens;
    if (script_.reopen_fails) return fail(Error::Kind::kIo, "still broken");
    return memory_.reopen();
  }
  Result<void> salvage() override {
    ++script_.salvages;
    return memory_.salvage();
  }

 private:
  Result<RetriedLetters> damaged(const LetterLimits& limits) {
    const auto letters = memory_.dead_letters(limits);
    if (!letters) return tl::make_unexpected(letters.error());
    RetriedLetters retried;
    for (const DeadLetter& letter : letters->letters) retried.damaged.push_back(letter.id);
    return retried;
  }

  Script& script_;
  MemoryStorage memory_;
};

}  // namespace flowmyna::test
