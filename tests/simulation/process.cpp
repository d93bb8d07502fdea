#include "process.h"

namespace flowmyna::simulation {
namespace {

using std::chrono::milliseconds;

// How often in a row the foreman may ask to be called again at once without anything having
// happened: real threads would burn a core.
constexpr std::uint32_t kIdleStepsMax = 20;

template <class Around>
Around with_wake(Around around, std::function<void()> Around::*hook, std::function<void()> wake) {
  around.*hook = [inner = std::move(around.*hook), wake = std::move(wake)] {
    wake();
    if (inner) inner();
  };
  return around;
}

}  // namespace

Process::Process(const ForemanOptions& options, const OutboxOptions& outbox_options,
                 SimulatedOutbox::Surroundings outbox, SimulatedTransport::Surroundings transport,
                 Foreman::MakeKey make_key)
    : queue_(outbox.queue),
      chance_(outbox.chance),
      findings_(transport.findings),
      outbox_(outbox_options, options.plan,
              with_wake(std::move(outbox), &SimulatedOutbox::Surroundings::on_append,
                        [this] {
                          if (board_.wants(outbox_.stats().accepted)) wake();
                        })),
      transport_(with_wake(std::move(transport), &SimulatedTransport::Surroundings::after_answer,
                           [this] { wake(); })),
      foreman_(options, {outbox_, transport_, queue_.clock(), board_,
                         [this](std::function<void()> work) { post(std::move(work)); },
                         std::move(make_key)}) {
  wake();
}

void Process::post(std::function<void()> work) {
  posted_.push_back(std::move(work));
  wake();
}

void Process::wake() {
  idle_steps_ = 0;
  if (is_woken_) return;
  is_woken_ = true;
  queue_.after(chance_.between(milliseconds(0), milliseconds(2)),
               lifetime_.guard([this] { step(); }));
}

/// What the delivery thread does each time it wakes up. No bound on its sleep hides a wake-up that
/// the foreman should have asked for.
void Process::step() {
  is_woken_ = false;
  const auto posted = std::exchange(posted_, {});
  for (const auto& work : posted) work();
  const auto deadline = foreman_.advance();
  const std::string broken = foreman_.broken_invariant();
  findings_.expect(broken.empty(), [&] { return "an invariant is broken: " + broken; });
  const std::uint64_t sleep = ++sleep_;
  if (!deadline) return;
  idle_steps_ = *deadline <= queue_.now() ? idle_steps_ + 1 : 0;
  findings_.expect(idle_steps_ <= kIdleStepsMax, [] { return "the foreman spins"; });
  queue_.at(std::max(*deadline, queue_.now() + milliseconds(1)), lifetime_.guard([this, sleep] {
    if (sleep == sleep_ && !is_woken_) step();
  }));
}

}  // namespace flowmyna::simulation
