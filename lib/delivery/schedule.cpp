#include "delivery/schedule.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <unordered_set>

namespace flowmyna {
namespace {

// Ids of slots, for the planner: far from those of requests, which count from 1.
constexpr RequestId kSlotIds = RequestId{1} << 63U;

}  // namespace

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

void Schedule::clear() {
  slots_.clear();
  for (Ready& ready : ready_) ready.clear();
  ready_items_ = ready_bytes_ = {};
  dependents_.clear();
  operations_ = bytes_ = 0;
}

void Schedule::load(std::shared_ptr<const Batch> batch, std::vector<PlannedItem> plan) {
  clear();
  add(std::move(batch), std::move(plan));
}

void Schedule::add(std::shared_ptr<const Batch> batch, std::vector<PlannedItem> plan) {
  const auto first = static_cast<std::uint32_t>(slots_.size());
  slots_.resize(slots_.size() + plan.size());
  for (std::uint32_t i = 0; i < plan.size(); ++i) {
    const std::uint32_t number = first + i;
    Slot& slot = slots_[number];
    slot.item = std::move(plan[i]);
    slot.batch = batch;
    slot.receipt = batch->window.rows()[slot.item.members.front()].receipt;
    slot.blockers = slot.item.after.size() + slot.item.after_outstanding.size();
    operations_ += slot.item.members.size();
    bytes_ += slot.item.bytes;
    for (const std::uint32_t earlier : slot.item.after) {
      slots_[first + earlier].dependents.push_back(number);
    }
    for (const RequestId id : slot.item.after_outstanding) {
      Slots& dependents = id >= kSlotIds ? slots_[id - kSlotIds].dependents : dependents_[id];
      dependents.push_back(number);
    }
    if (slot.blockers == 0) set_ready(number);
  }
}

void Schedule::append_touches_of(const Slot& slot, const PlanOptions& options,
                                 std::vector<Touch>& touches) const {
  // All members of an upsert touch the same object.
  append_touches(touches, slot.batch->operations[slot.item.members.front()], options);
}

std::vector<OutstandingRequest> Schedule::untaken(const PlanOptions& options) const {
  std::vector<OutstandingRequest> out;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].batch == nullptr) continue;
    OutstandingRequest& item = out.emplace_back();
    item.id = kSlotIds + i;
    append_touches_of(slots_[i], options, item.touches);
  }
  return out;
}

std::vector<Touch> Schedule::blocked_touches(const PlanOptions& options) const {
  std::vector<Touch> touches;
  for (const Slot& slot : slots_) {
    if (slot.batch != nullptr && slot.blockers > 0) append_touches_of(slot, options, touches);
  }
  return touches;
}

void Schedule::append_receipts(std::vector<Receipt>& out) const {
  for (const Slot& slot : slots_) {
    if (slot.batch == nullptr) continue;
    for (const std::uint32_t index : slot.item.members) {
      out.push_back(slot.batch->window.rows()[index].receipt);
    }
  }
}

Receipt Schedule::lowest() const {
  Receipt lowest = 0;
  for (const Slot& slot : slots_) {
    if (slot.batch == nullptr || (lowest != 0 && lowest < slot.receipt)) continue;
    lowest = slot.receipt;
  }
  return lowest;
}

/// Of those that wait for nothing, oldest first, as many as `keep` allows; if any, then one at
/// least.
std::vector<Schedule::ReadySlot> Schedule::oldest_ready(const Keep& keep) const {
  std::vector<ReadySlot> oldest;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (!keep.kinds[kind]) continue;
    for (const auto& [group, queue] : ready_[kind]) {
      oldest.insert(oldest.end(), queue.begin(), queue.end());
    }
  }
  std::ranges::sort(oldest, {}, &ReadySlot::receipt);
  std::size_t operations = 0;
  const auto is_too_much = [&](const ReadySlot& ready) {
    const bool is_first = operations == 0;
    operations += slots_[ready.number].item.members.size();
    return operations > keep.operations_max && !(is_first && keep.operations_max > 0);
  };
  oldest.erase(std::ranges::find_if(oldest, is_too_much), oldest.end());
  return oldest;
}

std::vector<Schedule::GivenUp> Schedule::keep_ready(const Keep& keep, const PlanOptions& options) {
  // Copied, so that a few that stay do not hold the memory of all that was read with them.
  Window window;
  std::vector<PlannedItem> plan;
  for (const ReadySlot& ready : oldest_ready(keep)) {
    Slot& slot = slots_[ready.number];
    PlannedItem& item = plan.emplace_back(std::move(slot.item));
    item.after.clear();  // settled, all of it
    item.after_outstanding.clear();
    for (std::uint32_t& member : item.members) {
      const Window::Row& row = slot.batch->window.rows()[member];
      member = static_cast<std::uint32_t>(window.size());
      window.add(row.receipt, row.accepted_unix_s, slot.batch->window.stored(row));
    }
    slot.batch = nullptr;
  }
  std::vector<GivenUp> given_up;
  for (const Slot& slot : slots_) {
    if (slot.batch == nullptr) continue;
    given_up.push_back({slot.receipt, {}});
    append_touches_of(slot, options, given_up.back().touches);
  }
  load(Batch::read(std::move(window)).value(), std::move(plan));
  return given_up;
}

void Schedule::set_ready(std::uint32_t number) {
  const Slot& slot = slots_[number];
  assert(slot.batch != nullptr && slot.blockers == 0);
  const Kind kind = slot.item.kind;
  Queue& queue = ready_[index_of(kind)][slot.item.group];
  const bool is_last = queue.empty() || queue.back().receipt < slot.receipt;
  const auto place = is_last
                         ? queue.end()
                         : std::ranges::upper_bound(queue, slot.receipt, {}, &ReadySlot::receipt);
  queue.insert(place, {slot.receipt, number});
  ++ready_items_[index_of(kind)];
  ready_bytes_[index_of(kind)] += slot.item.bytes;
}

Schedule::Slot& Schedule::pop_ready(Kind kind, Place place) {
  Slot& slot = slots_[place.ready->number];
  assert(slot.batch != nullptr && slot.blockers == 0 && slot.item.kind == kind);
  assert(ready_items_[index_of(kind)] > 0 && ready_bytes_[index_of(kind)] >= slot.item.bytes);
  --ready_items_[index_of(kind)];
  ready_bytes_[index_of(kind)] -= slot.item.bytes;
  place.group->second.erase(place.ready);
  if (place.group->second.empty()) ready_[index_of(kind)].erase(place.group);
  return slot;
}

/// The queue whose first slot is the oldest of its kind.
Schedule::Ready::iterator Schedule::oldest_group(Kind kind) {
  return std::ranges::min_element(ready_[index_of(kind)], {},
                                  [](const auto& entry) { return entry.second.front().receipt; });
}

Receipt Schedule::oldest_ready(Kind kind) const {
  Receipt oldest = 0;
  for (const auto& [group, queue] : ready_[index_of(kind)]) {
    const Receipt first = queue.front().receipt;
    oldest = oldest == 0 ? first : std::min(oldest, first);
  }
  return oldest;
}

Schedule::Taken Schedule::take(Kind kind, RequestId id, const Limits& limits) {
  assert(ready(kind) > 0);
  Taken taken;
  Slots dependents;
  const auto group = oldest_group(kind);
  std::size_t bytes = body_frame_bytes();
  for (std::size_t left = group->second.size(); left > 0; --left) {
    const auto oldest = group->second.begin();
    const std::size_t more = slots_[oldest->number].item.bytes;
    const bool fits = taken.items.empty() ||
                      (taken.items.size() < limits.items_max && bytes + more <= limits.bytes_max);
    if (!fits) break;
    bytes += more;
    move_into(taken, pop_ready(kind, {group, oldest}), dependents);
  }
  if (!dependents.empty()) dependents_[id] = std::move(dependents);
  return taken;
}

Schedule::Taken Schedule::take_any(Kind kind, RequestId id, std::uint64_t number,
                                   std::span<const Touch> avoided, const PlanOptions& options) {
  assert(ready(kind) > 0);
  std::unordered_set<std::uint64_t> objects;
  for (const Touch& touch : avoided) objects.insert(touch.object);
  std::vector<Touch> touches;
  std::vector<Place> all;
  std::vector<Place> others;
  Ready& groups = ready_[index_of(kind)];
  for (auto group = groups.begin(); group != groups.end(); ++group) {
    for (auto ready = group->second.begin(); ready != group->second.end(); ++ready) {
      all.push_back({group, ready});
      if (objects.empty()) continue;
      touches.clear();
      append_touches_of(slots_[ready->number], options, touches);
      const auto is_avoided = [&](const Touch& touch) { return objects.contains(touch.object); };
      if (std::ranges::none_of(touches, is_avoided)) others.push_back(all.back());
    }
  }
  const std::vector<Place>& places = others.empty() ? all : others;
  Taken taken;
  Slots dependents;
  move_into(taken, pop_ready(kind, places[number % places.size()]), dependents);
  if (!dependents.empty()) dependents_[id] = std::move(dependents);
  return taken;
}

void Schedule::move_into(Taken& taken, Slot& slot, Slots& dependents) {
  ItemMembers& members = taken.members.emplace_back();
  RequestItem& item = taken.items.emplace_back();
  for (const std::uint32_t index : slot.item.members) {
    members.push_back(slot.batch->window.rows()[index].receipt);
    item.push_back(&slot.batch->operations[index]);
  }
  assert(!members.empty() && std::ranges::is_sorted(members));
  assert(operations_ >= members.size() && bytes_ >= slot.item.bytes);
  operations_ -= members.size();
  bytes_ -= slot.item.bytes;
  dependents.insert(dependents.end(), slot.dependents.begin(), slot.dependents.end());
  if (taken.batches.empty() || taken.batches.back() != slot.batch) {
    taken.batches.push_back(slot.batch);
  }
  slot.batch = nullptr;
  slot.item = {};
  slot.dependents = {};
}

void Schedule::settled(RequestId id) {
  const auto node = dependents_.extract(id);
  if (node.empty()) return;
  for (const std::uint32_t number : node.mapped()) {
    assert(slots_[number].blockers > 0);
    if (--slots_[number].blockers == 0) set_ready(number);
  }
}

std::string Schedule::broken_invariant(const std::function<bool(RequestId)>& is_outstanding) const {
  std::size_t operations = 0;
  std::size_t bytes = 0;
  for (const Slot& slot : slots_) {
    if (slot.batch == nullptr) continue;
    operations += slot.item.members.size();
    bytes += slot.item.bytes;
  }
  if (operations != operations_ || bytes != bytes_) return "what is planned is miscounted";
  std::string broken = broken_queues();
  return broken.empty() ? broken_waits(is_outstanding) : broken;
}

/// What waits for nothing stands in the queue of its group, once and in order, and nothing else
/// does.
std::string Schedule::broken_queues() const {
  std::size_t queued = 0;
  for (const Kind kind : kAllKinds) {
    std::size_t items = 0;
    std::size_t bytes = 0;
    for (const auto& [group, queue] : ready_[index_of(kind)]) {
      if (queue.empty()) return "an empty queue is kept";
      const auto late =
          std::ranges::adjacent_find(queue, std::greater_equal{}, &ReadySlot::receipt);
      if (late != queue.end()) return "a queue is out of order";
      for (const ReadySlot& ready : queue) {
        const Slot& slot = slots_[ready.number];
        const bool is_its = slot.item.kind == kind && slot.item.group == group;
        if (slot.batch == nullptr || slot.blockers > 0 || !is_its)
          return "a queue holds a stranger";
        bytes += slot.item.bytes;
      }
      items += queue.size();
    }
    if (items != ready(kind) || bytes != ready_bytes_[index_of(kind)]) {
      return "what is ready is miscounted";
    }
    queued += items;
  }
  const auto waits_for_nothing = [](const Slot& slot) {
    return slot.batch != nullptr && slot.blockers == 0;
  };
  const auto ready = static_cast<std::size_t>(std::ranges::count_if(slots_, waits_for_nothing));
  return ready == queued ? "" : "what waits for nothing is in no queue";
}

/// Each waits for as many as will say that they are settled.
std::string Schedule::broken_waits(const std::function<bool(RequestId)>& is_outstanding) const {
  std::vector<std::size_t> waited(slots_.size());
  for (const Slot& slot : slots_) {
    for (const std::uint32_t number : slot.dependents) ++waited[number];
  }
  for (const auto& [id, dependents] : dependents_) {
    if (!is_outstanding(id)) return "request " + std::to_string(id) + " is waited for and gone";
    for (const std::uint32_t number : dependents) ++waited[number];
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].batch != nullptr && slots_[i].blockers != waited[i]) {
      return "what an item waits for is miscounted";
    }
  }
  return "";
}

}  // namespace flowmyna
