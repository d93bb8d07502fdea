#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "outbox/file/sqlite_storage.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna::test {

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What a person with the sqlite3 program could do to a file that no agent has open.
inline void execute(const std::string& path, const std::string& sql) {
  const auto connection = sqlite::Connection::open(path);
  const auto done = connection->execute(sql.c_str());
  if (!done) throw std::runtime_error(done.error().message);
}
inline std::int64_t integer(const std::string& path, const std::string& sql) {
  return sqlite::Connection::open(path)->integer(sql.c_str()).value();
}
/// `PRAGMA integrity_check`, which answers with text.
inline std::string integrity(const std::string& path) {
  const auto connection = sqlite::Connection::open(path).value();
  auto check = sqlite::Statement::prepare(connection, "PRAGMA integrity_check").value();
  return check.step().value() ? std::string(check.blob(0)) : "";
}

inline std::unique_ptr<SqliteStorage> open_storage(const std::string& path,
                                                   std::uint64_t quota_bytes = 1ULL << 30,
                                                   bool sync_every_commit = true) {
  StorageOptions options;
  options.path = path;
  options.quota_bytes = quota_bytes;
  options.sync_every_commit = sync_every_commit;
  auto opened = SqliteStorage::open(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().message);
  return *std::move(opened);
}

}  // namespace flowmyna::test
