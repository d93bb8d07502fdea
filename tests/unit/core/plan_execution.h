#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/operation.h"
#include "core/planner.h"

namespace flowmyna::test {

/// An API that merges objects as documented, and remembers in which state each event found the
/// objects that it names, before its own properties were merged into them.
class World {
 public:
  using Object = std::map<std::string, std::string>;

  void apply(std::span<const Operation> operations, std::span<const std::uint32_t> item,
             const PlanOptions& options);

  /// All of it, to be compared and read.
  std::string describe() const;

 private:
  std::map<std::string, Object> objects_;
  std::map<std::uint32_t, std::map<std::string, Object>> found_;  // by event
};

/// What the API ends as when it receives the operations one at a time, in order.
World execute_one_by_one(std::span<const Operation> operations, const PlanOptions& options);

/// How a backlog is cut into plans.
struct Cutting {
  /// Operations that one plan sees; the rest is planned later.
  std::size_t window = SIZE_MAX;
  /// The chance in percent that a planned item leaves under its plan; what does not is planned
  /// again with what follows, while the others are outstanding.
  int sealed_percent = 100;
  /// Of each operation of the backlog, for plan(); empty for none.
  std::vector<std::uint64_t> groups;
};

/// What the API ends as when it receives the operations as planned, in the worst order that the
/// plan allows: whatever nothing holds up may go, and is applied in any order.
World execute_planned(std::span<const Operation> operations, const PlanOptions& options,
                      const Cutting& cutting, std::mt19937_64& random);

}  // namespace flowmyna::test
