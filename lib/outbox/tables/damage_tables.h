#pragma once

#include <string>

#include "core/window.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// What an open outbox file knows of damaged ones from which it was salvaged: the tables `damage`
/// and `lost` (schema.h), which only salvage writes.
class DamageTables {
 public:
  static Result<DamageTables> prepare(const sqlite::Connection& connection);

  struct Damage {
    std::string file;      ///< empty: there never was any
    bool is_exact = true;  ///< what is counted as lost; otherwise as far as could be told
  };
  Result<Damage> last();
  /// Whether nothing was lost with a file that was set aside.
  Result<bool> was_read_whole(const std::string& file);
  Result<bool> may_have_lost(Receipt receipt);

 private:
  sqlite::Statement last_, find_lost_, was_read_;
};

}  // namespace flowmyna
