#include "simulation.h"

#include <cstdio>

#include "core/dead_letter_retry.h"
#include "core/request.h"

namespace flowmyna::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// After the last fault everything is settled within the longest wait that a failure may have left
// behind (an hour, for a 429), plus what the slowest rate needs for what has piled up.
constexpr hours kPatience{3};

// A run that needs more steps than this goes round in circles.
constexpr std::size_t kStepsMax = 200'000;

std::string number_as_uuid(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

Simulation::Simulation(Scenario scenario, bool traces)
    : scenario_(std::move(scenario)),
      chance_(scenario_.seed ^ 0x9e3779b97f4a7c15ULL),
      trace_(queue_.clock(), traces),
      findings_(trace_),
      storage_(scenario_.quota_bytes),
      ledger_(findings_, scenario_.foreman.plan.latest_types),
      api_(scenario_.api, chance_),
      network_(api_, trace_),
      faults_(scenario_.faults, chance_),
      rules_(scenario_.foreman, faults_, ledger_, findings_,
             [this](const Seal& seal) { return build(seal); }),
      waits_(queue_.clock(), ledger_, findings_) {}

/// The body of a sealed request, from the operations as the outbox holds them.
std::string Simulation::build(const Seal& seal) {
  std::vector<Receipt> receipts;
  for (const ItemMembers& item : seal.items) {
    receipts.insert(receipts.end(), item.begin(), item.end());
  }
  const Window window = storage_.fetch(receipts).value();
  std::vector<Operation> operations;
  for (const auto& row : window.rows()) {
    operations.push_back(*Operation::parse(window.stored(row)));
  }
  std::vector<RequestItem> items;
  std::size_t next = 0;
  for (const ItemMembers& members : seal.items) {
    RequestItem& item = items.emplace_back();
    for (std::size_t i = 0; i < members.size(); ++i) item.push_back(&operations[next++]);
  }
  return batch_body(seal.kind, items);
}

Outcome Simulation::run() {
  writers_.emplace(scenario_.writers, queue_, chance_,
                   [this](std::vector<ModelOperation> made) { write(std::move(made)); });
  for (const BootTime when : scenario_.crashes.at) queue_.at(when, [this] { crash(); });
  for (const auto& [when, what] : scenario_.commands) {
    queue_.at(when, [this, what = what] { command(what); });
  }
  queue_.at(scenario_.faults.end, [this] { calm_down(); });
  boot();
  start();
  const BootTime patience_ends = scenario_.faults.end + kPatience;
  std::size_t steps = 0;
  while (findings_.empty() && !has_ended()) {
    const bool goes_on = queue_.run_next();
    findings_.expect(goes_on && queue_.now() < patience_ends && ++steps < kStepsMax, [&] {
      return "delivery stalls with " + std::to_string(storage_.stats().pending()) + " of " +
             std::to_string(storage_.stats().accepted) + " operations pending";
    });
  }
  if (findings_.empty()) check_end();
  std::size_t retries = 0;
  for (const auto& entry : ledger_.entries()) retries += ledger_.retries_of(entry.operation.serial);
  return {findings_.all(),   trace_.lines(), ledger_.entries().size(),
          rules_.requests(), crashes_,       waits_.told(),
          retries,           corrected_,     storage_.stats(),
          queue_.now()};
}

bool Simulation::has_ended() const {
  return writers_->are_done() && faults_.is_over(queue_.now()) && process_ != nullptr &&
         storage_.stats().pending() == 0 && process_->foreman().is_quiet();
}

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
                                       [this, &options] { return crashes(options.after_commit); },
                                       [this] { return !faults_.is_over(queue_.now()); },
                                       {}};
  SimulatedTransport::Surroundings transport{queue_,
                                             chance_,
                                             trace_,
                                             network_,
                                             faults_,
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

void Simulation::write(std::vector<ModelOperation> operations) {
  for (ModelOperation& operation : operations) stamp(operation, queue_.clock());
  const auto now_unix_s = queue_.clock().unix_now_ms() / 1000;
  auto done = answer_to_writer(operations.size());
  const auto delay = chance_.between(milliseconds(0), scenario_.clock.acceptance_max);
  queue_.after(
      delay, [this, now_unix_s, operations = std::move(operations), done = std::move(done)] {
        if (process_ == nullptr) return;  // nobody listens: the writer's own error
        process_->outbox().append(std::make_unique<WriterAppend>(operations, now_unix_s, done));
      });
}

/// Some of them wait for delivery (`Prefer: wait`).
WriterAppend::Done Simulation::answer_to_writer(std::size_t operations) {
  if (!chance_.one_in(scenario_.writers.waiting_share)) return [](const Result<Receipt>&) {};
  const BootTime deadline =
      queue_.now() + chance_.between(milliseconds(1), scenario_.writers.wait_max);
  return [this, operations, deadline](const Result<Receipt>& first) {
    // A deadline that has come already is told of late, and no fault of anybody.
    if (first && deadline > queue_.now()) {
      process_->await(waits_.begin(*first, operations, deadline));
    }
  };
}

void Simulation::command(Command command) {
  if (command == Command::kMendApi) api_.mend();
  if (process_ == nullptr) return;
  trace_.note([&] { return "command: " + std::to_string(static_cast<int>(command)); });
  switch (command) {
    case Command::kFlush:
      process_->post([this] { rules_.hurried(queue_.now()); });
      process_->flush();
      return;
    case Command::kPause:
      process_->pause();
      return;
    case Command::kResume:
      process_->post([this] { rules_.hurried(queue_.now()); });
      process_->resume();
      return;
    case Command::kNetworkChanged:
      process_->post([this] { rules_.network_changed(queue_.now()); });
      process_->network_changed();
      return;
    case Command::kRetryOne:
      retry(some_letter());
      return;
    case Command::kRetryAll: {
      LetterLimits all;
      all.letters_max = chance_.one_of<std::size_t>({1, 2, 500});
      all.through = std::max<Receipt>(1, process_->outbox().stats().accepted);
      retry(all);
      return;
    }
    case Command::kDropOne:
      process_->outbox().drop(some_letter(), [](const Result<DeadLetters>&) {});
      return;
    case Command::kMendApi:
      return;
  }
}

LetterLimits Simulation::some_letter() {
  LetterLimits limits;
  limits.after =
      static_cast<Receipt>(chance_.number(0, static_cast<std::int64_t>(storage_.stats().accepted)));
  const auto found = storage_.dead_letters(limits);
  limits.through = found->letters.empty() ? limits.after + 1 : found->letters.front().id;
  return limits;
}

/// As the desk does it.
void Simulation::retry(LetterLimits limits) {
  DeadLetterRetry::start(
      process_->outbox(), limits,
      [this](Receipt lowest) {
        process_->post([this, lowest] { ledger_.heard_of_retries(lowest); });
        process_->returned(lowest);
      },
      [](const Result<RetriedLetters>&) {});
}

/// No fault, crash or pause from now on, and nothing new to deliver.
void Simulation::calm_down() {
  writers_->stop();
  trace_.note([] { return std::string("calm: no fault from now on"); });
  command(Command::kResume);
}

void Simulation::check_end() {
  const OutboxStats stats = storage_.stats();
  findings_.expect(stats.accepted == stats.delivered + stats.dead + stats.dropped &&
                       stats.accepted == ledger_.entries().size(),
                   [] { return std::string("the outbox's counters do not add up"); });
  findings_.expect(ledger_.seals().empty(), [] { return std::string("a seal is left behind"); });
  findings_.expect(!network_.holds_any_back(),
                   [] { return std::string("a request of unknown outcome was never resent"); });
  waits_.check_end();
  Reference reference(ledger_, api_, findings_);
  reference.check_states();
  reference.check_recordings(rules_, scenario_.foreman.hold_unknown, stats.duplicates_possible);
  corrected_ = reference.corrected();
  reference.check_dead_letters(scenario_.foreman.hold_unknown);
}

}  // namespace flowmyna::simulation
