#include "delivery/schedule.h"

#include <algorithm>
#include <cassert>

namespace flowmyna {

Result<std::shared_ptr<const Batch>> Batch::read(Window window) {
  auto batch = std::make_shared<Batch>();
  batch->window = std::move(window);
  batch->operations.reserve(batch->window.size());
  for (const Window::Row& row : batch->window.rows()) {
    auto operation = Operation::parse(batch->window.stored(row));
    if (!operation) {
      return fail(Error::Kind::kCorrupt,
                  "operation " + std::to_string(row.receipt) + " cannot be read");
    }
    batch->operations.push_back(*std::move(operation));
  }
  return batch;
}

void Schedule::load(std::shared_ptr<const Batch> batch, std::vector<PlannedRequest> plan) {
  batch_ = std::move(batch);
  slots_.clear();
  ready_.clear();
  dependents_.clear();
  operations_ = batch_ ? batch_->operations.size() : 0;
  slots_.resize(plan.size());
  for (std::uint32_t i = 0; i < plan.size(); ++i) {
    Slot& slot = slots_[i];
    slot.request = std::move(plan[i]);
    slot.blockers = slot.request.after.size() + slot.request.after_outstanding.size();
    for (const std::uint32_t earlier : slot.request.after) slots_[earlier].dependents.push_back(i);
    for (const RequestId id : slot.request.after_outstanding) dependents_[id].push_back(i);
    if (slot.blockers == 0) ready_.push_back(i);
  }
}

Receipt Schedule::lowest() const {
  Receipt lowest = 0;
  for (const Slot& slot : slots_) {
    if (slot.taken) continue;
    for (const auto& item : slot.request.items) {
      const Receipt receipt = batch_->window.rows()[item.front()].receipt;
      if (lowest == 0 || receipt < lowest) lowest = receipt;
    }
  }
  return lowest;
}

Schedule::Taken Schedule::take(RequestId id) {
  assert(!ready_.empty());
  Slot& slot = slots_[ready_.front()];
  ready_.pop_front();
  slot.taken = true;
  for (const auto& item : slot.request.items) operations_ -= item.size();
  if (!slot.dependents.empty()) dependents_[id] = std::move(slot.dependents);
  return {batch_, std::move(slot.request)};
}

void Schedule::settled(RequestId id) {
  const auto it = dependents_.find(id);
  if (it == dependents_.end()) return;
  const auto slots = std::move(it->second);
  dependents_.erase(it);
  unblock(slots);
}

void Schedule::unblock(const std::vector<std::uint32_t>& slots) {
  for (const std::uint32_t i : slots) {
    assert(slots_[i].blockers > 0);
    // In the order of the plan: waves in turn.
    if (--slots_[i].blockers == 0) ready_.insert(std::ranges::lower_bound(ready_, i), i);
  }
}

}  // namespace flowmyna
