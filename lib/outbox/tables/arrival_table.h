#pragma once

#include <string_view>

#include "core/arrival.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// How far exports of other outboxes have come into an open outbox file: the table `arrival`
/// (schema.h), a row for each export that was ever imported. Writes belong into the caller's
/// transaction.
class ArrivalTable {
 public:
  static Result<ArrivalTable> prepare(const sqlite::Connection& connection);

  Result<void> note(const Arrival& piece);
  Result<Arrived> find(std::string_view export_id, std::string_view source);
  /// The name of the outbox file itself.
  Result<std::string> id();

 private:
  sqlite::Statement note_, lines_, other_, id_;
};

}  // namespace flowmyna
