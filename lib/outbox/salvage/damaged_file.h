#pragma once

#include <memory>
#include <string>

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// A damaged outbox file, with the write-ahead log beside it, as far as SQLite can still read them.
/// It reads them where they stand, through a VFS of its own that never changes, creates or deletes
/// anything, takes no lock, and yields zeros for what the disk cannot read; so every page either
/// holds what was written or is refused by itself. The log counts up to its last whole commit, as
/// always.
///
/// Tables are found through the file's first page. Only when SQLite cannot read that page, or its
/// page numbers are wrong (layout.h), the first page of an empty outbox stands in for it.
///
/// Rejected: searching the file for rows page by page. A page that is free holds rows, too, that
/// were delivered long ago.
class DamagedFile {
 public:
  static Result<DamagedFile> open(const std::string& path);

  /// Every statement on it has to be gone before this object is.
  const sqlite::Connection& connection() const { return connection_; }

 private:
  class View;
  struct Unregister {
    void operator()(View* view) const;
  };
  static Result<DamagedFile> open(const std::string& path, std::string first_page);
  static std::string own_first_page(const std::string& path);

  std::unique_ptr<View, Unregister> view_;
  sqlite::Connection connection_;  // last: it reads through the view
};

}  // namespace flowmyna
