#include "simulation.h"

#include <algorithm>

#include "core/request.h"

namespace flowmyna::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// After the last fault everything is settled within the longest wait that a failure may have left
// behind (an hour, for a 429 as for an item that the API fails), as often as such items of one
// object hide behind each other, plus what the slowest rate needs for what has piled up.
constexpr hours kPatience{24};

// What is never taken is tried three times before it is told of, one item in turn with others.
constexpr hours kPatienceWithTheStuck{72};

// How often something is written in the end that nothing keeps from being delivered.
constexpr std::chrono::minutes kWitnessEvery{10};
constexpr std::chrono::minutes kLookEvery{1};

// A run that needs more steps than this goes round in circles.
constexpr std::size_t kStepsMax = 5'000'000;

}  // namespace

Simulation::Simulation(Scenario scenario, bool traces)
    : scenario_(std::move(scenario)),
      chance_(scenario_.seed ^ 0x9e3779b97f4a7c15ULL),
      trace_(queue_.clock(), traces),
      findings_(trace_),
      storage_(scenario_.quota_bytes),
      ledger_(queue_.clock(), findings_, scenario_.foreman.plan.latest_types),
      api_(scenario_.api, queue_.clock(), chance_),
      network_(api_, trace_),
      faults_(scenario_.faults, chance_),
      troubles_(scenario_.troubles),
      rules_(scenario_.foreman, faults_, ledger_, findings_,
             [this](const Seal& seal) { return build(seal); }),
      waits_(queue_.clock(), ledger_, findings_, scenario_.api.dialect.has_list) {
  trace_.note([this] { return render(scenario_); });
}

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
  const BootTime patience_ends =
      scenario_.faults.end + (troubles_.are_endless() ? kPatienceWithTheStuck : kPatience);
  std::size_t steps = 0;
  while (findings_.empty() && !has_ended()) {
    const bool goes_on = queue_.run_next();
    check_step();
    findings_.expect(goes_on && queue_.now() < patience_ends && ++steps < kStepsMax, [&] {
      return "delivery stalls with " + std::to_string(storage_.stats().pending()) + " of " +
             std::to_string(storage_.stats().accepted) +
             " operations pending, first without need " + std::to_string(unexplained());
    });
  }
  if (findings_.empty()) check_end();
  std::size_t retries = 0;
  for (const auto& entry : ledger_.entries()) retries += ledger_.retries_of(entry.operation.serial);
  return {findings_.all(),
          trace_.lines(),
          ledger_.entries().size(),
          rules_.requests(),
          crashes_,
          waits_.told(),
          retries,
          corrected_,
          ledger_.dead().size(),
          seals_max_,
          rules_.overtaken_max(),
          oldest_at_calm_,
          storage_.stats(),
          queue_.now()};
}

bool Simulation::has_ended() const {
  return writers_->are_done() && faults_.is_over(queue_.now()) && process_ != nullptr &&
         process_->is_quiet() && (storage_.stats().pending() == 0 || is_stuck_);
}

/// What must hold at any time.
void Simulation::check_step() {
  using State = Ledger::State;
  const OutboxStats stats = storage_.stats();
  const bool is_sum = stats.accepted == ledger_.entries().size() &&
                      stats.pending() == ledger_.count(State::kPending) &&
                      stats.delivered == ledger_.count(State::kDelivered) &&
                      stats.dead == ledger_.count(State::kDead) &&
                      stats.dropped == ledger_.count(State::kDropped);
  findings_.expect(is_sum, [] { return std::string("the outbox's counters do not add up"); });
  seals_max_ = std::max(seals_max_, ledger_.seals().size());
  if (process_ != nullptr) rules_.check_sealed(ledger_.seals());
}

/// How long what was accepted first has been pending.
BootTime Simulation::oldest_age() const {
  const auto oldest =
      std::ranges::find(ledger_.entries(), Ledger::State::kPending, &Ledger::Entry::state);
  if (oldest == ledger_.entries().end()) return BootTime(0);
  return queue_.now() - oldest->accepted_at;
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

/// No fault, crash or pause from now on, and nothing new to deliver.
void Simulation::calm_down() {
  writers_->stop();
  trace_.note([] { return std::string("calm: no fault from now on"); });
  command(Command::kResume);
  oldest_at_calm_ = oldest_age();
  if (troubles_.are_endless()) witness();
}

/// What the API will never take is known by name once others were delivered: so there are some.
void Simulation::witness() {
  is_stuck_ = unexplained() == 0;
  if (is_stuck_) return;
  if (queue_.now() >= next_witness_at_) {
    write(writers_->make_witnesses());
    next_witness_at_ = queue_.now() + kWitnessEvery;
  }
  queue_.after(kLookEvery, [this] { witness(); });
}

/// Something pending that is neither what the API does not take, told so, nor depends on that; 0:
/// there is none.
Receipt Simulation::unexplained() const {
  std::set<Receipt> stuck;
  if (process_ != nullptr) {
    for (const StuckItem& item : process_->stuck(SIZE_MAX)) {
      for (const Receipt receipt : ledger_.behind(item.members)) stuck.insert(receipt);
    }
  }
  return ledger_.unexplained(stuck, [this](const ModelOperation& operation) {
    return troubles_.are_endless_for(operation);
  });
}

/// Each receipt tells what became of its operation, wherever that was folded.
void Simulation::check_receipts() {
  using State = Ledger::State;
  for (Receipt receipt = 1; receipt <= ledger_.entries().size(); ++receipt) {
    const State state = ledger_.entries()[receipt - 1].state;
    const ReceiptState expected = state == State::kPending     ? ReceiptState::kPending
                                  : state == State::kDelivered ? ReceiptState::kDelivered
                                  : state == State::kDead      ? ReceiptState::kDead
                                                               : ReceiptState::kDropped;
    const auto told = storage_.state(receipt);
    findings_.expect(told && *told == expected, [receipt] {
      return "receipt " + std::to_string(receipt) + " does not tell what became of it";
    });
  }
}

void Simulation::check_end() {
  const OutboxStats stats = storage_.stats();
  findings_.expect(is_stuck_ || ledger_.seals().empty(),
                   [] { return std::string("a seal is left behind"); });
  findings_.expect(is_stuck_ || !network_.holds_any_back(),
                   [] { return std::string("a request of unknown outcome was never resent"); });
  waits_.check_end();
  check_receipts();
  Reference reference(ledger_, api_, findings_, scenario_.foreman.dead_letter_after);
  reference.check_states();
  const auto unsettled = process_->status().duplicates_unsettled;
  reference.check_recordings(rules_, scenario_.foreman.hold_unknown,
                             stats.duplicates_possible + unsettled);
  corrected_ = reference.corrected();
  reference.check_dead_letters(scenario_.foreman.hold_unknown);
}

}  // namespace flowmyna::simulation
