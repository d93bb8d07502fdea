#include "outbox/row_insert.h"

#include <new>

namespace flowmyna::sqlite {
namespace {

// An eponymous-only virtual table (https://www.sqlite.org/vtab.html): no xCreate, so there is one,
// under the module's name. SQLite scans it from its first row to its last. No exception may pass
// through the library's C frames.

constexpr const char* kName = "row_source";

struct Table : sqlite3_vtab {
  RowSource** rows;
};

struct Cursor : sqlite3_vtab_cursor {
  RowSource* rows;
  sqlite3_int64 row;
  bool has_row;
};

int connect(sqlite3* connection, void* rows, int, const char* const*, sqlite3_vtab** table,
            char**) {
  const int declared = sqlite3_declare_vtab(connection, "CREATE TABLE x(key INTEGER, blob BLOB)");
  if (declared != SQLITE_OK) return declared;
  *table = new (std::nothrow) Table{{}, static_cast<RowSource**>(rows)};
  return *table == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int choose_index(sqlite3_vtab*, sqlite3_index_info*) {
  return SQLITE_OK;
}

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) {
  *cursor = new (std::nothrow) Cursor{{}, *static_cast<Table*>(table)->rows, 0, false};
  return *cursor == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  auto& at = *static_cast<Cursor*>(cursor);
  try {
    at.has_row = at.rows->next();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  ++at.row;
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  return next(cursor);
}

int is_at_end(sqlite3_vtab_cursor* cursor) {
  return static_cast<Cursor*>(cursor)->has_row ? 0 : 1;
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* out, int index) {
  const RowSource& rows = *static_cast<Cursor*>(cursor)->rows;
  if (index == 0) {
    sqlite3_result_int64(out, rows.key());
  } else {
    const std::string_view blob = rows.blob();
    sqlite3_result_blob64(out, blob.data(), blob.size(), SQLITE_STATIC);
  }
  return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* out) {
  *out = static_cast<Cursor*>(cursor)->row;
  return SQLITE_OK;
}

sqlite3_module make_module() {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xBestIndex = choose_index;
  module.xDisconnect = disconnect;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = is_at_end;
  module.xColumn = column;
  module.xRowid = row_id;
  return module;
}

}  // namespace

Result<RowInsert> RowInsert::prepare(const Connection& connection, const std::string& table,
                                     const std::string& key, const std::string& blob) {
  static const sqlite3_module kModule = make_module();
  RowInsert insert;
  insert.rows_ = std::make_unique<RowSource*>(nullptr);
  if (sqlite3_create_module(connection.get(), kName, &kModule, insert.rows_.get()) != SQLITE_OK) {
    return tl::make_unexpected(connection.error("cannot make the table of arriving rows"));
  }
  // OR FAIL: the caller rolls back, so SQLite need not keep what would undo the statement alone.
  const std::string sql =
      "INSERT OR FAIL INTO " + table + "(" + key + ", " + blob + ") SELECT key, blob FROM " + kName;
  auto statement = Statement::prepare(connection, sql.c_str());
  if (!statement) return tl::make_unexpected(statement.error());
  insert.statement_ = *std::move(statement);
  return insert;
}

Result<void> RowInsert::run(RowSource& rows) {
  *rows_ = &rows;
  return statement_.start().run();
}

}  // namespace flowmyna::sqlite
