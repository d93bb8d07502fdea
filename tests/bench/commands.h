#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace flowmyna::bench {

/// The commands of flowmyna-bench. Each prints its figures as one JSON object (the servers nothing,
/// or where they listen) and gives the exit code; what fails is told on standard error.

struct LoadCommand {
  std::string socket;
  unsigned connections = 1;
  double seconds = 5;
  std::uint64_t operations = 0;  ///< 0: no limit
  std::size_t batch = 1;
  std::uint64_t objects = 0;  ///< 0: each message has its own
  std::string protocol = "http";
  pid_t pid = 0;  ///< 0: nobody's CPU time and memory are wanted
};
int load_command(const LoadCommand& options);

struct DiskCommand {
  std::string directory = ".";
  double seconds = 2;
};
int disk_command(const DiskCommand& options);

struct SqliteCommand {
  std::string directory = ".";
  double seconds = 2;
  std::vector<unsigned> rows = {1, 8, 64, 512, 4096};
};
int sqlite_command(const SqliteCommand& options);

struct CeilingCommand {
  std::string socket;
  std::string database;
};
int ceiling_command(const CeilingCommand& options);

struct SinkCommand {
  std::uint16_t port = 0;
  std::int64_t latency_ms = 0;
  bool hangs = false;
};
int sink_command(const SinkCommand& options);

struct AllCommand {
  bool is_quick = false;
  bool is_tiny = false;
  std::vector<std::string> only;  ///< sections; empty: all
  std::string out = ".";          ///< directory of the report, and of what is measured meanwhile
  std::string command = "flowmyna-bench all";  ///< as the report calls it
};
/// Writes report.md, report.json and plot.svg into `out`.
int all_command(const AllCommand& options);

}  // namespace flowmyna::bench
