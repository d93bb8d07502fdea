#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <vector>

#include "agent/reports.h"

namespace flowmyna {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const char* name, const char* help, MetricType type, double value) {
  ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return {name, help, type, {metric}};
}

MetricFamily counter(const char* name, const char* help, std::uint64_t value) {
  return family(name, help, MetricType::Counter, static_cast<double>(value));
}

MetricFamily gauge(const char* name, const char* help, std::uint64_t value) {
  return family(name, help, MetricType::Gauge, static_cast<double>(value));
}

constexpr std::array kDeliveryStates = {DeliveryState::kIdle,       DeliveryState::kDelivering,
                                        DeliveryState::kBackingOff, DeliveryState::kUnauthorized,
                                        DeliveryState::kPaused,     DeliveryState::kMisconfigured};
constexpr std::array kOutboxStates = {OutboxState::kOk, OutboxState::kFull, OutboxState::kFailed};

/// One series a state, 1 for the one that holds.
template <class States, class State>
MetricFamily state_family(const char* name, const char* help, const States& all, State now) {
  MetricFamily states{name, help, MetricType::Gauge, {}};
  for (const State state : all) {
    ClientMetric metric;
    metric.label = {{"state", name_of(state)}};
    metric.gauge.value = state == now ? 1 : 0;
    states.metric.push_back(metric);
  }
  return states;
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
  const OutboxStats& outbox = snapshot.outbox;
  std::vector<MetricFamily> families = {
      counter("flowmyna_agent_accepted_total", "Operations accepted durably", outbox.accepted),
      counter("flowmyna_agent_delivered_total", "Accepted operations that the API confirmed",
              outbox.delivered),
      counter("flowmyna_agent_dropped_total", "Dead operations that a person gave up",
              outbox.dropped),
      counter("flowmyna_agent_lost_total",
              "Operations that could not be read any more in a damaged outbox", outbox.lost),
      counter("flowmyna_agent_coalesced_total",
              "Delivered operations that travelled inside a merged upsert", outbox.coalesced),
      counter("flowmyna_agent_requests_total", "Batches put on the wire, resends included",
              outbox.requests),
      counter("flowmyna_agent_duplicates_possible_total",
              "Events that may be recorded more than once", outbox.duplicates_possible),
      gauge("flowmyna_agent_dead_letters", "Operations that the API refused for good", outbox.dead),
      gauge("flowmyna_agent_pending", "Accepted operations not yet settled", outbox.pending()),
      gauge("flowmyna_agent_damaged_files", "1 while a damaged outbox file waits for repair",
            outbox.damaged_file.empty() ? 0 : 1),
      gauge("flowmyna_agent_outbox_size_bytes", "Database and write-ahead log", outbox.size_bytes),
      gauge("flowmyna_agent_outbox_quota_bytes", "What the outbox may grow to", outbox.quota_bytes),
      gauge("flowmyna_agent_uptime_seconds", "Since the agent started",
            static_cast<std::uint64_t>(snapshot.uptime.count())),
      state_family("flowmyna_agent_delivery_state", "1 for the state that delivery is in",
                   kDeliveryStates, snapshot.delivery.state),
      state_family("flowmyna_agent_outbox_state", "1 for the state that the outbox is in",
                   kOutboxStates, outbox.state),
  };
  if (const auto age = oldest_age(snapshot)) {
    families.push_back(gauge("flowmyna_agent_oldest_age_seconds",
                             "Age of the oldest pending operation",
                             static_cast<std::uint64_t>(age->count())));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace flowmyna
