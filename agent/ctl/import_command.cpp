#include <sys/stat.h>

#include <fstream>
#include <iostream>

#include "agent/ctl/commands.h"
#include "agent/ctl/format.h"
#include "agent/ctl/import_lines.h"
#include "agent/ctl/progress.h"
#include "client/answers.h"

namespace flowmyna::ctl {
namespace {

/// Feeds lines to the agent in the order of the file; a batch ends where the kind changes.
class Importer {
 public:
  Importer(Client client, std::string name, std::uint64_t total_bytes)
      : client_(std::move(client)), name_(std::move(name)), total_bytes_(total_bytes) {}

  int run(std::istream& in) {
    std::string line;
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
      if (!take(number, line)) return stopped();
      done_bytes_ += line.size() + 1;
      progress_.update(done_bytes_, total_bytes_, std::to_string(number) + " lines");
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

int import_file(const Session& session, const std::string& path) {
  if (path == "-") return Importer(session.client(), "standard input", 0).run(std::cin);
  struct stat info {};
  std::ifstream file(path, std::ios::binary);
  if (!file || ::stat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) {
    return report_usage("cannot read " + path + "; `-` reads standard input");
  }
  return Importer(session.client(), path, static_cast<std::uint64_t>(info.st_size)).run(file);
}

}  // namespace

void define_import(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("import", "Queue objects and events from a file, in its order");
  auto path = std::make_shared<std::string>();
  command->add_option("file", *path, "One JSON object a line; `-` reads standard input")
      ->required();
  command->footer(
      "A line with a member \"event\" is an event, any other an object, as the API takes them.\n"
      "A line that is refused is named on standard error; all others are queued.");
  command->callback(
      [&session, path] { session.run = [&session, path] { return import_file(session, *path); }; });
}

}  // namespace flowmyna::ctl
