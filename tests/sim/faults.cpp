#include "sim/faults.h"

#include <algorithm>

namespace flowmyna::sim {
namespace {

bool depends_on_body(FaultKind kind) {
  return kind == FaultKind::kRejectItems || kind == FaultKind::kMaxBody;
}

bool expired(const ActiveFault& fault, FaultTable::Clock::time_point now) {
  return fault.expires && *fault.expires <= now;
}

}  // namespace

void FaultTable::add(std::vector<FaultRule> rules) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (FaultRule& rule : rules) {
    auto fault = std::make_shared<ActiveFault>();
    if (rule.duration) fault->expires = now + *rule.duration;
    fault->random.seed(rule.seed);
    fault->rule = std::move(rule);
    faults_.push_back(std::move(fault));
  }
}

void FaultTable::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

FaultDecision FaultTable::decide(std::string_view path) {
  FaultDecision decision;
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const SharedFault& fault : faults_) {
    const FaultRule& rule = fault->rule;
    if (rule.kind == FaultKind::kRefused || expired(*fault, now)) continue;
    if (!rule.path.empty() && rule.path != path) continue;
    if (depends_on_body(rule.kind)) {
      decision.conditional.push_back(fault);
    } else if (!strike_locked(*fault)) {
      continue;
    } else if (rule.kind == FaultKind::kSlow) {
      decision.delay += rule.delay;
      decision.apply_late = decision.apply_late || rule.apply_late;
    } else {
      decision.main = fault;
      break;
    }
  }
  return decision;
}

bool FaultTable::strike(ActiveFault& fault) {
  const std::lock_guard lock(mutex_);
  return !expired(fault, Clock::now()) && strike_locked(fault);
}

bool FaultTable::strike_locked(ActiveFault& fault) {
  const FaultRule& rule = fault.rule;
  if (rule.count && fault.served >= *rule.count) return false;
  if (++fault.seen <= rule.skip) return false;
  if (rule.probability < 1.0) {
    // The top 53 bits, so that one seed gives one sequence on every platform.
    const double draw = static_cast<double>(fault.random() >> 11) * 0x1p-53;
    if (draw >= rule.probability) return false;
  }
  ++fault.served;
  ++served_;
  return true;
}

std::optional<FaultTable::Clock::time_point> FaultTable::refused_until() const {
  const auto now = Clock::now();
  std::optional<Clock::time_point> until;
  const std::lock_guard lock(mutex_);
  for (const SharedFault& fault : faults_) {
    if (fault->rule.kind != FaultKind::kRefused || expired(*fault, now)) continue;
    const auto end = fault->expires.value_or(Clock::time_point::max());
    until = until ? std::max(*until, end) : end;
  }
  return until;
}

std::uint64_t FaultTable::served() const {
  const std::lock_guard lock(mutex_);
  return served_;
}

}  // namespace flowmyna::sim
