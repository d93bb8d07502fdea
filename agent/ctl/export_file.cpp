#include "agent/ctl/export_file.h"

#include <libdeflate.h>

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>

#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

constexpr std::string_view kHeader = R"({"flowmyna_export":)";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kLast = R"({"end":)";
constexpr std::string_view kReceipt = R"({"receipt":)";
constexpr std::string_view kLetter = R"({"dead_letter":)";
constexpr std::string_view kMaybeSent = R"("maybe_sent":)";
constexpr std::string_view kUnsynchronised = R"("unsynchronised":)";
constexpr std::string_view kContent = R"("accepted_unix_s":)";
constexpr std::string_view kOperations = R"("operations":)";

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool is_export_header(std::string_view first_line) {
  return first_line.starts_with(kHeader);
}

std::string export_header(std::string_view begun) {
  return std::string(kHeader) + std::string(kVersion) + ',' + std::string(begun.substr(1));
}

ExportLine read_export_line(std::string_view line) {
  ExportLine out;
  out.is_letter = line.starts_with(kLetter);
  const std::string_view prefix = out.is_letter ? kLetter : kReceipt;
  if (!line.starts_with(prefix)) return out;
  out.receipt = number(line.substr(prefix.size()));
  out.content = line;
  const auto unsynchronised = line.find(kUnsynchronised);
  if (unsynchronised < line.find(out.is_letter ? kOperations : kContent)) {
    out.unsynchronised = number(line.substr(unsynchronised + kUnsynchronised.size()));
  }
  if (out.is_letter) return out;
  const auto content = line.find(kContent);
  const auto sent = line.find(kMaybeSent);
  out.may_have_been_sent = sent < content;
  // Whether it may have been sent can change while the operation stays what it is.
  out.content = line.substr(content == std::string_view::npos ? 0 : content);
  return out;
}

std::string describe_unsynchronised(std::uint64_t events) {
  return std::to_string(events) +
         " of the events were stamped by a clock that was not synchronised, perhaps with 1970: "
         "the file keeps that time, and no other device can correct it\n";
}

void ExportSum::add(std::string_view bytes) {
  crc_ = libdeflate_crc32(crc_, bytes.data(), bytes.size());
}

void ExportSum::add_line(std::string_view line) {
  add(line);
  add("\n");
  ++lines_;
}

std::string ExportSum::last_line() const {
  std::array<char, 9> hex{};
  std::snprintf(hex.data(), hex.size(), "%08" PRIx32, crc_);
  return std::string(kLast) + R"(true,"lines":)" + std::to_string(lines_) + R"(,"crc32":")" +
         hex.data() + "\"}";
}

tl::expected<ExportSummary, std::string> check_export(std::istream& file) {
  std::string line;
  std::getline(file, line);
  const auto header = RawObject::parse(line);
  if (!header || !is_export_header(line)) return tl::make_unexpected("it is not an export");
  if (header->raw("flowmyna_export") != kVersion) {
    return tl::make_unexpected("it was exported by a newer version; install that here first");
  }
  ExportSummary out;
  out.id = header->text("export");
  out.source = header->text("source");
  out.through = number(header->raw("through"));
  ExportSum sum;
  sum.add(line);
  sum.add("\n");
  out.bytes = line.size() + 1;
  while (std::getline(file, line)) {
    out.bytes += line.size() + 1;
    if (line.starts_with(kLast)) break;
    sum.add_line(line);
    const ExportLine read = read_export_line(line);
    (read.is_letter ? out.letters : out.operations) += 1;
    out.maybe_sent += read.may_have_been_sent ? 1 : 0;
    out.unsynchronised += read.unsynchronised;
    if (out.first == 0) out.first = read.receipt;
  }
  out.lines = sum.lines();
  if (file.bad()) return tl::make_unexpected("reading it failed");
  if (!line.starts_with(kLast)) {
    return tl::make_unexpected("it was cut short: its last line is missing; copy it again");
  }
  if (line != sum.last_line()) {
    return tl::make_unexpected("it is damaged: its checksum does not match; copy it again");
  }
  if (file.peek() != std::istream::traits_type::eof()) {
    return tl::make_unexpected("it goes on after its last line; import each export separately");
  }
  return out;
}

}  // namespace flowmyna::ctl
