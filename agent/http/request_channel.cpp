#include "agent/http/server_core.h"
#include "core/empty_out.h"

namespace flowmyna {
namespace {

/// Room for the answer to one operation stays with a connection.
constexpr std::size_t kKeptBodyBytes = 1UL << 10U;

}  // namespace

void RequestChannel::send(HttpResponse response) {
  core_->senders.fetch_add(1);
  if (!claimed_.exchange(true)) {
    response_ = std::move(response);
    if (phase_.exchange(Phase::kAnswered) == Phase::kSuspended) {
      core_->resume(connection_);
    }
  }
  core_->senders.fetch_sub(1);
}

void RequestChannel::suspend() {
  MHD_suspend_connection(connection_);
  Phase expected = Phase::kRunning;
  if (!phase_.compare_exchange_strong(expected, Phase::kSuspended)) {
    core_->resume(connection_);
  }
}

void RequestChannel::renew() {
  claimed_.store(false);
  phase_.store(Phase::kRunning);
  body_ = std::move(response_.body);
  empty_out(body_, kKeptBodyBytes);
  response_ = HttpResponse{};
}

}  // namespace flowmyna
