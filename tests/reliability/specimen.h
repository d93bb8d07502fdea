#pragma once

#include <map>
#include <set>
#include <string>

#include "core/outbox.h"
#include "outbox/file/sqlite_storage.h"
#include "reliability/btree_map.h"

namespace flowmyna::test {

/// An outbox as a killed agent leaves it, with everything in it that an outbox can hold: upserts
/// and events of all sizes, sealed requests, dead letters, dropped and folded operations, free
/// pages, and a log that is hot or none. And what is known of it.
class Specimen {
 public:
  /// Its files are those at `begin` and a name. About a third of the operations are pending.
  Specimen(const std::string& begin, int operations, bool is_hot);

  void copy_to(const std::string& path) const;

  struct Content {
    std::set<std::string> ever;  ///< stored forms that the operation had, before and after folds
    bool is_event = false;
    bool is_pending = false;                      ///< in the end, with a row of its own
    ReceiptState state = ReceiptState::kUnknown;  ///< in the end
    Receipt row = 0;                              ///< into which it was folded
  };
  const std::map<Receipt, Content>& operations() const { return operations_; }
  const BtreeMap& map() const { return map_; }
  std::uint32_t pages() const;   ///< of the database file
  std::uint32_t frames() const;  ///< pages in the log
  std::uint64_t accepted() const { return accepted_; }

 private:
  void accept(SqliteStorage& storage, int count);
  void settle(SqliteStorage& storage);
  void fold(SqliteStorage& storage);
  void note_pending(SqliteStorage& storage);

  std::string path_;
  std::map<Receipt, Content> operations_;
  BtreeMap map_;
  std::uint64_t accepted_ = 0;
  int next_ = 0;
};

}  // namespace flowmyna::test
