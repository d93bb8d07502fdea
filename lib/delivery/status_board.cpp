#include "delivery/status_board.h"

#include <algorithm>
#include <utility>

namespace flowmyna {

DeliveryStatus StatusBoard::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void StatusBoard::publish(DeliveryStatus told) {
  const std::lock_guard lock(mutex_);
  told.duplicates_unsettled -= counted_by_outbox_;
  told.last_success_at = status_.last_success_at;
  told.health_body = std::move(status_.health_body);
  told.health_at = status_.health_at;
  status_ = std::move(told);
}

void StatusBoard::health_answered(std::string body, BootTime at) {
  const std::lock_guard lock(mutex_);
  status_.health_body = std::move(body);
  status_.health_at = at;
}

void StatusBoard::delivered(BootTime at) {
  const std::lock_guard lock(mutex_);
  status_.last_success_at = at;
}

void StatusBoard::counted_by_outbox(std::uint64_t duplicates) {
  const std::lock_guard lock(mutex_);
  counted_by_outbox_ += duplicates;
  status_.duplicates_unsettled -= std::min(status_.duplicates_unsettled, duplicates);
}

void StatusBoard::forgot(std::uint64_t duplicates) {
  const std::lock_guard lock(mutex_);
  counted_by_outbox_ -= duplicates;
}

}  // namespace flowmyna
