#include "agent/http/message.h"

#include <utility>

namespace flowmyna {

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
  response.status = 503;
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
