#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {

/// What the promises say of the answers, held against what the API has in the end.
struct Comparison {
  std::size_t answered = 0;  ///< operations that were answered with 200
  std::size_t missing = 0;   ///< of them, those that the API never got
  std::size_t regressed =
      0;                  ///< objects that are older than an answered write, or were for an event
  std::size_t twice = 0;  ///< events that are there more than once
  std::size_t twice_under_other_key = 0;
  std::string example;  ///< of what is wrong, for people

  bool keeps_the_promises() const {
    return missing == 0 && regressed == 0 && twice_under_other_key == 0;
  }
};

/// `n` of each object at the API, by id.
std::map<std::string, std::uint64_t> values_at(const Rig& rig);

/// Applications that write for as long as they are let, each about things of its own: single
/// upserts, events, and batches. They note what was answered; what was not may have been accepted
/// or not.
class Traffic {
 public:
  explicit Traffic(Rig& rig) : rig_(rig) {}
  ~Traffic() { stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  /// Starts the writers, who go on where the last ones ended.
  void start();
  /// Ends them; a request under way is waited for, so the agent must answer or be gone.
  void stop();

  /// The power is about to go: no answer from now on is believed. While the disk is being cut off
  /// the kernel may report a sync as done whose pages it has just thrown away, for a moment in
  /// which no machine would still be there to send an answer. Until the next `start`.
  void power_goes() { is_dark_ = true; }

  /// One request of each writer in turn, on this thread, while no others run.
  void step();

  /// Operations that were answered with 200, by all so far.
  std::size_t answered() const { return answered_; }
  /// How often each other status was answered; 0 stands for a lost connection.
  std::map<int, std::size_t> refusals() const;

  /// After a drain: what became of everything that was answered.
  Comparison compare() const;

 private:
  /// What one writer did: request number i writes `n` = i to the writer's own object, and makes
  /// things that carry i in their names.
  struct Writer {
    std::uint64_t next = 1;
    std::uint64_t last_value = 0;  ///< the newest `n` that was answered
    std::vector<std::string> objects;
    std::map<std::string, std::uint64_t> events;  ///< by name: the least `n` that it must find
  };
  struct Call;

  static Call make_call(std::size_t writer, std::uint64_t number);
  void write(std::size_t index);
  bool write_once(std::size_t index, Http& connection);
  void note(Writer& writer, const Call& call, std::uint64_t number);

  Rig& rig_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> is_dark_ = false;
  std::atomic<std::size_t> answered_ = 0;
  mutable std::mutex mutex_;
  std::vector<Writer> writers_;  // these two under mutex_
  std::map<int, std::size_t> refusals_;
};

}  // namespace flowmyna::test
