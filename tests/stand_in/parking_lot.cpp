#include "stand_in/parking_lot.h"

#include <microhttpd.h>

#include <utility>

namespace flowmyna::stand_in {

ParkingLot::ParkingLot() : thread_([this] { run(); }) {}

ParkingLot::~ParkingLot() {
  close();
}

void ParkingLot::add_locked(MHD_Connection* connection, Clock::time_point due, Work work) {
  parked_.emplace(due, Parked{connection, std::move(work)});
  changed_.notify_one();
}

bool ParkingLot::park(MHD_Connection* connection, std::chrono::milliseconds time, Work work) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  MHD_suspend_connection(connection);
  add_locked(connection, Clock::now() + time, std::move(work));
  return true;
}

bool ParkingLot::hang(MHD_Connection* connection) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  MHD_suspend_connection(connection);
  add_locked(connection, Clock::time_point::max(), {});
  return true;
}

void ParkingLot::release_hanging() {
  const std::lock_guard lock(mutex_);
  const auto first = parked_.lower_bound(Clock::time_point::max());
  for (auto at = first; at != parked_.end(); ++at) MHD_resume_connection(at->second.connection);
  parked_.erase(first, parked_.end());
}

void ParkingLot::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [due, parked] : parked_) MHD_resume_connection(parked.connection);
    parked_.clear();
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool ParkingLot::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void ParkingLot::run() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    const auto due = parked_.empty() ? Clock::time_point::max() : parked_.begin()->first;
    if (due == Clock::time_point::max()) {
      changed_.wait(lock);
    } else if (Clock::now() < due) {
      changed_.wait_until(lock, due);
    } else {
      Parked parked = std::move(parked_.begin()->second);
      parked_.erase(parked_.begin());
      leave(parked, lock);
    }
  }
}

void ParkingLot::leave(const Parked& parked, std::unique_lock<std::mutex>& lock) {
  Stay stay;
  if (parked.work) {
    lock.unlock();
    stay = parked.work();
    lock.lock();
  }
  if (!closed_ && stay.next == Next::kHang) {
    add_locked(parked.connection, Clock::time_point::max(), {});
  } else if (!closed_ && stay.again.count() > 0) {
    add_locked(parked.connection, Clock::now() + stay.again, {});
  } else {
    MHD_resume_connection(parked.connection);
  }
}

}  // namespace flowmyna::stand_in
