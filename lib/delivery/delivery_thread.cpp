#include "delivery/delivery_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace flowmyna {
namespace {

// The longest sleep without a reason to wake: a bound on what a missed wake-up could cost.
constexpr std::chrono::milliseconds kSleepMax{60'000};

// Where there are fewer cores than work, writers come first (setpriority(2); 19 is the last).
constexpr int kNiceness = 5;

}  // namespace

DeliveryThread::DeliveryThread(CourierOptions courier, const Clock& clock)
    : clock_(clock), courier_(std::move(courier)) {}

DeliveryThread::~DeliveryThread() {
  stop(std::chrono::milliseconds(0));
}

void DeliveryThread::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  wake();
}

void DeliveryThread::wake() {
  if (!awake_.exchange(true)) courier_.wake();
}

void DeliveryThread::start(Foreman& foreman) {
  thread_ = std::thread([this, &foreman] { run(foreman); });
  pthread_setname_np(thread_.native_handle(), "delivery");
}

void DeliveryThread::stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  give_up_at_ms_ = (clock_.boot_now() + grace).count();
  stopping_ = true;
  courier_.wake();
  thread_.join();
}

void DeliveryThread::run(Foreman& foreman) {
  ::setpriority(PRIO_PROCESS, 0, kNiceness);  // 0: this thread; whoever may not, goes on without
  while (true) {
    awake_ = false;
    run_posted();
    // Asked once a turn: who is told to stop after that has not told the foreman yet.
    const bool is_stopping = stopping_;
    if (is_stopping) foreman.stop();
    const auto deadline = foreman.advance();
    assert(foreman.broken_invariant().empty());
    const BootTime now = clock_.boot_now();
    auto sleep = kSleepMax;
    if (deadline) sleep = std::clamp(*deadline - now, BootTime(0), BootTime(kSleepMax));
    if (is_stopping) {
      const BootTime left = BootTime(give_up_at_ms_.load()) - now;
      if (foreman.is_quiet() || left <= BootTime(0)) return;
      sleep = std::min(sleep, left);
    }
    courier_.poll(sleep);
  }
}

void DeliveryThread::run_posted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& work : posted) work();
}

std::string random_uuid() {
  uuid_t uuid{};
  uuid_generate_random(uuid);
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(uuid, text.data());
  return text.data();
}

}  // namespace flowmyna
