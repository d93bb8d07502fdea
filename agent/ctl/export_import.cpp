#include "agent/ctl/export_import.h"

#include <iostream>

#include "agent/ctl/arguments.h"
#include "agent/ctl/export_file.h"
#include "agent/ctl/format.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

// As ImportBatch: progress is seen, and a body stays below the agent's limit unless one line alone
// is longer.
constexpr std::size_t kMaxLines = 1000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

class ExportImporter {
 public:
  ExportImporter(Client client, std::string name, ExportSummary summary)
      : client_(std::move(client)), name_(std::move(name)), summary_(std::move(summary)) {}

  int run(std::istream& file, bool again) {
    const auto state = ask(client_, {"GET", path()});
    if (!state) return report(state.error());
    const auto body = RawObject::parse(state->body);
    done_ = body ? to_number(body->raw("lines")) : 0;
    const auto other_through = body ? to_number(body->raw("other_through")) : 0;
    if (done_ >= summary_.lines && summary_.lines > 0) {
      std::cout << "imported before: nothing to do\n";
      return kExitOk;
    }
    if (done_ == 0 && !again && summary_.first != 0 && other_through >= summary_.first) {
      return refuse(other_through);
    }
    if (!send_all(file)) return kExitFailed;
    return tell();
  }

 private:
  static std::uint64_t to_number(std::string_view digits) {
    return digits.empty() ? 0 : std::strtoull(std::string(digits).c_str(), nullptr, 10);
  }

  std::string path() const {
    return "/agent/v1/imports/" + url_encode(summary_.id) +
           "?source=" + url_encode(summary_.source);
  }

  int refuse(std::uint64_t through) const {
    std::cerr << "flowmynactl: another export of the same device, up to its receipt " << through
              << ", was imported here; this one begins with receipt " << summary_.first
              << " and would import operations a second time\n"
              << "  --again imports it anyway\n";
    return kExitFailed;
  }

  bool send_all(std::istream& file) {
    std::string line;
    std::getline(file, line);  // the header
    std::uint64_t bytes = line.size() + 1;
    for (std::uint64_t number = 1; number <= summary_.lines && std::getline(file, line); ++number) {
      bytes += line.size() + 1;
      if (number <= done_) continue;
      if (lines_ == kMaxLines || (lines_ > 0 && body_.size() + line.size() > kMaxBytes)) {
        if (!send()) return false;
      }
      body_ += line + '\n';
      ++lines_;
      progress_.update(bytes, summary_.bytes, std::to_string(number) + " lines");
    }
    return lines_ == 0 || send();
  }

  bool send() {
    const std::string place = path() + "&through=" + std::to_string(summary_.through) +
                              "&line=" + std::to_string(done_ + 1);
    const auto answer = ask(client_, {"POST", place, body_, "application/x-ndjson"});
    if (!answer) {
      progress_.clear();
      report(answer.error());
      std::cerr
          << "  " << done_ << " of " << summary_.lines
          << " lines are known to be imported; the same command goes on from there, and imports "
             "nothing twice\n";
      return false;
    }
    done_ += lines_;
    lines_ = 0;
    body_.clear();
    return true;
  }

  int tell() {
    progress_.clear();
    std::cout << "imported " << summary_.operations << " pending operations and "
              << summary_.letters << " dead letters\n";
    if (summary_.maybe_sent > 0) {
      std::cout
          << summary_.maybe_sent
          << " of the events may have been sent by the other device already: they are treated "
             "as delivery.on_unknown says, and counted\n";
    }
    if (summary_.unsynchronised > 0) std::cout << describe_unsynchronised(summary_.unsynchronised);
    return kExitOk;
  }

  Client client_;
  std::string name_;
  ExportSummary summary_;
  std::uint64_t done_ = 0;  ///< lines that the agent has
  std::uint64_t lines_ = 0;
  std::string body_;
  Progress progress_{"importing"};
};

}  // namespace

int import_export(const Session& session, const std::string& name, std::istream& file, bool again) {
  const auto begin = file.tellg();
  const auto summary = check_export(file);
  if (!summary) {
    std::cerr << "flowmynactl: " << printable(name) << " was not imported: " << summary.error()
              << '\n';
    return kExitFailed;
  }
  file.clear();
  file.seekg(begin);
  return ExportImporter(session.client(), name, *summary).run(file, again);
}

}  // namespace flowmyna::ctl
