#pragma once

#include "findings.h"
#include "ledger.h"
#include "model_api.h"
#include "wire_rules.h"

namespace flowmyna::simulation {

/// What a finished run is measured against: the accepted operations one at a time, in order, as the
/// vendor's documentation defines them, without any coalescing, batch or fault.
///
/// A dead letter has no effect and is left out. One of unknown outcome (`hold`) counts if the API
/// did take it.
class Reference {
 public:
  Reference(const Ledger& ledger, const ModelApi& api, Findings& findings)
      : ledger_(ledger), api_(api), findings_(findings) {}

  /// The API's objects, and what every event found, are those of the unplanned sequence.
  void check_states();
  /// Every event that is not dead is there; twice only for a reason, and then as the same bytes.
  void check_recordings(const WireRules& rules, bool holds_unknown, std::uint64_t counted);
  /// Only what the API refused is dead, with its words and with all that was merged into it.
  void check_dead_letters(bool holds_unknown);

 private:
  bool has_effect(const Ledger::Entry& entry) const;
  void check_found(const ModelOperation& event, const Objects& objects);
  void check_copies(const ModelOperation& event, const std::vector<ModelApi::Recording>& copies,
                    const WireRules& rules, bool holds_unknown);

  const Ledger& ledger_;
  const ModelApi& api_;
  Findings& findings_;
};

}  // namespace flowmyna::simulation
