#include "reliability/campaign.h"

#include <sqlite3.h>

#include <filesystem>

namespace flowmyna::test {

std::string integrity_of(const std::string& outbox_file) {
  const std::string copy = std::filesystem::path(outbox_file).parent_path().string() + "-check.db";
  for (const std::string suffix : {"", "-wal"}) {
    std::filesystem::remove(copy + suffix);
    if (std::filesystem::exists(outbox_file + suffix)) {
      std::filesystem::copy_file(outbox_file + suffix, copy + suffix);
    }
  }
  sqlite3* connection = nullptr;
  sqlite3_open(copy.c_str(), &connection);
  std::string result = "no answer";
  sqlite3_exec(
      connection, "PRAGMA integrity_check",
      [](void* out, int, char** values, char**) {
        *static_cast<std::string*>(out) = values[0];
        return 0;
      },
      &result, nullptr);
  sqlite3_close(connection);
  return result;
}

void Site::write(std::size_t answers) {
  const std::size_t goal = traffic.answered() + answers;
  traffic.start();
  rig.wait_until("the applications were answered", [&] { return traffic.answered() >= goal; });
}

Comparison Site::drain_and_compare() {
  rig.clear_faults();
  rig.drain();
  return traffic.compare();
}

}  // namespace flowmyna::test
