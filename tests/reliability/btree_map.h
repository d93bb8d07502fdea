#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/outbox.h"

namespace flowmyna::test {

using PageSet = std::set<std::uint32_t>;

/// Where the operations of an outbox file stand, read from its pages as the file format says
/// (sqlite.org/fileformat2.html): independent of SQLite and of the code under test.
struct BtreeMap {
  /// For each pending operation the pages without which it cannot be read: its own, those that it
  /// overflows to, and those on the way from the root, which is among them.
  std::map<Receipt, PageSet> pages_of;
  /// Pages that a writer believes to be free, and those that tell which are; damage there may have
  /// it overwrite what is not free.
  PageSet free;
  std::uint32_t pages = 0;
};

/// `bytes` is a file without a log.
BtreeMap map_btree(const std::string& bytes, std::uint32_t root);

}  // namespace flowmyna::test
