#include "agent/ctl/status_view.h"

#include <algorithm>
#include <cmath>

#include "agent/ctl/delivery_words.h"
#include "agent/ctl/format.h"

namespace flowmyna::ctl {
namespace {

constexpr std::size_t kLabelColumns = 15;

std::string line(std::string label, const std::string& text) {
  label.resize(std::max(kLabelColumns, label.size() + 1), ' ');
  return label + printable(text) + '\n';
}

/// A state in words; those in which it is not plain what to do say so.
std::string state_words(const std::string& state) {
  if (const char* words = words_of(state).status) return words;
  std::string text = state;
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string state_text(const std::string& state, const std::optional<double>& next_attempt) {
  const std::string text = state_words(state);
  return next_attempt ? text + ", next attempt in " + duration_text(*next_attempt) : text;
}

/// A line for an endpoint that is worse off than delivery as a whole.
std::string endpoint_line(const char* label, const client::Status::Delivery::Endpoint& endpoint,
                          const std::string& whole) {
  if (!is_worse(endpoint, whole)) return {};
  const std::string why = endpoint.last_error.empty() ? "" : ": " + endpoint.last_error;
  return line(label, state_text(endpoint.state, endpoint.next_attempt_in_seconds) + why);
}

std::string stuck_lines(const client::Status::Delivery::Stuck& stuck) {
  if (stuck.operations == 0) return {};
  std::string text = std::to_string(stuck.operations);
  if (stuck.oldest_receipt != 0) {
    text += ", the oldest is " + std::to_string(stuck.oldest_receipt) + ", for " +
            duration_text(stuck.oldest_for_seconds) + ", after " +
            counted(std::to_string(stuck.attempts), "attempt");
  }
  std::string lines = line("stuck", text);
  if (!stuck.last_error.empty()) lines += line("", stuck.last_error);
  return lines + line("",
                      "`flowmynactl pending --stuck` shows them, `flowmynactl pending drop N` "
                      "drops one");
}

std::string pending_text(const client::Status::Outbox& outbox) {
  std::string text = std::to_string(outbox.pending);
  if (outbox.pending > 0 && outbox.oldest_age_seconds) {
    text += ", the oldest waits for " + duration_text(*outbox.oldest_age_seconds);
  }
  return text;
}

std::string size_text(const client::Status::Outbox& outbox) {
  if (outbox.quota_bytes == 0) return bytes_text(outbox.size_bytes);
  const double share =
      100.0 * static_cast<double>(outbox.size_bytes) / static_cast<double>(outbox.quota_bytes);
  return bytes_text(outbox.size_bytes) + " of " + bytes_text(outbox.quota_bytes) + " (" +
         std::to_string(std::lround(share)) + " %)";
}

std::string per_second(std::uint64_t before, std::uint64_t now, double seconds) {
  const auto count = now > before ? now - before : 0;  // the agent may have been restarted
  return std::to_string(std::lround(static_cast<double>(count) / seconds)) + "/s";
}

std::string lost_text(const client::Status::Outbox& outbox) {
  const std::string count = std::to_string(outbox.lost) + " when the outbox was damaged";
  return outbox.lost_is_exact ? count : count + ", as far as is known";
}

std::string put_back_text(const client::Status::Outbox& outbox) {
  return counted(std::to_string(outbox.epoch), "time") +
         ", or copied to another machine; events up to receipt " +
         std::to_string(outbox.doubtful_through) + " may have been delivered before";
}

}  // namespace

bool is_worse(const client::Status::Delivery::Endpoint& endpoint, const std::string& whole) {
  const auto state = delivery_state(endpoint.state);
  const bool is_well = endpoint.state.empty() || state == DeliveryState::kIdle ||
                       state == DeliveryState::kDelivering;
  return !is_well && endpoint.state != whole;
}

std::string status_view(const client::Status& status) {
  const client::Status::Delivery& delivery = status.delivery;
  std::string view = "flowmyna-agent " + printable(status.version) + ", up " +
                     duration_text(status.uptime_seconds) + '\n';
  view += line("state", state_text(delivery.state, delivery.next_attempt_in_seconds));
  view += endpoint_line("objects", delivery.object, delivery.state);
  view += endpoint_line("events", delivery.event, delivery.state);
  view += line("last success", delivery.last_success.empty() ? "never" : delivery.last_success);
  if (!delivery.last_error.empty()) view += line("last error", delivery.last_error);
  view += line("pending", pending_text(status.outbox));
  view += stuck_lines(delivery.stuck);
  view += line("dead letters", std::to_string(status.outbox.dead_letters));
  if (delivery.dropped > 0) view += line("dropped", std::to_string(delivery.dropped) + " by hand");
  if (status.outbox.lost > 0) view += line("lost", lost_text(status.outbox));
  if (!status.outbox.damaged_file.empty()) view += line("damaged file", status.outbox.damaged_file);
  view += line("outbox", size_text(status.outbox));
  if (status.outbox.epoch > 0) view += line("put back", put_back_text(status.outbox));
  if (!status.outbox.last_error.empty()) {
    view += line("outbox " + status.outbox.state, status.outbox.last_error);
  }
  view += line("accepted", std::to_string(delivery.accepted));
  view += line("delivered", std::to_string(delivery.delivered));
  view += line("coalesced", std::to_string(delivery.coalesced));
  view += line("requests", std::to_string(delivery.requests));
  view += line("duplicates", std::to_string(delivery.duplicates_possible) + " possible");
  return view;
}

std::string rate_view(const client::Status& before, const client::Status& now, double seconds) {
  return line(
      "now",
      per_second(before.delivery.accepted, now.delivery.accepted, seconds) + " accepted, " +
          per_second(before.delivery.delivered, now.delivery.delivered, seconds) + " delivered, " +
          per_second(before.delivery.requests, now.delivery.requests, seconds) + " requests");
}

}  // namespace flowmyna::ctl
