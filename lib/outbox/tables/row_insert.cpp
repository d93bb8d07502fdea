#include "outbox/tables/row_insert.h"

#include <new>
#include <optional>
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

/// Whether there is a further blob; nothing when memory ran out.
std::optional<bool> advance(BlobSource& blobs) {
  try {
    return blobs.next();
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

int next(sqlite3_vtab_cursor* cursor) {
  auto& at = *static_cast<Cursor*>(cursor);
  const auto has_row = advance(*at.blobs);
  if (!has_row) return SQLITE_NOMEM;
  at.has_row = *has_row;
  ++at.row;
  return SQLITE_OK;
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
  auto prepared = sqlite::prepare(
      connection, {{insert.first_, (into + "(" + key + ", " + blob + ") VALUES(?, ?)").c_str()},
                   {insert.others_, (into + "(" + blob + ") SELECT blob FROM " + kName).c_str()}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return insert;
}

Result<std::int64_t> RowInsert::run(std::int64_t first, BlobSource& blobs) {
  const auto out_of_memory = fail(kind_of(SQLITE_NOMEM), sqlite3_errstr(SQLITE_NOMEM));
  auto has_blob = advance(blobs);
  if (!has_blob) return out_of_memory;
  if (!*has_blob) return 0;
  auto done = first_.start().bind(first).bind(blobs.blob()).run();
  if (!done) return tl::make_unexpected(done.error());
  has_blob = advance(blobs);
  if (!has_blob) return out_of_memory;
  if (!*has_blob) return 1;
  *blobs_ = &blobs;
  done = others_.start().run();
  if (!done) return tl::make_unexpected(done.error());
  const std::int64_t others = others_.changes();
  if (others_.last_key() != first + others) {
    return fail(Error::Kind::kCorrupt, "the table already has a row with a higher key, although " +
                                           std::to_string(first) + " is the next one to give");
  }
  return others + 1;
}

}  // namespace flowmyna::sqlite
