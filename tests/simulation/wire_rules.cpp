#include "wire_rules.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace flowmyna::simulation {
namespace {

// A network that settles is tried again and again for ten seconds, each time later; and while it
// flaps once every `retry_initial`.
constexpr std::size_t kRequestsAfterChange = 10;

Channel channel_of(const Copy& copy) {
  if (copy.is_get) return Channel::kHealth;
  return copy.is_event() ? Channel::kEvents : Channel::kUpserts;
}

}  // namespace

WireRules::WireRules(const ForemanOptions& options, const FaultPlan& faults, const Ledger& ledger,
                     Findings& findings, Build build)
    : options_(options),
      faults_(faults),
      ledger_(ledger),
      findings_(findings),
      build_(std::move(build)),
      overtaking_(options, ledger, findings),
      back_off_(options.backoff.initial) {}

WireRules::Sent WireRules::sent(const Copy& copy, BootTime now) {
  in_flight_.insert(now);
  if (!copy.is_get) ++data_in_flight_;
  ++requests_;
  Sent sent = back_off_.sent(channel_of(copy), now);
  sent.turned_away_since = earliest(turned_away_, copy);
  sent.failing_since = earliest(failing_, copy);
  if (!sent.wrong.empty()) findings_.add(sent.wrong);
  check_limits(now);
  check_outage(now);
  if (copy.is_get) return sent;
  check_seal(copy);
  overtaking_.sent(copy.key);
  if (options_.hold_unknown && copy.is_event()) {
    for (const Serial serial : ModelApi::serials_in(copy.body)) {
      const auto it = held_.find(serial);
      const bool may_go = it == held_.end() || it->second < ledger_.retries_of(serial);
      findings_.expect(may_go, [&] {
        return "event #" + std::to_string(serial) + " of unknown outcome was sent again";
      });
    }
  }
  return sent;
}

/// A request leaves only under a durable seal, and always with the same bytes: those that a process
/// which starts now would build.
void WireRules::check_seal(const Copy& copy) {
  const bool is_sealed = ledger_.seals().contains(copy.key);
  findings_.expect(is_sealed, [&] { return "a request left unsealed, with key " + copy.key; });
  const auto& body = bodies_.try_emplace(copy.key, copy.body).first->second;
  findings_.expect(body == copy.body, [&] {
    return "request " + copy.key + " changed its body: first " + body + ", now " + copy.body;
  });
  if (!is_sealed) return;
  const std::string built = build_(ledger_.seals().at(copy.key));
  findings_.expect(built == copy.body, [&] {
    return "request " + copy.key + " is sent as " + copy.body + ", and sealed as " + built;
  });
}

void WireRules::check_limits(BootTime now) {
  const auto overtaken = static_cast<std::size_t>(std::ranges::count_if(
      in_flight_, [&](BootTime sent_at) { return back_off_.is_overtaken(sent_at, now); }));
  // The health request carries no data, and may go beside what is still under way.
  findings_.expect(in_flight_.size() - overtaken <= options_.in_flight_max + 1,
                   [&] { return std::to_string(in_flight_.size()) + " requests are in flight"; });
  findings_.expect(data_in_flight_ <= 2 * options_.in_flight_max, [&] {
    return std::to_string(data_in_flight_) + " requests are in flight on networks old and new";
  });
  if (options_.requests_per_minute_max == 0) return;
  last_minute_.push_back(now);
  while (last_minute_.front() <= now - std::chrono::minutes(1)) last_minute_.pop_front();
  findings_.expect(last_minute_.size() <= options_.requests_per_minute_max,
                   [&] { return std::to_string(last_minute_.size()) + " requests in one minute"; });
}

/// However long an outage is, it sees a few requests at first and then one for every wait; the same
/// again from a process that knows nothing of it.
void WireRules::check_outage(BootTime now) {
  const FaultPlan::Period* outage = faults_.outage(now);
  if (outage != outage_) requests_in_outage_ = restarts_in_outage_ = changes_in_outage_ = 0;
  outage_ = outage;
  if (outage == nullptr) return;
  ++requests_in_outage_;
  const auto& backoff = options_.backoff;
  const auto doublings = std::bit_width(static_cast<std::uint64_t>(backoff.max / backoff.initial));
  const auto waits = 4 * (now - outage->begin) / backoff.max;
  // Unlucky jitter included; a hundred times fewer than one a `retry_initial`.
  const std::size_t bound =
      kChannels *
      ((options_.in_flight_max + 2 * doublings) * (1 + restarts_in_outage_) +
       static_cast<std::size_t>(waits) + 20 + kRequestsAfterChange * changes_in_outage_);
  findings_.expect(requests_in_outage_ <= bound, [&] {
    return std::to_string(requests_in_outage_) + " requests during one outage";
  });
}

void WireRules::network_changed(BootTime now) {
  back_off_.network_changed(now);
  if (now < last_change_ + options_.backoff.initial) return;
  last_change_ = now;
  ++changes_in_outage_;
}

void WireRules::answered(const Copy& copy, const Sent& sent, const Answered& what, BootTime now) {
  if (const auto it = in_flight_.find(sent.at); it != in_flight_.end()) in_flight_.erase(it);
  if (!copy.is_get) --data_in_flight_;
  if (what.fault != Fault::kNone &&
      (copy.is_get || may_be_networks(what.fault) || what.fault == Fault::kThrottled)) {
    overtaking_.forget();
  }
  if (!copy.is_get) {
    overtaking_.answered(copy.is_event() ? Kind::kEvent : Kind::kUpsert, what.took_something);
  }
  back_off_.answered(what.fault, what.asked_wait, what.took_something, sent, now);
  note_turned_away(copy, what.fault, now);
  note_failing(copy, what, now);
  if (what.verdict_is_sure || copy.is_get) return;
  unsure_keys_.insert(copy.key);
  if (!options_.hold_unknown || !copy.is_event()) return;
  for (const Serial serial : ModelApi::serials_in(copy.body)) hold(serial);
}

/// Since when something that it carries, or an earlier state of that, met with this.
std::optional<BootTime> WireRules::earliest(const Since& since, const Copy& copy) {
  std::optional<BootTime> first;
  if (since.empty()) return first;
  for (const std::string& subject : ModelApi::subjects_of(copy)) {
    const auto it = since.find(subject);
    if (it != since.end()) first = std::min(first.value_or(it->second), it->second);
  }
  return first;
}

void WireRules::note_turned_away(const Copy& copy, Fault fault, BootTime now) {
  if (fault != Fault::kUnauthorized && fault != Fault::kNotFound) return;
  for (const std::string& subject : ModelApi::subjects_of(copy)) {
    turned_away_.try_emplace(subject, now);
  }
}

/// What the API has taken whole does not fail any more.
void WireRules::note_failing(const Copy& copy, const Answered& what, BootTime now) {
  if (copy.is_get || what.fault == Fault::kThrottled) return;
  const bool is_taken = what.took_something && !what.failed_something;
  if (is_taken && failing_.empty()) return;
  for (const std::string& subject : ModelApi::subjects_of(copy)) {
    if (is_taken) {
      failing_.erase(subject);
    } else {
      failing_.try_emplace(subject, now);
    }
  }
}

bool WireRules::was_sent(const Seal& seal) const {
  const auto& numbers = ledger_.entries().at(seal.items.front().front() - 1).seals;
  return std::ranges::any_of(
      numbers, [&](std::uint64_t number) { return bodies_.contains(ledger_.key_of(number)); });
}

void WireRules::check_sealed(const std::map<std::string, Seal>& seals) {
  const std::size_t ahead_max = 2 * kKinds * options_.in_flight_max;
  if (seals.size() <= ahead_max) return;
  const auto unsent = static_cast<std::size_t>(
      std::ranges::count_if(seals, [&](const auto& entry) { return !was_sent(entry.second); }));
  findings_.expect(unsent <= ahead_max,
                   [&] { return std::to_string(unsent) + " requests are sealed that never left"; });
  // Each that was sealed may have come apart.
  const std::size_t sealed_max = kKinds * options_.sealed_max * options_.plan.items_max;
  findings_.expect(seals.size() <= sealed_max + ahead_max,
                   [&] { return std::to_string(seals.size()) + " requests are sealed"; });
}

void WireRules::crashed() {
  overtaking_.crashed();
  in_flight_.clear();
  data_in_flight_ = 0;
}

/// What is sealed now may have been in flight when the last process ended.
void WireRules::restarted() {
  back_off_.restarted();
  turned_away_.clear();
  failing_.clear();
  ++restarts_in_outage_;
  last_minute_.clear();
  for (const auto& [key, seal] : ledger_.seals()) {
    unsure_keys_.insert(key);
    if (!options_.hold_unknown || seal.kind != Kind::kEvent) continue;
    for (const ItemMembers& item : seal.items) {
      hold(ledger_.operation(item.front()).serial);
    }
  }
}

}  // namespace flowmyna::simulation
