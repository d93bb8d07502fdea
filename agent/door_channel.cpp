#include "agent/door_core.h"
#include "core/room.h"

namespace flowmyna {
namespace {

/// Room for the answer to one operation stays with a connection.
constexpr std::size_t kKeptBodyBytes = 1UL << 10U;

}  // namespace

void Responder::Channel::send(HttpResponse response) {
  core_->senders.fetch_add(1);
  if (!claimed_.exchange(true)) {
    response_ = std::move(response);
    if (phase_.exchange(Phase::kAnswered) == Phase::kSuspended) {
      core_->resume(connection_);
    }
  }
  core_->senders.fetch_sub(1);
}

void Responder::Channel::suspend() {
  MHD_suspend_connection(connection_);
  Phase expected = Phase::kRunning;
  if (!phase_.compare_exchange_strong(expected, Phase::kSuspended)) {
    core_->resume(connection_);
  }
}

void Responder::Channel::renew() {
  claimed_.store(false);
  phase_.store(Phase::kRunning);
  body_ = std::move(response_.body);
  empty_out(body_, kKeptBodyBytes);
  response_ = HttpResponse{};
}

Responder::Responder(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  // The request that is let go of is answered by this temporary's destructor.
  Responder dropped(std::exchange(channel_, std::exchange(other.channel_, nullptr)));
  return *this;
}

Responder::~Responder() {
  if (channel_ == nullptr) return;
  HttpResponse response;
  response.status = MHD_HTTP_SERVICE_UNAVAILABLE;
  response.body = R"({"detail":"the agent could not answer this request; try again"})";
  response.retry_after_seconds = 1;
  channel_->send(std::move(response));
}

std::string Responder::take_body() {
  return channel_->take_body();
}

void Responder::send(HttpResponse response) {
  const std::shared_ptr<Channel> channel = std::exchange(channel_, nullptr);
  if (channel != nullptr) channel->send(std::move(response));
}

}  // namespace flowmyna
