#pragma once

#include <string>

#include "e2e/rig.h"
#include "reliability/environment.h"
#include "reliability/loop_disk.h"
#include "reliability/traffic.h"

namespace flowmyna::test {

/// PRAGMA integrity_check on a copy, so that the check itself recovers nothing.
std::string integrity_of(const std::string& outbox_file);

/// An agent whose outbox is on a disk that can be broken, and applications that write to it.
struct Site {
  explicit Site(const std::string& file_system = file_system_of_this_run("ext4"))
      : disk(rig.directory() + "/image", rig.directory() + "/state", file_system) {}

  Rig rig;
  LoopDisk disk;
  Traffic traffic{rig};

  /// Has the applications write until about so many more operations were answered; they go on.
  void write(std::size_t answers);
  /// Lets everything reach the API; what the promises say of it.
  Comparison drain_and_compare();
};

}  // namespace flowmyna::test
