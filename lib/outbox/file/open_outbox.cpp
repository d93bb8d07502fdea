#include "outbox/file/open_outbox.h"

#include "outbox/salvage/integrity.h"
#include "outbox/tables/schema.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
// In this order: exclusive locking must be set before the file is first read, and auto_vacuum
// before the first table exists. The cache is small because delivery reads in order, once; the
// journal limit keeps the log at its working size instead of letting a burst's high tide stay.
// What is deleted is overwritten with zeros, free pages too: not every distribution's SQLite does
// that by itself, and FAST leaves what was delivered in the free pages that are kept.
constexpr const char* kLockPragma = "PRAGMA locking_mode = EXCLUSIVE";
constexpr const char* kPragmas = R"sql(
  PRAGMA journal_mode = WAL;
  PRAGMA cache_size = -2000;
  PRAGMA temp_store = MEMORY;
  PRAGMA mmap_size = 0;
  PRAGMA secure_delete = ON;
  PRAGMA cell_size_check = ON;
)sql";

/// Free pages are moved to the end of the file, a few at a time, and cut off.
constexpr const char* kVacuum = "PRAGMA incremental_vacuum(64)";

/// A file of a newer version is left as it is: not even its log is touched, or its journal mode.
Result<void> check_version_first(const Connection& connection) {
  if (auto done = connection.execute(kLockPragma); !done) return done;
  connection.keep_log_on_close(true);
  return check_version(connection);
}

Result<void> apply_pragmas(const Connection& connection, const StorageOptions& options) {
  // On a file that has pages this pragma would be a write at each start, which a full disk refuses.
  const auto pages = connection.integer("PRAGMA page_count");
  if (!pages) return tl::make_unexpected(pages.error());
  if (*pages == 0) {
    if (auto done = connection.execute(kNewFilePragma); !done) return done;
  }
  const std::string limit = std::to_string(Quota(options.quota_bytes).kept_log_bytes());
  const std::string pragmas =
      kPragmas + ("PRAGMA journal_size_limit = " + limit) +
      "; PRAGMA synchronous = " + (options.sync_every_commit ? "FULL" : "NORMAL");
  return connection.execute(pragmas.c_str());
}

/// Makes one of the tables and queries of a connection.
template <class Prepared>
Result<void> prepare(Prepared& out, const Connection& connection) {
  auto prepared = Prepared::prepare(connection);
  if (!prepared) return tl::make_unexpected(prepared.error());
  out = *std::move(prepared);
  return {};
}

}  // namespace

Result<OpenOutbox> OpenOutbox::open(const StorageOptions& options, bool may_create) {
  auto connection = Connection::open(options.path, may_create);
  if (!connection) return tl::make_unexpected(connection.error());
  if (auto done = check_version_first(*connection); !done) {
    return tl::make_unexpected(done.error());
  }
  if (auto done = apply_pragmas(*connection, options); !done) {
    return tl::make_unexpected(done.error());
  }
  if (auto done = migrate(*connection); !done) return tl::make_unexpected(done.error());
  if (auto done = check_integrity(*connection); !done) return tl::make_unexpected(done.error());

  OpenOutbox open;
  open.connection = *std::move(connection);
  auto prepared = sqlite::prepare(open.connection, {{open.begin, "BEGIN IMMEDIATE"},
                                                    {open.commit, "COMMIT"},
                                                    {open.rollback, "ROLLBACK"},
                                                    {open.vacuum, kVacuum}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  auto done = prepare(open.operations, open.connection);
  if (done) done = prepare(open.seals, open.connection);
  if (done) done = prepare(open.letters, open.connection);
  if (done) done = prepare(open.folded, open.connection);
  if (done) done = prepare(open.fold_map, open.connection);
  if (done) done = prepare(open.arrivals, open.connection);
  if (done) done = prepare(open.damage, open.connection);
  if (done) done = prepare(open.state, open.connection);
  if (done) done = prepare(open.sizes, open.connection);
  if (!done) return tl::make_unexpected(done.error());
  return open;
}

}  // namespace flowmyna
