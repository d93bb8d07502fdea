#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "delivery/transport.h"
#include "event_queue.h"
#include "faults.h"
#include "model_api.h"
#include "troubles.h"
#include "wire_rules.h"

namespace flowmyna::simulation {

/// What lies between the process and the API, and outlives the process.
///
/// A copy that the network holds back reaches the API after its sender gave up, but before its
/// resend, or that of a part of it, is answered. One that arrives later still could undo newer
/// data, and no client can keep it from that without help of the API: the vendor documents no
/// idempotency key.
class Network {
 public:
  Network(ModelApi& api, Trace& trace) : api_(api), trace_(trace) {}

  /// The copy reaches the API now; copies of it that were held back do so too, before or after.
  Answer arrive(const Copy& copy, Chance& chance, ModelApi::Mood mood = ModelApi::Mood::kUsual);
  void hold_back(const Copy& copy) { held_back_.push_back({copy, ModelApi::subjects_of(copy)}); }
  /// What is about one of these will not arrive any more: a person gave it up, so nothing is resent
  /// that it could precede.
  void forget(const std::set<std::string>& subjects) { take_held_back(subjects); }
  bool holds_any_back() const { return !held_back_.empty(); }

 private:
  struct HeldBack {
    Copy copy;
    std::set<std::string> subjects;
  };
  std::vector<Copy> take_held_back(const std::set<std::string>& subjects);
  void release(const std::vector<Copy>& copies);

  ModelApi& api_;
  Trace& trace_;
  std::vector<HeldBack> held_back_;
};

/// One process's connections. Destroying it loses the answers under way; what was on its way to
/// the API may still arrive, within `afterlife`.
class SimulatedTransport final : public Transport {
 public:
  struct Surroundings {
    EventQueue& queue;
    Chance& chance;
    Trace& trace;
    Network& network;
    FaultPlan& faults;
    const Troubles& troubles;
    WireRules& rules;
    Findings& findings;
    bool holds_unknown = false;  ///< see Fault::kLate: nothing is resent that it could precede
    /// The process may end after any answer.
    std::function<void()> after_answer;
  };

  explicit SimulatedTransport(Surroundings surroundings) : around_(std::move(surroundings)) {}

  void send(const OutgoingRequest& request, Done done) override;
  /// Ends some of what will never be answered, as a transport does that finds its connection dead.
  void network_changed() override;

  /// The process ends: of what is under way, some still reaches the API before `restart`.
  void crash(BootTime restart);

 private:
  struct Flight {
    Copy copy;
    Done done;
    const std::string* body = nullptr;  // as the sender owns it; must stay as it was
    Fault fault = Fault::kNone;
    ModelApi::Mood mood = ModelApi::Mood::kUsual;
    WireRules::Sent sent;
    bool has_arrived = false;
    Answer answer;
  };

  using milliseconds = std::chrono::milliseconds;

  static bool is_silent(Fault fault);
  void draw_fault(Flight& flight);
  void meet(const Trouble& trouble, Flight& flight);
  milliseconds draw_way_back(const Flight& flight);
  void arrive(Flight& flight);
  void finish(const std::shared_ptr<Flight>& flight);
  static bool is_sure(const Flight& flight);

  Surroundings around_;
  std::vector<std::shared_ptr<Flight>> flights_;
  Lifetime lifetime_;
};

}  // namespace flowmyna::simulation
