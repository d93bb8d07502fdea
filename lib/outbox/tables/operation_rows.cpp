#include "outbox/tables/operation_rows.h"

#include "core/operation.h"
#include "outbox/tables/row.h"

namespace flowmyna {

bool OperationRows::next() {
  while (!groups_.empty() && next_ == groups_.front().operations.size()) {
    groups_ = groups_.subspan(1);
    next_ = 0;
  }
  if (groups_.empty()) return false;
  const auto& [operations, unix_s] = groups_.front();
  const std::string_view stored = operations[next_++];
  ++seq_;
  if (unsynced_from_ == 0 && boot_stamp_of(stored)) unsynced_from_ = seq_;
  row_.clear();
  append_operation_row(row_, static_cast<std::uint64_t>(seq_), {unix_s, stored});
  return true;
}

}  // namespace flowmyna
