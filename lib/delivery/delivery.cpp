#include "delivery/delivery.h"

#include <pthread.h>
#include <sys/resource.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace flowmyna {
namespace {

// The longest sleep without a reason to wake: a bound on what a missed wake-up could cost.
constexpr std::chrono::milliseconds kSleepMax{60'000};

// Where there are fewer cores than work, writers come first (setpriority(2); 19 is the last).
constexpr int kNiceness = 5;

std::string random_uuid() {
  uuid_t uuid{};
  uuid_generate_random(uuid);
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(uuid, text.data());
  return text.data();
}

}  // namespace

Delivery::Delivery(ForemanOptions options, std::unique_ptr<PolledTransport> transport,
                   const Clock& clock)
    : options_(std::move(options)), clock_(clock), transport_(std::move(transport)) {}

Delivery::~Delivery() {
  stop(std::chrono::milliseconds(0));
}

void Delivery::start(Backlog& backlog) {
  const auto post_back = [this](std::function<void()> work) {
    post([work = std::move(work)](DeliveryActions&) { work(); });
  };
  foreman_.emplace(options_,
                   Foreman::Sides{backlog, *transport_, clock_, board_, post_back, &random_uuid});
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "delivery");
}

void Delivery::stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  give_up_at_ms_ = (clock_.boot_now() + grace).count();
  stopping_ = true;
  transport_->wake();
  thread_.join();
}

void Delivery::run() {
  ::setpriority(PRIO_PROCESS, 0, kNiceness);  // 0: this thread; whoever may not, goes on without
  while (true) {
    awake_ = false;
    run_posted();
    // Asked once a turn: who is told to stop after that has not told the foreman yet.
    const bool is_stopping = stopping_;
    if (is_stopping) foreman_->stop();
    const auto deadline = foreman_->advance();
    assert(foreman_->broken_invariant().empty());
    const BootTime now = clock_.boot_now();
    auto sleep = kSleepMax;
    if (deadline) sleep = std::clamp(*deadline - now, BootTime(0), BootTime(kSleepMax));
    if (is_stopping) {
      const BootTime left = BootTime(give_up_at_ms_.load()) - now;
      if (foreman_->is_quiet() || left <= BootTime(0)) return;
      sleep = std::min(sleep, left);
    }
    transport_->poll(sleep);
  }
}

void Delivery::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  wake();
}

void Delivery::wake() {
  if (!awake_.exchange(true)) transport_->wake();
}

void Delivery::run_posted() {
  std::vector<Work> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const Work& work : posted) work(*foreman_);
}

void Delivery::accepted(std::uint64_t all) {
  if (board_.wants(all)) wake();
}

}  // namespace flowmyna
