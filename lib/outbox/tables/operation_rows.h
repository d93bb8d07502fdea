#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/encoded_operations.h"
#include "outbox/tables/row_insert.h"

namespace flowmyna {

/// Makes rows (outbox/tables/row.h) of accepted operations, which get the receipts that follow
/// `before`.
class OperationRows final : public sqlite::BlobSource {
 public:
  /// Builds each row in `scratch`.
  OperationRows(std::span<const AcceptedOperations> groups, std::int64_t before,
                std::string& scratch)
      : groups_(groups), seq_(before), row_(scratch) {}

  bool next() override;
  std::string_view blob() const override { return row_; }

  /// The first one that has a boot stamp; 0 when none had.
  std::int64_t unsynced_from() const { return unsynced_from_; }

 private:
  std::span<const AcceptedOperations> groups_;
  std::size_t next_ = 0;  // of the first group
  std::int64_t seq_;
  std::int64_t unsynced_from_ = 0;
  std::string& row_;
};

}  // namespace flowmyna
