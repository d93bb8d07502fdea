#include "tests/unit/core/plan_execution.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

#include "core/patch.h"
#include "tests/unit/core/operation_list.h"

namespace flowmyna::test {
namespace {

std::string text(const World::Object& object) {
  std::string out = "{";
  for (const auto& [name, value] : object) out += " " + name + "=" + value;
  return out + " }";
}

/// As documented: properties are set one by one, null removes.
template <class Properties>
void merge(World::Object& object, const Properties& properties) {
  for (const Property& property : properties) {
    if (property.value == "null") {
      object.erase(std::string(property.name));
    } else {
      object[std::string(property.name)] = property.value;
    }
  }
}

/// A backlog on its way to the API: what is not sent yet, and the items that are outstanding.
class Delivery {
 public:
  Delivery(std::span<const Operation> operations, const PlanOptions& options,
           std::mt19937_64& random)
      : operations_(operations), options_(options), random_(random), pending_(operations.size()) {
    for (std::uint32_t i = 0; i < pending_.size(); ++i) pending_[i] = i;
  }

  bool has_pending() const { return !pending_.empty(); }
  bool has_outstanding() const { return !sent_.empty(); }

  /// Plans the oldest pending operations and sends some of the plan. What is not sent stays
  /// pending, and so does what comes after it.
  void send_some(const Cutting& cutting) {
    const std::size_t size = std::min(cutting.window, pending_.size());
    const std::vector<std::uint32_t> window(pending_.begin(),
                                            pending_.begin() + static_cast<std::ptrdiff_t>(size));
    std::vector<Operation> seen;
    std::vector<std::uint64_t> groups;
    for (const std::uint32_t i : window) {
      seen.push_back(operations_[i]);
      if (!cutting.groups.empty()) groups.push_back(cutting.groups[i]);
    }
    const auto items = plan(seen, outstanding(), options_, groups);
    std::map<std::uint32_t, RequestId> ids;  // of those sent now
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      const auto is_sent = [&](std::uint32_t earlier) { return ids.contains(earlier); };
      const bool is_wanted = static_cast<int>(random_() % 100) < cutting.sealed_percent ||
                             (ids.empty() && sent_.empty());
      if (!is_wanted || !std::ranges::all_of(items[i].after, is_sent)) continue;
      ids[i] = send(items[i], ids, window);
    }
  }

  /// Applies one item that waits for nothing.
  void step(World& world) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      if (waits_for_nothing(sent_[i])) ready.push_back(i);
    }
    if (ready.empty()) throw std::logic_error("the plan waits in a circle");
    const std::size_t at = ready[random_() % ready.size()];
    world.apply(operations_, sent_[at].members, options_);
    sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(at));
  }

 private:
  struct Sent {
    RequestId id;
    std::vector<std::uint32_t> members;  // indexes into the whole backlog
    std::set<RequestId> after;
    std::vector<Touch> touches;
  };

  RequestId send(const PlannedItem& item, const std::map<std::uint32_t, RequestId>& ids,
                 std::span<const std::uint32_t> window) {
    Sent sent{next_id_++, item.members, {}, {}};
    sent.after.insert(item.after_outstanding.begin(), item.after_outstanding.end());
    for (const std::uint32_t earlier : item.after) sent.after.insert(ids.at(earlier));
    for (auto& member : sent.members) {
      member = window[member];
      std::erase(pending_, member);
    }
    append_touches(sent.touches, operations_[sent.members.front()], options_);
    sent_.push_back(std::move(sent));
    return sent_.back().id;
  }

  std::vector<OutstandingRequest> outstanding() {
    std::vector<OutstandingRequest> out;
    for (const Sent& sent : sent_) out.push_back({sent.id, sent.touches});
    std::ranges::shuffle(out, random_);
    return out;
  }

  bool waits_for_nothing(const Sent& sent) const {
    return std::ranges::none_of(sent_,
                                [&](const Sent& other) { return sent.after.contains(other.id); });
  }

  std::span<const Operation> operations_;
  const PlanOptions& options_;
  std::mt19937_64& random_;
  std::vector<std::uint32_t> pending_;
  std::vector<Sent> sent_;
  RequestId next_id_ = 1;
};

}  // namespace

void World::apply(std::span<const Operation> operations, std::span<const std::uint32_t> item,
                  const PlanOptions& options) {
  const Operation& first = operations[item.front()];
  if (first.kind == Kind::kUpsert) {
    Patch patch;
    for (const std::uint32_t member : item) compose(patch, operations[member].properties);
    merge(objects_[name_of(first.object)], patch.properties());
    return;
  }
  auto& found = found_[item.front()];
  for (const EventObject& named : first.objects) {
    const Object& object = objects_[name_of(named.key)];  // an unknown one is created
    const bool only_latest_counts = options.latest_types.contains(named.key.type);
    if (named.writes() || !only_latest_counts) found.emplace(name_of(named.key), object);
  }
  for (const EventObject& named : first.objects) {
    merge(objects_[name_of(named.key)], named.properties);
  }
}

std::string World::describe() const {
  std::ostringstream out;
  for (const auto& [name, object] : objects_) out << name << " " << text(object) << "\n";
  for (const auto& [event, objects] : found_) {
    out << "event " << event << " found";
    for (const auto& [name, object] : objects) out << " " << name << " " << text(object);
    out << "\n";
  }
  return out.str();
}

World execute_one_by_one(std::span<const Operation> operations, const PlanOptions& options) {
  World world;
  for (std::uint32_t i = 0; i < operations.size(); ++i) {
    world.apply(operations, std::span(&i, 1), options);
  }
  return world;
}

World execute_planned(std::span<const Operation> operations, const PlanOptions& options,
                      const Cutting& cutting, std::mt19937_64& random) {
  constexpr std::size_t kStepsBetweenPlansMax = 8;
  World world;
  Delivery delivery(operations, options, random);
  while (delivery.has_pending()) {
    delivery.send_some(cutting);
    for (std::size_t steps = random() % (kStepsBetweenPlansMax + 1); steps > 0; --steps) {
      if (delivery.has_outstanding()) delivery.step(world);
    }
  }
  while (delivery.has_outstanding()) delivery.step(world);
  return world;
}

}  // namespace flowmyna::test
