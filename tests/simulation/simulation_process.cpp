// The process in the simulation, and the machine that it runs on: how they start and end.

#include <cstdio>

#include "simulation.h"

namespace flowmyna::simulation {
namespace {

using std::chrono::milliseconds;

std::string number_as_uuid(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

/// The machine starts; what happens to its wall clock until it is synchronised, if it ever is.
void Simulation::boot() {
  const ClockOptions& options = scenario_.clock;
  if (!options.is_unset_at_boot) return;
  const auto error = [&] { return chance_.between(-options.error_max, options.error_max); };
  queue_.clock().reboot(error());
  const BootTime synchronised_at =
      queue_.now() + chance_.between(milliseconds(0), options.synchronised_after_max);
  const auto in_this_boot = [this, boot = queue_.clock().boot_id()](auto what) {
    return [this, boot, what] {
      if (queue_.clock().boot_id() == boot) what();
    };
  };
  for (auto i = chance_.number(0, static_cast<std::int64_t>(options.steps_max)); i > 0; --i) {
    queue_.at(chance_.between(queue_.now(), synchronised_at),
              in_this_boot([this, to = error()] { queue_.clock().step(to); }));
  }
  if (chance_.one_in(options.never_synchronised)) return;
  queue_.at(synchronised_at, in_this_boot([this] {
              trace_.note([] { return "clock: synchronised"; });
              queue_.clock().synchronise();
            }));
}

void Simulation::start() {
  trace_.note([&] {
    return "process: starts over " + std::to_string(ledger_.seals().size()) + " sealed requests";
  });
  rules_.restarted();
  ledger_.restarted();
  crash_is_near_ = false;
  const CrashOptions& options = scenario_.crashes;
  SimulatedOutbox::Surroundings outbox{queue_,
                                       chance_,
                                       trace_,
                                       storage_,
                                       ledger_,
                                       findings_,
                                       [this, &options] { return crashes(options.after_commit); },
                                       [this] { return !faults_.is_over(queue_.now()); },
                                       {},
                                       [this](const auto& dropped) { forget(dropped); }};
  SimulatedTransport::Surroundings transport{queue_,
                                             chance_,
                                             trace_,
                                             network_,
                                             faults_,
                                             troubles_,
                                             rules_,
                                             findings_,
                                             scenario_.foreman.hold_unknown,
                                             [this, &options] { crashes(options.after_answer); }};
  process_ =
      std::make_unique<Process>(scenario_.foreman, scenario_.outbox, std::move(outbox),
                                std::move(transport), [this] { return number_as_uuid(++keys_); });
}

/// Whether the process crashes now. It may be in the middle of a call, so it ends right after.
bool Simulation::crashes(double probability) {
  if (crash_is_near_) return true;
  if (crashes_ >= scenario_.crashes.crashes_max || faults_.is_over(queue_.now())) return false;
  if (!chance_.one_in(probability)) return false;
  crash_is_near_ = true;
  queue_.after(milliseconds(0), [this] { crash(); });
  return true;
}

void Simulation::crash() {
  if (process_ == nullptr) return;
  ++crashes_;
  const auto downtime = chance_.between(milliseconds(1), scenario_.crashes.downtime_max);
  trace_.note([&] { return "process: crashes"; });
  process_->transport().crash(queue_.now() + downtime);
  process_.reset();
  waits_.crashed();
  storage_.crash();
  rules_.crashed();
  if (chance_.one_in(scenario_.clock.reboot)) boot();
  queue_.after(downtime, [this] { start(); });
}

}  // namespace flowmyna::simulation
