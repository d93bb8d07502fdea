#pragma once

#include <functional>
#include <string>

#include "core/outbox.h"
#include "delivery/export_view.h"

namespace flowmyna {

/// One page of an export, read in small steps: the lines (core/export_lines.h) of all that is
/// pending or dead after receipt `after`, in the order of receipts, then a line that says how far
/// it came: `{"through":N,"more":bool,"damaged":N}`. `damaged`: dead letters that were left out,
/// because an operation in them cannot be read. `done` is called on the outbox's thread.
void read_export_page(Outbox& outbox, const ExportView& view, Receipt after,
                      Done<std::string> done);

}  // namespace flowmyna
