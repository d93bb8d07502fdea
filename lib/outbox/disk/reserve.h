#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace flowmyna {

/// Disk space in reserve, as a file without content, for when others have filled the disk. Settling
/// frees space but writes first: when the disk is full the reserve is given up, so that what was
/// accepted can still be delivered and settled, and nothing more is accepted until the disk has
/// room to set it aside again. It outlives the process, as the need for it does.
///
/// Rejected: preallocating the log and the database themselves, which SQLite cuts back with every
/// complete checkpoint.
class Reserve {
 public:
  Reserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  bool is_held() const { return is_held_; }
  /// Whether it was set aside, maybe by an earlier process.
  bool is_there() const;
  using Time = std::chrono::steady_clock::time_point;

  /// Sets the space aside unless it is held; returns whether it is held now. Cheap while the disk
  /// is full, also where only the kernel knows that (a user's quota).
  bool take(Time now = std::chrono::steady_clock::now());
  /// The disk may be another one now: the next `take` looks.
  void forget() { is_held_ = false; }
  /// Gives the space up, a part at a time: others who fill the disk can take what is free as soon
  /// as we can. So after each part `has_used` takes it for the outbox's files at once, and returns
  /// whether they have enough. Then the rest is freed as well. Needed once only: afterwards what
  /// the disk has left counts.
  void give_up(const std::function<bool()>& has_used);

 private:
  void remove();

  const std::string path_;
  const std::uint64_t bytes_;
  bool is_held_ = false;
  bool was_given_up_ = false;
  Time next_try_;  // the kernel said no although there seemed to be room
};

}  // namespace flowmyna
