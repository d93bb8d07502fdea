#include "outbox/schema.h"

#include <array>

namespace flowmyna {
namespace {

/// Step i brings version i to i + 1. Steps are never changed once released.
constexpr std::array<const char*, kSchemaVersion> kSteps = {
    R"sql(
      CREATE TABLE operation(seq INTEGER PRIMARY KEY, row BLOB NOT NULL);
      CREATE TABLE seal(id INTEGER PRIMARY KEY, row BLOB NOT NULL);
      CREATE TABLE letter(id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT NULL,
                          attempts INTEGER NOT NULL, at INTEGER NOT NULL);
      CREATE TABLE dead(seq INTEGER PRIMARY KEY, letter INTEGER NOT NULL, row BLOB NOT NULL);
      CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), accepted INTEGER NOT NULL,
                         delivered INTEGER NOT NULL, dead INTEGER NOT NULL,
                         coalesced INTEGER NOT NULL, requests INTEGER NOT NULL,
                         duplicates_possible INTEGER NOT NULL);
      INSERT INTO state VALUES(1, 0, 0, 0, 0, 0, 0);
    )sql",
    R"sql(
      CREATE INDEX dead_by_letter ON dead(letter);
      CREATE TABLE dropped(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
      ALTER TABLE state ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE folded(seq INTEGER PRIMARY KEY, last INTEGER NOT NULL,
                          operations INTEGER NOT NULL);
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN unsynced_from INTEGER NOT NULL DEFAULT 0;
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN outbox TEXT NOT NULL DEFAULT '';
      UPDATE state SET outbox = lower(hex(randomblob(16)));
      CREATE TABLE arrival(export TEXT PRIMARY KEY, source TEXT NOT NULL,
                           through INTEGER NOT NULL, lines INTEGER NOT NULL) WITHOUT ROWID;
    )sql",
};

}  // namespace

Result<void> check_version(const sqlite::Connection& connection) {
  const auto version = connection.integer("PRAGMA user_version");
  if (!version) return tl::make_unexpected(version.error());
  if (*version > kSchemaVersion) {
    return fail(Error::Kind::kUnsupported,
                "the outbox was written by a newer version (schema " + std::to_string(*version) +
                    ", this program knows " + std::to_string(kSchemaVersion) +
                    "): install that version again, or set outbox.path to another file");
  }
  return {};
}

Result<void> migrate(const sqlite::Connection& connection) {
  const auto version = connection.integer("PRAGMA user_version");
  if (!version) return tl::make_unexpected(version.error());
  if (*version == kSchemaVersion) return {};
  if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) return begun;
  std::string script;
  for (auto step = static_cast<std::size_t>(*version); step < kSteps.size(); ++step) {
    script += kSteps[step];
  }
  script += "PRAGMA user_version = " + std::to_string(kSchemaVersion) + "; COMMIT";
  auto done = connection.execute(script.c_str());
  if (!connection.is_idle()) (void)connection.execute("ROLLBACK");
  return done;
}

}  // namespace flowmyna
