#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <vector>

#include "agent/api/reports.h"

namespace flowmyna {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const std::string& name, const char* help, MetricType type, double value) {
  ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return {name, help, type, {metric}};
}

MetricFamily counter(const std::string& name, const char* help, std::uint64_t value) {
  return family("flowmyna_agent_" + name + "_total", help, MetricType::Counter,
                static_cast<double>(value));
}

MetricFamily gauge(const char* name, const char* help, std::uint64_t value) {
  return family(name, help, MetricType::Gauge, static_cast<double>(value));
}

constexpr std::array kOutboxStates = {OutboxState::kOk, OutboxState::kFull, OutboxState::kFailed};

/// Adds one series a state, 1 for the one that holds.
template <class States, class State>
void add_states(MetricFamily& family, const States& all, State now,
                const std::vector<ClientMetric::Label>& labels = {}) {
  for (const State state : all) {
    ClientMetric metric;
    metric.label = labels;
    metric.label.push_back({"state", name_of(state)});
    metric.gauge.value = state == now ? 1 : 0;
    family.metric.push_back(metric);
  }
}

template <class States, class State>
MetricFamily state_family(const char* name, const char* help, const States& all, State now) {
  MetricFamily family{name, help, MetricType::Gauge, {}};
  add_states(family, all, now);
  return family;
}

MetricFamily endpoint_family(const DeliveryStatus& delivery) {
  MetricFamily family{
      "flowmyna_agent_endpoint_state",
      "1 for the state that an endpoint is in, where it differs from delivery as a whole",
      MetricType::Gauge,
      {}};
  for (std::size_t i = 0; i < kEndpointNames.size(); ++i) {
    add_states(family, kDeliveryStates, delivery.endpoints[i].state,
               {{"endpoint", kEndpointNames[i]}});
  }
  return family;
}

std::vector<MetricFamily> counter_families(const Snapshot& snapshot) {
  std::vector<MetricFamily> families = {
      counter("accepted", "Operations accepted durably", snapshot.outbox.accepted)};
  const Counters counters = counters_to_tell(snapshot);
  for (const CounterInfo& info : kCounters) {
    if (info.help == nullptr) continue;
    families.push_back(counter(info.name, info.help, counters.*info.value));
  }
  return families;
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
  const OutboxStats& outbox = snapshot.outbox;
  std::vector<MetricFamily> families = {
      gauge("flowmyna_agent_dead_letters", "Operations that the API refused for good", outbox.dead),
      gauge("flowmyna_agent_pending", "Accepted operations not yet settled", outbox.pending()),
      gauge("flowmyna_agent_stuck_operations",
            "Pending operations that keep failing while others succeed",
            snapshot.delivery.stuck_operations),
      gauge("flowmyna_agent_damaged_files", "1 while a damaged outbox file waits for repair",
            outbox.damaged_file.empty() ? 0 : 1),
      gauge("flowmyna_agent_outbox_epoch",
            "How often the outbox was found to be a restored backup, or from another machine",
            outbox.epoch),
      gauge("flowmyna_agent_outbox_size_bytes", "Database and write-ahead log", outbox.size_bytes),
      gauge("flowmyna_agent_outbox_quota_bytes", "Size that the outbox may grow to",
            outbox.quota_bytes),
      gauge("flowmyna_agent_uptime_seconds", "Since the agent started",
            static_cast<std::uint64_t>(snapshot.uptime.count())),
      state_family("flowmyna_agent_delivery_state", "1 for the state that delivery is in",
                   kDeliveryStates, snapshot.delivery.state),
      endpoint_family(snapshot.delivery),
      state_family("flowmyna_agent_outbox_state", "1 for the state that the outbox is in",
                   kOutboxStates, outbox.state),
  };
  const std::vector<MetricFamily> counters = counter_families(snapshot);
  families.insert(families.begin(), counters.begin(), counters.end());
  if (const auto age = oldest_age(snapshot)) {
    families.push_back(gauge("flowmyna_agent_oldest_age_seconds",
                             "Age of the oldest pending operation",
                             static_cast<std::uint64_t>(age->count())));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace flowmyna
