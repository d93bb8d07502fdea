#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "agent/ctl/commands.h"
#include "agent/ctl/export_file.h"
#include "agent/ctl/export_import.h"
#include "agent/ctl/format.h"
#include "agent/ctl/import_lines.h"
#include "agent/ctl/progress.h"
#include "client/answer_reader.h"

namespace flowmyna::ctl {
namespace {

/// Feeds lines to the agent in the order of the file; a batch ends where the kind changes.
class Importer {
 public:
  Importer(Client client, std::string name, std::uint64_t total_bytes)
      : client_(std::move(client)), name_(std::move(name)), total_bytes_(total_bytes) {}

  /// `line` is the first one, which was read already.
  int run(std::string line, std::istream& in) {
    std::uint64_t number = 1;
    for (bool is_there = !line.empty() || in; is_there; is_there = !!std::getline(in, line)) {
      if (!take(number, line)) return stopped();
      done_bytes_ += line.size() + 1;
      progress_.update(done_bytes_, total_bytes_, std::to_string(number) + " lines");
      ++number;
    }
    if (in.bad()) {
      progress_.clear();
      std::cerr << "flowmynactl: reading " << name_ << " failed\n";
      return kExitFailed;
    }
    if (!send()) return stopped();
    return summary();
  }

 private:
  bool take(std::uint64_t number, const std::string& line) {
    const LineKind kind = line_kind(line);
    if (kind == LineKind::kBlank) return true;
    if (kind == LineKind::kInvalid) {
      refuse(number, "not a JSON object");
      return true;
    }
    if (!batch_.takes(kind, line) && !send()) return false;
    batch_.add(kind, number, line);
    return true;
  }

  /// False when the agent did not take the batch.
  bool send() {
    if (batch_.empty()) return true;
    const bool events = batch_.kind() == LineKind::kEvent;
    const char* path = events ? "/api/public/v1/event/batch" : "/api/public/v1/object/batch";
    const auto answer =
        ask(client_, {"POST", path, batch_.body(), "application/x-ndjson", !events});
    if (!answer) return fail(answer.error());
    const auto accepted = client::read_accepted_batch(*answer);
    if (!accepted) return fail(accepted.error());
    (events ? events_ : objects_) += accepted->receipts.size();
    for (const auto& [index, reason] : accepted->errors) {
      if (index < batch_.size()) refuse(batch_.line_number(index), reason);
    }
    batch_.clear();
    return true;
  }

  bool fail(client::Error error) {
    error_ = std::move(error);
    return false;
  }

  void refuse(std::uint64_t number, const std::string& reason) {
    progress_.clear();
    std::cerr << name_ << ':' << number << ": " << printable(reason) << '\n';
    ++refused_;
  }

  int stopped() {
    progress_.clear();
    const int code = report(error_);
    const bool unknown = error_.kind == client::ErrorKind::kUnknownOutcome;
    std::cerr << "  lines " << batch_.first_line() << " to " << batch_.last_line()
              << (unknown ? " may or may not have been accepted" : " were not accepted") << '\n'
              << "  to go on: tail -n +" << (unknown ? batch_.last_line() + 1 : batch_.first_line())
              << " FILE | flowmynactl import -\n";
    summary();
    return code;
  }

  int summary() {
    progress_.clear();
    std::cout << "queued " << objects_ << " objects and " << events_ << " events";
    if (refused_ > 0) std::cout << ", refused " << refused_ << " lines";
    std::cout << '\n';
    return refused_ > 0 ? kExitFailed : kExitOk;
  }

  Client client_;
  std::string name_;
  std::uint64_t total_bytes_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t objects_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t refused_ = 0;
  client::Error error_;
  ImportBatch batch_;
  Progress progress_{"importing"};
};

struct ImportArguments {
  std::string path;
  bool again = false;
};

/// Some editors put one in front of UTF-8. Reading goes on after it, if it is there.
void skip_byte_order_mark(std::istream& in) {
  for (const char expected : {'\xef', '\xbb', '\xbf'}) {
    if (in.peek() != std::char_traits<char>::to_int_type(expected)) return;
    in.get();
  }
}

/// An export is read twice: to see that it is whole, and to import it. So one that comes as a
/// stream is kept in a file meanwhile, which has no name.
int import_streamed_export(const Session& session, const std::string& first_line, bool again) {
  std::string path = std::filesystem::temp_directory_path() / "flowmynactl-XXXXXX";
  const int fd = ::mkstemp(path.data());
  std::fstream kept(path, std::ios::in | std::ios::out | std::ios::binary);
  if (fd >= 0) {
    ::close(fd);
    ::unlink(path.c_str());
  }
  kept << first_line << '\n';
  if (std::cin.peek() != std::istream::traits_type::eof()) kept << std::cin.rdbuf();
  if (fd < 0 || !kept.flush()) {
    std::cerr << "flowmynactl: cannot keep the export in " << path
              << " while it is checked: free some space, or set TMPDIR\n";
    return kExitFailed;
  }
  kept.seekg(0);
  return import_export(session, "standard input", kept, again);
}

int import_stream(const Session& session, bool again) {
  skip_byte_order_mark(std::cin);
  std::string line;
  std::getline(std::cin, line);
  if (is_export_header(line)) return import_streamed_export(session, line, again);
  return Importer(session.client(), "standard input", 0).run(std::move(line), std::cin);
}

int import_file(const Session& session, const ImportArguments& arguments) {
  if (arguments.path == "-") return import_stream(session, arguments.again);
  struct stat info {};
  std::ifstream file(arguments.path, std::ios::binary);
  if (!file || ::stat(arguments.path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) {
    return report_usage("cannot read " + arguments.path + "; `-` reads standard input");
  }
  skip_byte_order_mark(file);
  const auto begin = file.tellg();
  std::string line;
  std::getline(file, line);
  if (is_export_header(line)) {
    file.clear();
    file.seekg(begin);
    return import_export(session, arguments.path, file, arguments.again);
  }
  return Importer(session.client(), arguments.path, static_cast<std::uint64_t>(info.st_size))
      .run(std::move(line), file);
}

}  // namespace

void define_import(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("import", "Queue objects and events from a file, in the file's order");
  auto arguments = std::make_shared<ImportArguments>();
  command->add_option("file", arguments->path, "One JSON object per line; `-` reads standard input")
      ->required();
  command->add_flag("--again", arguments->again,
                    "Import an export even if it overlaps an earlier one of the same device");
  command->footer(
      "A line with a member \"event\" is an event, any other an object, in the API's own form.\n"
      "A line that is refused is named on standard error; all others are queued.\n"
      "What `flowmynactl export` wrote is imported as it was, and only once: after an\n"
      "interruption run the same command again.");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return import_file(session, *arguments); };
  });
}

}  // namespace flowmyna::ctl
