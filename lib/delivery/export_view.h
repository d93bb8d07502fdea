#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/window.h"

namespace flowmyna {

/// The backlog as an export finds it.
struct ExportView {
  std::string id;       ///< a UUID; names the export to whoever goes on with it
  Receipt through = 0;  ///< what was accepted before it began
  /// Events that had left and were not answered, ascending, and their requests' keys.
  std::vector<std::pair<Receipt, std::string>> maybe_sent;
};

}  // namespace flowmyna
