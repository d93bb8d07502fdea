#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "outbox/file/sqlite_storage.h"
#include "tests/contract/memory_storage.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {

inline constexpr std::uint64_t kQuotaBytes = 32U << 20;

/// A storage that can be ended and started again, as the agent is.
class MemorySide {
 public:
  Storage& storage() { return storage_; }
  /// Whatever was not committed is gone.
  void restart() { storage_.crash(); }

 private:
  MemoryStorage storage_{kQuotaBytes};
};

class SqliteSide {
 public:
  SqliteSide() { restart(); }
  Storage& storage() { return *storage_; }
  void restart() {
    storage_.reset();
    auto opened = SqliteStorage::open({directory_.file("outbox.db"), kQuotaBytes, true});
    if (!opened) throw std::runtime_error(opened.error().message);
    storage_ = *std::move(opened);
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<SqliteStorage> storage_;
};

}  // namespace flowmyna::test
