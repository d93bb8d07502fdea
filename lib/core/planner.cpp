#include "core/planner.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <unordered_map>

namespace flowmyna {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr int kNever = -1;

// What stands around the strings of an operation in a request's body. The stored form has nothing
// of it but a length before each string.
constexpr std::size_t kBodyFrame = std::string_view(R"({"objects":[]})").size();
constexpr std::size_t kItemFrame =
    std::string_view(R"({"event":"","objects":[],"timestamp":"","properties":{}},)").size();
constexpr std::size_t kObjectFrame =
    std::string_view(R"({"type":"","id":"","qualifier":"","properties":{}},)").size();
constexpr std::size_t kPropertyFrame = std::string_view(R"("":,)").size();

/// What an operation takes at most in a request's body, alone or inside a merged upsert.
std::size_t body_bytes_max(const Operation& operation) {
  const auto frames_of = [](PropertiesView properties) {
    std::size_t bytes = 0;
    for ([[maybe_unused]] const Property& property : properties) bytes += kPropertyFrame;
    return bytes;
  };
  std::size_t bytes = operation.stored_size + kItemFrame + frames_of(operation.properties);
  for (const EventObject& named : operation.objects) {
    bytes += kObjectFrame + frames_of(named.properties);
  }
  return bytes;
}

int next_even_after(int wave) {
  return wave < 0 ? 0 : (wave / 2 + 1) * 2;
}
int next_odd_after(int wave) {
  return wave < 0 ? 1 : ((wave + 1) / 2) * 2 + 1;
}

bool is_touch(const EventObject& named, const PlanOptions& options) {
  return named.writes() || !options.latest_types.contains(named.key.type);
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

/// One item in the making: operations that will arrive as one.
struct Item {
  Kind kind;
  int wave;
  std::uint64_t group = 0;
  std::vector<std::uint32_t> members;
  std::size_t bytes = 0;
  std::vector<std::uint32_t> after;  // items
  std::vector<RequestId> after_outstanding;
};

/// What the plan knows of one object at the point it has reached.
struct ObjectState {
  std::uint32_t open_upsert = kNone;  // item that the next upsert may join
  int last_upsert_wave = kNever;
  int last_event_wave = kNever;
  int last_written_wave = kNever;      // by an event
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

  std::vector<PlannedRequest> run() {
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].kind == Kind::kUpsert) {
        place_upsert(i);
      } else {
        place_event(i);
      }
    }
    return into_requests();
  }

 private:
  struct Earlier {
    RequestId id;
    bool writes;
  };

  void place_upsert(std::uint32_t index) {
    const Operation& operation = operations_[index];
    ObjectState& object = objects_[operation.object];
    if (object.open_upsert == kNone) {
      const int last_touch = std::max(object.last_upsert_wave, object.last_event_wave);
      const int wave = next_even_after(last_touch);
      object.open_upsert = open_item(Kind::kUpsert, wave);
      object.last_upsert_wave = wave;
      write(object, object.open_upsert);
      wait_for_outstanding(object.open_upsert, operation.object, true);
    }
    join(object.open_upsert, index);
  }

  void place_event(std::uint32_t index) {
    const Operation& operation = operations_[index];
    int wave = 1;
    for (const EventObject& named : operation.objects) {
      if (is_touch(named, options_))
        wave = std::max(wave, first_wave_for(objects_[named.key], named));
    }
    const std::uint32_t item = open_item(Kind::kEvent, wave);
    if (!groups_.empty()) items_[item].group = groups_[index];
    join(item, index);
    for (const EventObject& named : operation.objects) {
      if (!is_touch(named, options_)) continue;
      ObjectState& object = objects_[named.key];
      object.open_upsert = kNone;
      object.last_event_wave = std::max(object.last_event_wave, wave);
      if (named.writes()) {
        object.last_written_wave = wave;
        write(object, item);
      } else {
        come_after(item, object.last_writer);
        object.readers.push_back(item);
      }
      wait_for_outstanding(item, named.key, named.writes());
    }
  }

  static int first_wave_for(const ObjectState& object, const EventObject& named) {
    int wave = std::max(next_odd_after(object.last_upsert_wave), object.last_event_wave);
    if (object.last_written_wave != kNever) {
      wave = std::max(wave, next_odd_after(object.last_written_wave));
    }
    if (named.writes() && object.last_event_wave != kNever) {
      wave = std::max(wave, next_odd_after(object.last_event_wave));
    }
    return wave;
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
    if (earlier != kNone && earlier != item) items_[item].after.push_back(earlier);
  }

  void wait_for_outstanding(std::uint32_t item, const ObjectKey& key, bool writes) {
    if (outstanding_.empty()) return;
    const auto it = outstanding_.find(hash_object(key));
    if (it == outstanding_.end()) return;
    for (const Earlier& earlier : it->second) {
      if (writes || earlier.writes) items_[item].after_outstanding.push_back(earlier.id);
    }
  }

  std::uint32_t open_item(Kind kind, int wave) {
    items_.push_back(Item{kind, wave, 0, {}, 0, {}, {}});
    return static_cast<std::uint32_t>(items_.size() - 1);
  }

  void join(std::uint32_t item, std::uint32_t index) {
    items_[item].members.push_back(index);
    items_[item].bytes += body_bytes_max(operations_[index]);
  }

  /// Fills requests wave by wave, group by group, in the order in which items were opened.
  std::vector<PlannedRequest> into_requests() {
    std::vector<std::uint32_t> order(items_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) {
      return std::tuple(items_[i].wave, items_[i].group == 0, items_[i].group);
    });

    std::vector<PlannedRequest> requests;
    std::vector<std::uint32_t> request_of(items_.size());
    std::size_t bytes = 0;
    std::uint64_t group = 0;
    for (const std::uint32_t i : order) {
      const Item& item = items_[i];
      const bool fits = !requests.empty() && requests.back().wave == to_unsigned(item.wave) &&
                        group == item.group && requests.back().items.size() < options_.items_max &&
                        bytes + item.bytes <= options_.bytes_max;
      if (!fits) {
        requests.emplace_back();
        requests.back().kind = item.kind;
        requests.back().wave = to_unsigned(item.wave);
        bytes = kBodyFrame;
        group = item.group;
      }
      bytes += item.bytes;
      request_of[i] = static_cast<std::uint32_t>(requests.size() - 1);
      add(requests.back(), items_[i], request_of);
    }
    for (PlannedRequest& request : requests) finish(request);
    return requests;
  }

  void add(PlannedRequest& request, Item& item, std::span<const std::uint32_t> request_of) const {
    // Every item that this one comes after stands in an earlier wave, so it has its request.
    for (const std::uint32_t earlier : item.after) {
      assert(items_[earlier].wave < item.wave);
      request.after.push_back(request_of[earlier]);
    }
    request.after_outstanding.insert(request.after_outstanding.end(),
                                     item.after_outstanding.begin(), item.after_outstanding.end());
    for (const std::uint32_t member : item.members) {
      append_touches(request.touches, operations_[member], options_);
      if (item.kind == Kind::kUpsert) break;  // all of them touch the same one
    }
    request.items.push_back(std::move(item.members));
  }

  static void finish(PlannedRequest& request) {
    const auto unique = [](auto& values) {
      std::ranges::sort(values);
      values.erase(std::unique(values.begin(), values.end()), values.end());
    };
    unique(request.after);
    unique(request.after_outstanding);
  }

  static std::uint32_t to_unsigned(int wave) { return static_cast<std::uint32_t>(wave); }

  std::span<const Operation> operations_;
  const PlanOptions& options_;
  std::span<const std::uint64_t> groups_;
  std::unordered_map<std::uint64_t, std::vector<Earlier>> outstanding_;
  std::unordered_map<ObjectKey, ObjectState, ObjectKeyHash> objects_;
  std::vector<Item> items_;
};

}  // namespace

std::uint64_t hash_object(const ObjectKey& key) {
  return ObjectKeyHash{}(key);
}

std::vector<PlannedRequest> plan(std::span<const Operation> operations,
                                 std::span<const OutstandingRequest> outstanding,
                                 const PlanOptions& options,
                                 std::span<const std::uint64_t> groups) {
  return Planner(operations, outstanding, options, groups).run();
}

std::vector<Touch> touches_of(std::span<const Operation> operations, const PlanOptions& options) {
  std::vector<Touch> touches;
  for (const Operation& operation : operations) append_touches(touches, operation, options);
  return touches;
}

}  // namespace flowmyna
