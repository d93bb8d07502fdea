#include <sqlite3.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "bench/report.h"

namespace flowmyna::bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

/// Whether ext4 on this device has one: without, a file that grows is synced much sooner.
bool has_journal(const std::string& device) {
  std::ifstream file("/sys/fs/ext4/" + device.substr(device.rfind('/') + 1) + "/journal_task");
  std::string task;
  return !std::getline(file, task) || task != "<none>";
}

/// The type of the file system with the longest mount point that `path` is below.
std::string file_system(const std::string& path) {
  std::ifstream mounts("/proc/self/mounts");
  std::string type = "unknown file system";
  std::string type_on;
  std::size_t longest = 0;
  std::string device;
  std::string point;
  std::string of_point;
  for (std::string rest; mounts >> device >> point >> of_point && std::getline(mounts, rest);) {
    if (path.starts_with(point) && point.size() >= longest) {
      longest = point.size();
      type = of_point;
      type_on = device;
    }
  }
  return type == "ext4" && !has_journal(type_on) ? "ext4 without a journal" : type;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

}  // namespace

Circumstances Circumstances::of_now(std::string command, const Place& place, const Sizes& sizes) {
  utsname system{};
  ::uname(&system);
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  return {today(), std::move(command),
          processor() + ", " + std::to_string(cores) + " cores, Linux " + system.release + ", " +
              file_system(place.data) + ", SQLite " + sqlite3_libversion(),
          sizes};
}

}  // namespace flowmyna::bench
