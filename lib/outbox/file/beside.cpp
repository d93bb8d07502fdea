#include "outbox/file/beside.h"

#include "outbox/tables/row.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// Whether a row that stands under `key` is surely not that of `asked`.
using IsAnother = bool (*)(Receipt asked, Receipt key, std::string_view row);

bool is_other_operation(Receipt /*asked*/, Receipt key, std::string_view row) {
  return read_operation_row(key, row).has_value();
}

/// A dead letter whose content is damaged stays where it is, for people (letter_tables.h).
bool is_other_letter(Receipt asked, Receipt key, std::string_view row) {
  return read_operation_row(key, row).has_value() || !read_operation_row(asked, row);
}

bool is_other_fold_map(Receipt /*asked*/, Receipt key, std::string_view row) {
  return read_fold_map_row(key, row).has_value();
}

Result<void> check(const Connection& file, const char* sql, Receipt key, IsAnother is_another) {
  auto beside = Statement::prepare(file, sql);
  if (!beside) return tl::make_unexpected(beside.error());
  beside->bind(static_cast<std::int64_t>(key));
  while (true) {
    const auto row = beside->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return {};
    if (is_another(key, static_cast<Receipt>(beside->integer(0)), beside->blob(1))) continue;
    return fail(Error::Kind::kCorrupt,
                "a row next to operation " + std::to_string(key) +
                    " fails its checksum, and may be the row of that operation");
  }
}

Result<void> check_rows(const Connection& file, Receipt receipt) {
  auto done = check(file,
                    "SELECT * FROM (SELECT seq, row FROM operation WHERE seq < ?1 "
                    "ORDER BY seq DESC LIMIT 1) UNION ALL SELECT * FROM (SELECT seq, row FROM "
                    "operation WHERE seq > ?1 ORDER BY seq LIMIT 1)",
                    receipt, is_other_operation);
  if (done) {
    done = check(file,
                 "SELECT * FROM (SELECT seq, row FROM dead WHERE seq < ?1 ORDER BY seq DESC "
                 "LIMIT 1) UNION ALL SELECT * FROM (SELECT seq, row FROM dead WHERE seq > ?1 "
                 "ORDER BY seq LIMIT 1)",
                 receipt, is_other_letter);
  }
  if (done) {
    done = check(file,
                 "SELECT * FROM (SELECT map, row FROM fold_map WHERE map < ?1 ORDER BY map DESC "
                 "LIMIT 1) UNION ALL SELECT * FROM (SELECT map, row FROM fold_map WHERE map > ?1 "
                 "ORDER BY map LIMIT 1)",
                 fold_map_of(receipt), is_other_fold_map);
  }
  return done;
}

}  // namespace

Result<void> check_beside(OpenOutbox& open, Receipt receipt) {
  while (receipt != 0) {
    if (auto done = check_rows(open.connection, receipt); !done) return done;
    const auto row = open.fold_map.row_of(receipt);
    if (!row) return tl::make_unexpected(row.error());
    receipt = *row;
  }
  return {};
}

}  // namespace flowmyna
