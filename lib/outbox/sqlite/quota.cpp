#include "outbox/sqlite/quota.h"

#include <algorithm>

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// What the pages of an outbox take that holds nothing.
constexpr std::uint64_t kEmptyBytes = 20 * 4096;

std::uint64_t wal_bytes(const Connection& connection) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods == nullptr) return 0;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return 0;
  return static_cast<std::uint64_t>(size);
}

Result<std::uint64_t> value_of(Statement& statement) {
  const auto row = statement.start().step();
  if (!row) return tl::make_unexpected(row.error());
  const std::int64_t value = *row ? statement.integer(0) : 0;
  statement.reset();
  return static_cast<std::uint64_t>(value);
}

}  // namespace

Result<SizeQuery> SizeQuery::prepare(const Connection& connection) {
  SizeQuery query;
  auto prepared = sqlite::prepare(connection, {{query.page_count_, "PRAGMA page_count"},
                                               {query.freelist_count_, "PRAGMA freelist_count"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  const auto page_bytes = connection.integer("PRAGMA page_size");
  if (!page_bytes) return tl::make_unexpected(page_bytes.error());
  query.page_bytes_ = static_cast<std::uint64_t>(*page_bytes);
  return query;
}

Result<FileSizes> SizeQuery::ask(const Connection& connection) {
  const auto pages = value_of(page_count_);
  if (!pages) return tl::make_unexpected(pages.error());
  const auto free_pages = value_of(freelist_count_);
  if (!free_pages) return tl::make_unexpected(free_pages.error());
  const std::uint64_t log = wal_bytes(connection);
  return FileSizes{*pages * page_bytes_ + log, log, *free_pages * page_bytes_, page_bytes_};
}

std::uint64_t Quota::log_bytes() const {
  return std::min<std::uint64_t>(bytes_ / 4, 1U << 20);
}

std::uint64_t Quota::reserve_bytes() const {
  return std::clamp<std::uint64_t>(bytes_ / 32, 256U << 10, 16U << 20);
}

std::uint64_t Quota::row_bytes_max() const {
  const std::uint64_t taken = kEmptyBytes + log_bytes() + reserve_bytes();
  return (bytes_ - std::min(bytes_, taken)) / kDiskFactor;
}

bool Quota::has_room(const FileSizes& sizes, std::uint64_t row_bytes) const {
  const std::uint64_t rows = sizes.all - std::min(sizes.all, sizes.log + sizes.free);
  const std::uint64_t log = std::max(sizes.log, log_bytes());  // it will get that long
  return rows + log + row_bytes * kDiskFactor + reserve_bytes() <= bytes_;
}

}  // namespace flowmyna
