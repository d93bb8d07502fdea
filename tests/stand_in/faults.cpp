#include "stand_in/faults.h"

#include <algorithm>

namespace flowmyna::stand_in {
namespace {

bool is_main(FaultKind kind) {
  return kind != FaultKind::kSlow && kind != FaultKind::kDialect && kind != FaultKind::kRejectItems;
}

bool depends_on_body(const FaultRule& rule) {
  return rule.kind == FaultKind::kRejectItems || rule.kind == FaultKind::kMaxBody ||
         rule.match.about_anything() || rule.delay_per_item.count() > 0 ||
         rule.delay_per_kib.count() > 0;
}

bool is_for(const FaultRule& rule, std::string_view path) {
  return rule.paths.empty() ||
         std::find(rule.paths.begin(), rule.paths.end(), path) != rule.paths.end();
}

bool applies(const FaultRule& rule, const RequestFacts& facts) {
  if (rule.kind == FaultKind::kMaxBody && facts.bytes <= rule.bytes) return false;
  return matches_request(rule.match, facts);
}

/// `fault` strikes: puts it where it belongs.
void take(FaultDecision& decision, const SharedFault& fault, const RequestFacts& facts) {
  constexpr std::size_t kKib = 1024;
  const FaultRule& rule = fault->rule;
  if (rule.kind == FaultKind::kDialect) {
    decision.dialects.push_back(fault);
  } else if (rule.kind == FaultKind::kSlow) {
    decision.delay +=
        rule.delay + rule.delay_per_item * facts.items() + rule.delay_per_kib * facts.bytes / kKib;
    decision.apply_late = decision.apply_late || rule.apply_late;
  } else {
    decision.main = fault;
  }
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
  bool main_waits = false;
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const SharedFault& fault : faults_) {
    const FaultRule& rule = fault->rule;
    if (rule.kind == FaultKind::kRefused || expired(*fault, now) || !is_for(rule, path)) continue;
    // What stands behind a main rule that waits for the body has to wait for its turn.
    if (depends_on_body(rule) || (main_waits && is_main(rule.kind))) {
      main_waits = main_waits || is_main(rule.kind);
      decision.pending.push_back(fault);
    } else if (strike_locked(*fault)) {
      take(decision, fault, {});
      if (decision.main) break;
    }
  }
  return decision;
}

void FaultTable::settle(FaultDecision& decision, const RequestFacts& facts) {
  std::vector<SharedFault> rejecting;
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const SharedFault& fault : decision.pending) {
    const FaultRule& rule = fault->rule;
    if (rule.kind == FaultKind::kRejectItems) {
      rejecting.push_back(fault);
    } else if (decision.main && is_main(rule.kind)) {
      continue;
    } else if (!expired(*fault, now) && applies(rule, facts) && strike_locked(*fault)) {
      take(decision, fault, facts);
    }
  }
  decision.pending = std::move(rejecting);
}

bool FaultTable::strike_items(ActiveFault& fault, std::vector<Candidate>& items) {
  const std::lock_guard lock(mutex_);
  if (expired(fault, Clock::now())) return false;
  if (const auto count = fault.rule.count_each) {
    std::erase_if(items, [&](const Candidate& item) {
      const auto known = fault.failures.find(item.identity);
      return known != fault.failures.end() && known->second >= *count;
    });
  }
  if (items.empty() || !strike_locked(fault)) return false;
  if (fault.rule.count_each) {
    for (const Candidate& item : items) ++fault.failures[item.identity];
  }
  return true;
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

}  // namespace flowmyna::stand_in
