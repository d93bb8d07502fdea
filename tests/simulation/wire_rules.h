#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "back_off_rule.h"
#include "delivery/foreman.h"
#include "ledger.h"
#include "model_api.h"
#include "overtaking.h"

namespace flowmyna::simulation {

/// What must hold for every request as it goes out, whatever became of the others.
class WireRules {
 public:
  /// The body of a sealed request, built from what the outbox holds.
  using Build = std::function<std::string(const Seal&)>;

  WireRules(const ForemanOptions& options, const FaultPlan& faults, const Ledger& ledger,
            Findings& findings, Build build);

  using Sent = BackOffRule::Sent;
  Sent sent(const Copy& copy, BootTime now);
  struct Answered {
    Fault fault = Fault::kNone;
    BackOffRule::Wait asked_wait{0};
    bool verdict_is_sure = false;   ///< the answer says whether the request was processed
    bool took_something = false;    ///< and that an item was
    bool failed_something = false;  ///< and that another failed
  };
  void answered(const Copy& copy, const Sent& sent, const Answered& what, BootTime now);
  /// No more lies sealed and unsent than may soon leave; and what failed is bounded as well.
  void check_sealed(const std::map<std::string, Seal>& seals);
  void crashed();
  void restarted();
  /// Something came back to the backlog at an old place.
  void returned() { overtaking_.forget(); }
  std::size_t overtaken_max() const { return overtaking_.most(); }
  void hurried(BootTime now) { back_off_.hurried(now); }
  void network_changed(BootTime now);

  /// Keys of requests for which it was ever unknown whether they had arrived.
  const std::set<std::string>& unsure_keys() const { return unsure_keys_; }
  std::size_t requests() const { return requests_; }

 private:
  void check_limits(BootTime now);
  void check_seal(const Copy& copy);
  void check_outage(BootTime now);
  bool was_sent(const Seal& seal) const;
  using Since = std::map<std::string, BootTime>;  // by subject
  static std::optional<BootTime> earliest(const Since& since, const Copy& copy);
  void note_turned_away(const Copy& copy, Fault fault, BootTime now);
  void note_failing(const Copy& copy, const Answered& what, BootTime now);
  void hold(Serial serial) { held_[serial] = ledger_.retries_of(serial); }

  const ForemanOptions& options_;
  const FaultPlan& faults_;
  const Ledger& ledger_;
  Findings& findings_;
  const Build build_;
  Overtaking overtaking_;

  BackOffRule back_off_;
  std::multiset<BootTime> in_flight_;  // by their sending
  std::size_t data_in_flight_ = 0;
  std::size_t requests_ = 0;
  std::deque<BootTime> last_minute_;
  const FaultPlan::Period* outage_ = nullptr;
  std::size_t requests_in_outage_ = 0;
  std::size_t restarts_in_outage_ = 0;
  std::size_t changes_in_outage_ = 0;  // of the network, `retry_initial` apart
  BootTime last_change_{0};
  std::map<std::string, std::string> bodies_;  // by key
  std::set<std::string> unsure_keys_;
  Since turned_away_;
  Since failing_;
  // Events that must not leave again unless a person says so: how often one had when it was held.
  std::map<Serial, std::uint64_t> held_;
};

}  // namespace flowmyna::simulation
