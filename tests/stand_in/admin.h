#pragma once

#include <functional>

#include "stand_in/api.h"
#include "stand_in/exchange.h"
#include "stand_in/faults.h"
#include "stand_in/request_log.h"
#include "stand_in/world.h"

namespace flowmyna::stand_in {

/// The `/sim/…` routes: look at the state and the request log, set faults and the dialect,
/// start afresh. No key.
/// Thread-safe.
class Admin {
 public:
  /// `faults_changed(cut_hanging)` is called after the rules changed.
  using FaultsChanged = std::function<void(bool cut_hanging)>;

  Admin(Api& api, World& world, FaultTable& faults, DialectBook& dialects, RequestLog& log)
      : api_(api), world_(world), faults_(faults), dialects_(dialects), log_(log) {}

  static bool owns(const std::string& path);

  void respond(Exchange& exchange, const FaultsChanged& faults_changed);

  std::string counts() const;
  void reset();

 private:
  Reply route(const Exchange& exchange, const FaultsChanged& faults_changed);
  Reply set_faults(const Exchange& exchange, const FaultsChanged& faults_changed);
  Reply set_dialect(const Exchange& exchange);
  Reply requests(const Exchange& exchange) const;
  Reply state(const Exchange& exchange) const;

  Api& api_;
  World& world_;
  FaultTable& faults_;
  DialectBook& dialects_;
  RequestLog& log_;
};

}  // namespace flowmyna::stand_in
