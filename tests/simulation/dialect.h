#pragma once

#include <string>
#include <vector>

#include "chance.h"
#include "core/operation.h"

namespace flowmyna::simulation {

/// How an API writes what the vendor leaves open, and what its neighbours would write.
struct Dialect {
  enum class Nothing : std::uint8_t { kEmpty, kNull, kAbsent };
  /// How an error says which item it is about.
  enum class Positions : std::uint8_t {
    kFromZero,
    kFromOne,
    kNames,    ///< by the objects, as TYPE/ID
    kNone,     ///< not at all
    kTurning,  ///< from 0, until an answer shows that it cannot be believed; then from 0 or from 1
  };
  bool has_list = true;                     ///< of what succeeded: `objects`, `event_ids`
  Nothing without_list = Nothing::kAbsent;  ///< what stands in its place
  Nothing without_errors = Nothing::kEmpty;
  Positions positions = Positions::kFromZero;
  bool has_mark = false;    ///< a byte order mark
  bool has_blanks = false;  ///< around everything
  bool has_more = false;    ///< fields that nobody knows
};

Dialect draw_dialect(Chance& chance);
std::string render(const Dialect& dialect);

/// One item of a batch, as its answer tells of it.
struct AnsweredItem {
  std::string entry;  ///< in the list of what succeeded, JSON
  std::string names;  ///< its objects
  std::string fault;  ///< why it failed; empty if it did not
};

/// The body of the answer to a batch, whose list comes in no order that a client could know.
/// `position` is what is added to an item's place; for kTurning see ModelApi.
std::string batch_answer(const Dialect& dialect, Kind kind, const std::vector<AnsweredItem>& items,
                         std::size_t position, Chance& chance);

/// The same, but no client can make sense of it: it contradicts itself.
std::string contradiction(Kind kind, const std::vector<AnsweredItem>& items, Chance& chance);

}  // namespace flowmyna::simulation
