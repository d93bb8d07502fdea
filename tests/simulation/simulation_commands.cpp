// What people do in the simulation.

#include "delivery/dead_letter_retry.h"
#include "simulation.h"

namespace flowmyna::simulation {
namespace {

// The delivery thread hears of what the outbox has done, and tells whoever waits.
constexpr std::chrono::milliseconds kToldWithin{10};

}  // namespace

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
      process_->outbox().drop_dead_letters(some_letter(), [](const Result<DeadLetters>&) {});
      return;
    case Command::kDropPending:
      drop_pending();
      return;
    case Command::kMendApi:
      return;
  }
}

void Simulation::drop_pending() {
  const auto stuck = process_->stuck(1);
  std::vector<Receipt> candidates;
  if (!stuck.empty() && chance_.one_in(0.7)) {
    candidates = stuck.front().members;
  } else {
    for (Receipt receipt = 1; receipt <= ledger_.entries().size(); ++receipt) {
      const bool waits = ledger_.entries()[receipt - 1].state == Ledger::State::kPending;
      if (waits) candidates.push_back(receipt);
    }
  }
  if (candidates.empty()) return;
  const Receipt receipt = chance_.one_of(std::span<const Receipt>(candidates));
  process_->drop_pending(receipt, [this, receipt](const Result<void>& done) {
    trace_.note([&] {
      return "command: " + std::to_string(receipt) +
             (done ? " is dropped" : " is not dropped: " + done.error().message);
    });
    const bool is_dropped = ledger_.entries()[receipt - 1].state == Ledger::State::kDropped;
    findings_.expect(!done || is_dropped, [&] {
      return "a person was told that " + std::to_string(receipt) + " is dropped";
    });
    if (!done) return;
    waits_.dropped(receipt);
    queue_.after(kToldWithin, [this, receipt] { waits_.check_told(receipt); });
  });
}

void Simulation::forget(const std::vector<Receipt>& dropped) {
  std::set<std::string> subjects;
  for (const Receipt receipt : ledger_.behind(dropped)) {
    const ModelOperation& operation = ledger_.operation(receipt);
    subjects.insert(subject_of(operation));
  }
  network_.forget(subjects);
}

LetterLimits Simulation::some_letter() {
  LetterLimits limits;
  limits.after =
      static_cast<Receipt>(chance_.number(0, static_cast<std::int64_t>(storage_.stats().accepted)));
  const auto found = storage_.dead_letters(limits);
  limits.through = found->letters.empty() ? limits.after + 1 : found->letters.front().id;
  return limits;
}

/// As the router does it.
void Simulation::retry(LetterLimits limits) {
  DeadLetterRetry::start(
      [&outbox = process_->outbox()](LetterLimits step, Done<RetriedLetters> done) {
        outbox.retry_dead_letters(step, std::move(done));
      },
      limits,
      [this](Receipt lowest) {
        process_->post([this, lowest] { ledger_.heard_of_retries(lowest); });
        rules_.returned();
        process_->returned(lowest);
      },
      [](const Result<RetriedLetters>&) {});
}

}  // namespace flowmyna::simulation
