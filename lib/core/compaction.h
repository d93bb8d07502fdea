#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/window.h"

namespace flowmyna {

/// Pending upserts of one object that became one, under the receipt of the first of them.
struct Fold {
  Receipt into = 0;
  std::vector<Receipt> members;  ///< ascending; they have no row of their own any more
  bool operator==(const Fold&) const = default;
};

struct CompactLimits {
  /// Ascending; operations that are on their way. They stay as they are, and what comes after one
  /// of them is not folded into what came before it.
  std::vector<Receipt> taken;
  std::size_t operations_max = 0;
  std::size_t bytes_max = 0;
  /// Later operations are left for a later step: the caller may not have heard yet that a writer
  /// waits for the delivery of one.
  Receipt through = 0;
};

/// What one step of compaction did.
struct Compacted {
  std::vector<Fold> folds;
  std::uint64_t rows = 0;  ///< looked at
  bool more = false;       ///< not all up to `through` has been looked at
  Receipt answered = 0;    ///< the writers of everything up to here had their answers before this
};

}  // namespace flowmyna
