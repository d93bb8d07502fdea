#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace flowmyna::ctl {

/// The file of an export: NDJSON, with one line before and one line after the lines that the agent
/// gives (core/export_lines.h):
///
///     {"flowmyna_export":1,"export":"ID","source":"ID","version":"0.1.0","through":N,…}
///     …
///     {"end":true,"lines":N,"crc32":"0123abcd"}
///
/// `source` names the outbox, `through` is its highest receipt at that time. The checksum (CRC-32,
/// as gzip has it) is that of every byte before the last line, so it is noticed when a file was cut
/// short or damaged on its way.

/// Whether a file that begins with this line is an export, of whatever version.
bool is_export_header(std::string_view first_line);

/// The first line, without its line feed, from the agent's answer to the beginning of the export.
std::string export_header(std::string_view begun);

/// One of the lines between: what it is about.
struct ExportLine {
  std::uint64_t receipt = 0;  ///< of an operation, or the number of a dead letter
  bool is_letter = false;
  bool may_have_been_sent = false;
  std::uint64_t unsynchronised = 0;  ///< events with the time of a clock that was not synchronised
  std::string_view content;          ///< what stays the same for as long as the operation does
};
ExportLine read_export_line(std::string_view line);

/// What a person should know of so many events whose time may be wrong.
std::string describe_unsynchronised(std::uint64_t events);

/// Counts what is written, for the last line.
class ExportSum {
 public:
  void add(std::string_view bytes);
  void add_line(std::string_view line);
  std::uint64_t lines() const { return lines_; }
  std::string last_line() const;

 private:
  std::uint64_t lines_ = 0;
  std::uint32_t crc_ = 0;
};

struct ExportSummary {
  std::string id;
  std::string source;
  std::uint64_t through = 0;
  std::uint64_t lines = 0;
  std::uint64_t operations = 0;  ///< lines that are one
  std::uint64_t letters = 0;
  std::uint64_t maybe_sent = 0;
  std::uint64_t unsynchronised = 0;
  std::uint64_t first = 0;  ///< the lowest receipt in it; 0: it is empty
  std::uint64_t bytes = 0;
};

/// Reads the file to its end, and says what is in it, or why it cannot be used.
tl::expected<ExportSummary, std::string> check_export(std::istream& file);

}  // namespace flowmyna::ctl
