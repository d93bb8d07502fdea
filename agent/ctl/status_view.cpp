#include "agent/ctl/status_view.h"

#include <algorithm>
#include <cmath>

#include "agent/ctl/format.h"

namespace flowmyna::ctl {
namespace {

constexpr std::size_t kLabelColumns = 15;

std::string line(std::string label, const std::string& text) {
  label.resize(std::max(kLabelColumns, label.size() + 1), ' ');
  return label + printable(text) + '\n';
}

std::string state_text(const client::Status::Delivery& delivery) {
  std::string text = delivery.state;
  std::ranges::replace(text, '_', ' ');
  if (delivery.next_attempt_in_seconds) {
    text += ", next attempt in " + duration_text(*delivery.next_attempt_in_seconds);
  }
  return text;
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
  return outbox.lost_is_exact ? count : count + ", as far as can be told";
}

}  // namespace

std::string status_view(const client::Status& status) {
  const auto& [state, next, last_success, last_error, accepted, delivered, coalesced, requests,
               duplicates, dropped] = status.delivery;
  std::string view = "flowmyna-agent " + printable(status.version) + ", up " +
                     duration_text(status.uptime_seconds) + '\n';
  view += line("state", state_text(status.delivery));
  view += line("last success", last_success.empty() ? "never" : last_success);
  if (!last_error.empty()) view += line("last error", last_error);
  view += line("pending", pending_text(status.outbox));
  std::string dead = std::to_string(status.outbox.dead_letters);
  if (dropped > 0) dead += ", and " + std::to_string(dropped) + " dropped by hand";
  view += line("dead letters", dead);
  if (status.outbox.lost > 0) view += line("lost", lost_text(status.outbox));
  if (!status.outbox.damaged_file.empty()) view += line("damaged file", status.outbox.damaged_file);
  view += line("outbox", size_text(status.outbox));
  if (!status.outbox.last_error.empty()) {
    view += line("outbox " + status.outbox.state, status.outbox.last_error);
  }
  view += line("accepted", std::to_string(accepted));
  view += line("delivered", std::to_string(delivered));
  view += line("coalesced", std::to_string(coalesced));
  view += line("requests", std::to_string(requests));
  view += line("duplicates", std::to_string(duplicates) + " possible");
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
