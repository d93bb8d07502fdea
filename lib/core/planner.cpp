#include "core/planner.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>

#include "core/request.h"

namespace flowmyna {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

bool is_touch(const EventObject& named, const PlanOptions& options) {
  return named.writes() || !options.latest_types.contains(named.key.type);
}

template <class T>
void sort_unique(std::vector<T>& values) {
  if (values.size() < 2) return;
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// What the plan knows of one object at the point it has reached.
struct ObjectState {
  std::uint32_t open_upsert = kNone;   // item that the next upsert may join
  std::uint32_t last_writer = kNone;   // item: an upsert or an event with properties
  std::vector<std::uint32_t> readers;  // items: events without properties since then
};

class Planner {
 public:
  Planner(std::span<const Operation> operations, std::span<const OutstandingRequest> outstanding,
          const PlanOptions& options, std::span<const std::uint64_t> groups)
      : operations_(operations), options_(options), groups_(groups) {
    assert(groups.empty() || groups.size() == operations.size());
    for (const auto& request : outstanding) {
      for (const Touch& touch : request.touches) {
        outstanding_[touch.object].push_back({request.id, touch.writes});
      }
    }
    objects_.reserve(operations.size());
    items_.reserve(operations.size());
  }

  std::vector<PlannedItem> run() {
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].kind == Kind::kUpsert) {
        place_upsert(i);
      } else {
        place_event(i);
      }
    }
    for (PlannedItem& item : items_) {
      sort_unique(item.after);
      sort_unique(item.after_outstanding);
    }
    return std::move(items_);
  }

 private:
  struct Earlier {
    RequestId id;
    bool writes;
  };

  void place_upsert(std::uint32_t index) {
    const Operation& operation = operations_[index];
    const std::size_t bytes = item_bytes_max(operation);
    ObjectState& object = objects_[operation.object];
    if (object.open_upsert == kNone || !fits(object.open_upsert, bytes)) {
      object.open_upsert = open_item(Kind::kUpsert);
      write(object, object.open_upsert);
      wait_for_outstanding(object.open_upsert, operation.object, true);
    }
    join(object.open_upsert, index, bytes);
  }

  void place_event(std::uint32_t index) {
    const Operation& operation = operations_[index];
    const std::uint32_t item = open_item(Kind::kEvent);
    if (!groups_.empty()) items_[item].group = groups_[index];
    join(item, index, item_bytes_max(operation));
    for (const EventObject& named : operation.objects) {
      if (!is_touch(named, options_)) continue;
      ObjectState& object = objects_[named.key];
      object.open_upsert = kNone;
      if (named.writes()) {
        write(object, item);
      } else {
        come_after(item, object.last_writer);
        object.readers.push_back(item);
      }
      wait_for_outstanding(item, named.key, named.writes());
    }
  }

  /// `item` is the object's new last writer: it comes after the reads since the last write, and
  /// where there are none, after that write.
  void write(ObjectState& object, std::uint32_t item) {
    for (const std::uint32_t reader : object.readers) come_after(item, reader);
    come_after(item, object.last_writer);
    object.readers.clear();
    object.last_writer = item;
  }

  /// An event may name an object twice, so `earlier` can be the item itself.
  void come_after(std::uint32_t item, std::uint32_t earlier) {
    if (earlier == kNone || earlier == item) return;
    assert(earlier < item);  // so no circle can come about
    items_[item].after.push_back(earlier);
  }

  void wait_for_outstanding(std::uint32_t item, const ObjectKey& key, bool writes) {
    if (outstanding_.empty()) return;
    const auto it = outstanding_.find(hash_object(key));
    if (it == outstanding_.end()) return;
    for (const Earlier& earlier : it->second) {
      if (writes || earlier.writes) items_[item].after_outstanding.push_back(earlier.id);
    }
  }

  std::uint32_t open_item(Kind kind) {
    items_.emplace_back().kind = kind;
    return static_cast<std::uint32_t>(items_.size() - 1);
  }

  void join(std::uint32_t item, std::uint32_t index, std::size_t bytes) {
    PlannedItem& planned = items_[item];
    assert(planned.members.empty() || planned.members.back() < index);
    assert(planned.members.empty() || planned.kind == Kind::kUpsert);
    planned.members.push_back(index);
    planned.bytes += bytes;
  }

  /// Whether the merged upsert keeps to a request's size with so much more. What was overwritten in
  /// it counts until the sum comes near the limit; then it is composed to see.
  bool fits(std::uint32_t item, std::size_t more) {
    const std::size_t limit = options_.bytes_max;
    std::size_t& bytes = items_[item].bytes;
    if (body_frame_bytes_ + bytes + more <= limit) return true;
    bytes = std::min(bytes, composed_bytes(items_[item]));
    // Composing pays only if it makes room for many more.
    return body_frame_bytes_ + bytes + more <= limit / 2;
  }

  std::size_t composed_bytes(const PlannedItem& planned) const {
    RequestItem item;
    for (const std::uint32_t member : planned.members) item.push_back(&operations_[member]);
    return item_bytes_max(item);
  }

  std::span<const Operation> operations_;
  const PlanOptions& options_;
  const std::size_t body_frame_bytes_ = body_frame_bytes();
  std::span<const std::uint64_t> groups_;
  std::unordered_map<std::uint64_t, std::vector<Earlier>> outstanding_;
  std::unordered_map<ObjectKey, ObjectState, ObjectKeyHash> objects_;
  std::vector<PlannedItem> items_;
};

}  // namespace

std::uint64_t hash_object(const ObjectKey& key) {
  return ObjectKeyHash{}(key);
}

void append_touches(std::vector<Touch>& touches, const Operation& operation,
                    const PlanOptions& options) {
  if (operation.kind == Kind::kUpsert) {
    touches.push_back({hash_object(operation.object), true});
    return;
  }
  for (const EventObject& named : operation.objects) {
    if (is_touch(named, options)) touches.push_back({hash_object(named.key), named.writes()});
  }
}

std::vector<Touch> touches_of(std::span<const Operation> operations, const PlanOptions& options) {
  std::vector<Touch> touches;
  for (const Operation& operation : operations) append_touches(touches, operation, options);
  return touches;
}

std::vector<PlannedItem> plan(std::span<const Operation> operations,
                              std::span<const OutstandingRequest> outstanding,
                              const PlanOptions& options, std::span<const std::uint64_t> groups) {
  return Planner(operations, outstanding, options, groups).run();
}

}  // namespace flowmyna
