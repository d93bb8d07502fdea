#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

struct MHD_Connection;

namespace flowmyna::stand_in {

/// Where suspended connections wait: for a time, or for good. One thread watches the earliest
/// deadline. Suspending and resuming happen under one lock, so that close() misses nobody.
class ParkingLot {
 public:
  using Clock = std::chrono::steady_clock;

  /// What is done when a connection's time is over, before it is resumed. It may ask for a second
  /// stay.
  enum class Next { kResume, kHang };
  struct Stay {
    Next next = Next::kResume;
    std::chrono::milliseconds again{0};  ///< above zero: stays so long and is then resumed
  };
  using Work = std::function<Stay()>;

  ParkingLot();
  ~ParkingLot();
  ParkingLot(const ParkingLot&) = delete;
  ParkingLot& operator=(const ParkingLot&) = delete;

  /// Suspends `connection` for `time`, then does `work` (may be empty) and resumes it.
  /// False: the lot is closed, and the connection was not suspended.
  bool park(MHD_Connection* connection, std::chrono::milliseconds time, Work work);

  /// Suspends it until release_hanging() or close(). False as above.
  bool hang(MHD_Connection* connection);

  void release_hanging();

  /// Resumes everybody, ends the thread and refuses from now on. closed() is then true.
  void close();
  bool closed() const;

 private:
  struct Parked {
    MHD_Connection* connection;
    Work work;
  };

  void add_locked(MHD_Connection* connection, Clock::time_point due, Work work);
  void run();
  void leave(const Parked& parked, std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, Parked> parked_;  ///< time_point::max(): hangs
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace flowmyna::stand_in
