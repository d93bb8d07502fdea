#pragma once

#include "findings.h"
#include "ledger.h"
#include "model_api.h"
#include "wire_rules.h"

namespace flowmyna::simulation {

/// What a finished run is measured against: the accepted operations one at a time, in order, as the
/// vendor's documentation defines them, without any coalescing, batch or fault.
///
/// The order is that of the seals under which the operations arrived, and of receipts within one.
/// For what depends on each other this is the order of receipts, except where a person put a dead
/// letter back: such an operation takes its effect where it was sealed at last, behind what was
/// already on its way, and before all that was accepted later and still waited. That nothing else
/// overtakes is checked at every seal (Ledger::sealed), so the two together are the promise.
///
/// Whatever became of an operation in the end, it counts each time that the API took it, and only
/// then: what is dead or dropped may have been taken before, by a request of unknown outcome.
class Reference {
 public:
  Reference(const Ledger& ledger, const ModelApi& api, Findings& findings,
            std::chrono::milliseconds dead_letter_after)
      : ledger_(ledger), api_(api), findings_(findings), dead_letter_after_(dead_letter_after) {}

  /// The API's objects, and what every event found, are those of the unplanned sequence.
  void check_states();
  /// Every event that is not dead is there; twice only for a reason, and then as the same bytes.
  void check_recordings(const WireRules& rules, bool holds_unknown, std::uint64_t counted);
  /// How many events arrived with a corrected time.
  std::size_t corrected() const { return corrected_; }
  /// Only what the API refused is dead, with its words and with all that was merged into it; what
  /// it failed in a 200, only after it did so for long enough.
  void check_dead_letters(bool holds_unknown);

 private:
  /// An operation that took effect, or one of the times that an event did.
  struct Effect {
    std::uint64_t seal = 0;
    const ModelOperation* operation = nullptr;
    const ModelApi::Recording* recording = nullptr;  ///< an event's
  };
  std::vector<Effect> effects_in_order() const;
  void check_found(const Effect& effect, const Objects& objects);
  void check_tries(const Ledger::Dead& dead, const std::string& name);
  void check_arrived(const Ledger::Entry& upsert);
  void check_time(const Ledger::Entry& entry, const ModelApi::Recording& copy);
  void check_copies(const ModelOperation& event, const std::vector<ModelApi::Recording>& copies,
                    const WireRules& rules, bool holds_unknown);

  const Ledger& ledger_;
  const ModelApi& api_;
  Findings& findings_;
  const std::chrono::milliseconds dead_letter_after_;
  std::size_t corrected_ = 0;
};

}  // namespace flowmyna::simulation
