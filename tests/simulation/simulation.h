#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process.h"
#include "reference.h"
#include "scenario.h"
#include "waits.h"

namespace flowmyna::simulation {

struct Outcome {
  std::vector<std::string> broken;  ///< promises, in the order of discovery
  std::vector<std::string> trace;
  std::size_t operations = 0;
  std::size_t requests = 0;
  std::size_t crashes = 0;
  std::size_t waits_told = 0;  ///< of an outcome, in time
  std::size_t retries = 0;     ///< operations that a person put back
  std::size_t corrected = 0;   ///< recordings of events with a corrected time
  std::size_t died = 0;        ///< items, ever
  std::size_t seals_max = 0;   ///< at any time
  std::size_t overtaken = 0;   ///< requests that left before something older, the most
  BootTime oldest_at_calm{0};  ///< how long the oldest operation has waited when the writers stop
  OutboxStats stats;
  BootTime lasted{0};
};

/// One run: writers, a process that crashes and starts again, a network with faults, an API, and
/// what must hold meanwhile and at the end. Single-threaded and decided by the scenario alone.
class Simulation {
 public:
  Simulation(Scenario scenario, bool traces);

  Outcome run();

 private:
  std::string build(const Seal& seal);
  void boot();
  void start();
  void crash();
  bool crashes(double probability);
  void write(std::vector<ModelOperation> operations);
  WriterAppend::Done answer_to_writer(std::size_t operations);
  void command(Command command);
  void retry(LetterLimits limits);
  void drop_pending();
  void forget(const std::vector<Receipt>& dropped);
  /// One letter, from a random place on.
  LetterLimits some_letter();
  void calm_down();
  void witness();
  Receipt unexplained() const;
  void check_step();
  void check_receipts();
  void check_end();
  bool has_ended() const;
  BootTime oldest_age() const;

  const Scenario scenario_;
  EventQueue queue_;
  Chance chance_;
  Trace trace_;
  Findings findings_;
  MemoryStorage storage_;
  Ledger ledger_;
  ModelApi api_;
  Network network_;
  FaultPlan faults_;
  Troubles troubles_;
  WireRules rules_;
  Waits waits_;
  std::unique_ptr<Process> process_;
  std::optional<Writers> writers_;
  std::size_t crashes_ = 0;
  std::size_t corrected_ = 0;
  bool crash_is_near_ = false;
  std::uint64_t keys_ = 0;
  bool is_stuck_ = false;  // all that is pending, by name, in the end
  BootTime oldest_at_calm_{0};
  BootTime next_witness_at_{0};
  std::size_t seals_max_ = 0;
};

}  // namespace flowmyna::simulation
