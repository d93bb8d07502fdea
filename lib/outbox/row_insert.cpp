#include "outbox/row_insert.h"

#include <new>
#include <utility>

namespace flowmyna::sqlite {
namespace {

// An eponymous-only virtual table (https://www.sqlite.org/vtab.html): no xCreate, so there is one,
// under the module's name. SQLite scans it from the blob that the source stands at to its last. No
// exception may pass through the library's C frames.

constexpr const char* kName = "blob_source";

struct Table : sqlite3_vtab {
  BlobSource** blobs;
};

struct Cursor : sqlite3_vtab_cursor {
  BlobSource* blobs;
  sqlite3_int64 row;
  bool has_row;
};

int connect(sqlite3* connection, void* blobs, int, const char* const*, sqlite3_vtab** table,
            char**) {
  const int declared = sqlite3_declare_vtab(connection, "CREATE TABLE x(blob BLOB)");
  if (declared != SQLITE_OK) return declared;
  *table = new (std::nothrow) Table{{}, static_cast<BlobSource**>(blobs)};
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
  *cursor = new (std::nothrow) Cursor{{}, *static_cast<Table*>(table)->blobs, 0, false};
  return *cursor == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int advance(BlobSource& blobs, bool& has_blob) {
  try {
    has_blob = blobs.next();
    return SQLITE_OK;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

int next(sqlite3_vtab_cursor* cursor) {
  auto& at = *static_cast<Cursor*>(cursor);
  ++at.row;
  return advance(*at.blobs, at.has_row);
}

int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  static_cast<Cursor*>(cursor)->has_row = true;
  return SQLITE_OK;
}

int is_at_end(sqlite3_vtab_cursor* cursor) {
  return static_cast<Cursor*>(cursor)->has_row ? 0 : 1;
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* out, int) {
  const std::string_view blob = static_cast<Cursor*>(cursor)->blobs->blob();
  sqlite3_result_blob64(out, blob.data(), blob.size(), SQLITE_STATIC);
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
  insert.blobs_ = std::make_unique<BlobSource*>(nullptr);
  if (sqlite3_create_module(connection.get(), kName, &kModule, insert.blobs_.get()) != SQLITE_OK) {
    return tl::make_unexpected(connection.error("cannot make the table of arriving rows"));
  }
  // OR FAIL: the caller rolls back, so SQLite need not keep what would undo a statement alone.
  const std::string into = "INSERT OR FAIL INTO " + table;
  const std::pair<Statement*, std::string> statements[] = {
      {&insert.first_, into + "(" + key + ", " + blob + ") VALUES(?, ?)"},
      {&insert.others_, into + "(" + blob + ") SELECT blob FROM " + kName}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = Statement::prepare(connection, sql.c_str());
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = *std::move(prepared);
  }
  return insert;
}

Result<std::int64_t> RowInsert::run(std::int64_t first, BlobSource& blobs) {
  const auto has_next = [&blobs]() -> Result<bool> {
    bool has_blob = false;
    const int code = advance(blobs, has_blob);
    if (code != SQLITE_OK) return fail(kind_of(code), sqlite3_errstr(code));
    return has_blob;
  };
  auto goes_on = has_next();
  if (!goes_on) return tl::make_unexpected(goes_on.error());
  if (!*goes_on) return 0;
  auto done = first_.start().bind(first).bind(blobs.blob()).run();
  if (done) goes_on = has_next();
  if (!done || !goes_on) return tl::make_unexpected(done ? goes_on.error() : done.error());
  if (!*goes_on) return 1;
  *blobs_ = &blobs;
  done = others_.start().run();
  if (!done) return tl::make_unexpected(done.error());
  const std::int64_t others = others_.changes();
  if (others_.last_key() != first + others) {
    return fail(Error::Kind::kCorrupt,
                "a row has a higher key than any that was given: " + std::to_string(first));
  }
  return others + 1;
}

}  // namespace flowmyna::sqlite
