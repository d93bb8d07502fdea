#include "outbox/salvage/damaged_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>

#include "outbox/salvage/layout.h"
#include "outbox/tables/schema.h"

namespace flowmyna {

constexpr std::streamsize kPageBytes = 4096;

/// SQLite insists that the page is there on which a table begins. Zeros, if need be.
constexpr sqlite3_int64 kPagesMin = kModelPagesMax;

/// The VFS (sqlite.org/vfs.html). What it does not change is the default one's.
class DamagedFile::View {
 public:
  explicit View(std::string first_page)
      : real_(sqlite3_vfs_find(nullptr)),
        vfs_{*real_},
        name_("flowmyna-damaged-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))),
        first_page_(std::move(first_page)) {
    vfs_.pNext = nullptr;
    vfs_.zName = name_.c_str();
    vfs_.szOsFile = static_cast<int>(kRealAt) + real_->szOsFile;
    vfs_.view = this;
    vfs_.xOpen = open;
    vfs_.xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_IOERR_DELETE; };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~View() { sqlite3_vfs_unregister(&vfs_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const char* name() const { return name_.c_str(); }

 private:
  struct Vfs : sqlite3_vfs {
    View* view = nullptr;
  };
  /// What SQLite holds of a file. The default VFS's own part follows, in the same memory.
  struct File : sqlite3_file {
    const View* view;
    bool is_database;
  };
  static constexpr std::size_t kRealAt = (sizeof(File) + alignof(std::max_align_t) - 1) /
                                         alignof(std::max_align_t) * alignof(std::max_align_t);

  static sqlite3_file* real_of(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kRealAt);
  }
  static bool is_there(sqlite3_file* file) { return real_of(file)->pMethods != nullptr; }

  static const sqlite3_io_methods& methods();
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out);
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset);
  static int size_of(sqlite3_file* file, sqlite3_int64* size);
  static int control(sqlite3_file* file, int request, void* argument);

  sqlite3_vfs* real_;
  Vfs vfs_;
  const std::string name_;
  const std::string first_page_;  // in place of the database's own, unless it is empty
};

const sqlite3_io_methods& DamagedFile::View::methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods made{};
    made.iVersion = 1;  // no shared memory, no mapping
    made.xClose = close;
    made.xRead = read;
    made.xWrite = [](sqlite3_file*, const void*, int, sqlite3_int64) { return SQLITE_READONLY; };
    made.xTruncate = [](sqlite3_file*, sqlite3_int64) { return SQLITE_READONLY; };
    made.xSync = [](sqlite3_file*, int) { return SQLITE_OK; };
    made.xFileSize = size_of;
    made.xLock = made.xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; };
    made.xCheckReservedLock = [](sqlite3_file*, int* is_held) {
      *is_held = 0;
      return SQLITE_OK;
    };
    made.xFileControl = control;
    made.xSectorSize = [](sqlite3_file*) { return 4096; };
    made.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
    return made;
  }();
  return methods;
}

/// A file that is missing reads as empty: SQLite expects to create the log.
int DamagedFile::View::open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                            int* out) {
  const View* view = static_cast<Vfs*>(vfs)->view;
  auto* mine = static_cast<File*>(file);
  mine->pMethods = &methods();
  mine->view = view;
  mine->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  real_of(file)->pMethods = nullptr;
  const int writing = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int reading = (flags & ~writing) | SQLITE_OPEN_READONLY;
  const int code = view->real_->xOpen(view->real_, path, real_of(file), reading, nullptr);
  if (out != nullptr) *out = reading;
  int is_there = 0;
  view->real_->xAccess(view->real_, path, SQLITE_ACCESS_EXISTS, &is_there);
  if (code == SQLITE_OK || is_there == 0) return SQLITE_OK;
  mine->pMethods = nullptr;  // there, but it cannot be opened: that is no damage
  return code;
}

int DamagedFile::View::close(sqlite3_file* file) {
  return is_there(file) ? real_of(file)->pMethods->xClose(real_of(file)) : SQLITE_OK;
}

int DamagedFile::View::read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  std::memset(bytes, 0, static_cast<std::size_t>(size));
  if (is_there(file)) (void)real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
  const auto* mine = static_cast<const File*>(file);
  if (!mine->is_database) return SQLITE_OK;
  const std::string& page = mine->view->first_page_;
  if (offset < std::ssize(page)) {
    const auto count = std::min<sqlite3_int64>(size, std::ssize(page) - offset);
    std::memcpy(bytes, page.data() + offset, static_cast<std::size_t>(count));
  }
  return SQLITE_OK;
}

int DamagedFile::View::size_of(sqlite3_file* file, sqlite3_int64* size) {
  *size = 0;
  const int code =
      is_there(file) ? real_of(file)->pMethods->xFileSize(real_of(file), size) : SQLITE_OK;
  const auto* mine = static_cast<const File*>(file);
  const auto page_bytes = std::ssize(mine->view->first_page_);
  if (mine->is_database) *size = std::max<sqlite3_int64>(*size, kPagesMin * page_bytes);
  return code;
}

int DamagedFile::View::control(sqlite3_file* file, int request, void* argument) {
  if (!is_there(file)) return SQLITE_NOTFOUND;
  return real_of(file)->pMethods->xFileControl(real_of(file), request, argument);
}

/// As long as the file is, not as long as it says.
std::string DamagedFile::own_first_page(const std::string& path) {
  constexpr std::size_t kCountAt = 28;  // sqlite.org/fileformat2.html, "The Database Header"
  std::ifstream in(path, std::ios::binary);
  std::string page(kPageBytes, '\0');
  in.read(page.data(), kPageBytes);
  page.replace(kCountAt, 4, 4, '\0');
  return page;
}

void DamagedFile::Unregister::operator()(View* view) const {
  delete view;
}

Result<DamagedFile> DamagedFile::open(const std::string& path, std::string first_page) {
  DamagedFile file;
  file.view_.reset(new View(std::move(first_page)));
  auto connection = sqlite::Connection::open_read_only(path, file.view_->name());
  if (!connection) return tl::make_unexpected(connection.error());
  file.connection_ = *std::move(connection);
  file.connection_.keep_log_on_close(true);
  // Exclusive, and so without a file of shared memory beside it.
  auto done = file.connection_.execute(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2000; PRAGMA cell_size_check = ON");
  if (!done) return tl::make_unexpected(done.error());
  return file;
}

Result<DamagedFile> DamagedFile::open(const std::string& path) {
  auto as_it_is = open(path, own_first_page(path));
  int version = kSchemaVersion;
  if (as_it_is) {
    const auto& connection = as_it_is->connection();
    if (checksum_of_tables(connection) == kChecksumOfTables) return as_it_is;
    version = version_of(connection).value_or(kSchemaVersion);
    if (version < 1 || version > kSchemaVersion) version = kSchemaVersion;
    const auto model = empty_outbox(version);
    if (!model) return tl::make_unexpected(model.error());
    if (check_tables(connection, *model) && is_credible_layout(connection, *model)) {
      return as_it_is;
    }
  }
  auto page = first_page(version);
  if (!page) return tl::make_unexpected(page.error());
  return open(path, *std::move(page));
}

}  // namespace flowmyna
