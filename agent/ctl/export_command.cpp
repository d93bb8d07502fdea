#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <thread>

#include "agent/ctl/commands.h"
#include "agent/ctl/export_file.h"
#include "agent/ctl/format.h"
#include "agent/ctl/new_file.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

constexpr const char* kExports = "/agent/v1/exports";
constexpr std::chrono::milliseconds kPollPeriod{200};
constexpr std::size_t kDropAtOnce = 1000;

struct ExportArguments {
  std::string file;
  bool move = false;
  bool drop = false;
  bool force = false;
};

std::uint64_t to_number(std::string_view digits) {
  return digits.empty() ? 0 : std::strtoull(std::string(digits).c_str(), nullptr, 10);
}

/// An export that the agent has begun: its backlog stands still, and is read page by page.
class ExportSession {
 public:
  explicit ExportSession(Client client) : client_(std::move(client)) {}

  /// Waits for what is under way. False after the reason was printed.
  bool begin() {
    Progress progress("exporting");
    while (true) {
      auto answer = ask(client_, {"POST", kExports});
      if (answer) {
        begun_ = std::move(answer->body);
        break;
      }
      const bool will_end =
          answer.error().http_status == 503 && answer.error().retry_after.count() > 0;
      if (!will_end) {
        progress.clear();
        report(answer.error());
        return false;
      }
      progress.update(0, 0, "waiting for what is under way");
      std::this_thread::sleep_for(kPollPeriod);
    }
    const auto body = RawObject::parse(begun_);
    id_ = body ? body->text("export") : "";
    through_ = body ? to_number(body->raw("through")) : 0;
    return true;
  }

  /// Calls `take` for each line, until it says no or the backlog ends; false after an error, whose
  /// reason was printed.
  bool each_line(const char* label, const std::function<bool(std::string_view)>& take) {
    Progress progress(label);
    std::uint64_t after = 0;
    for (bool more = true; more;) {
      const auto answer = ask(client_, {"GET", path() + "?after=" + std::to_string(after)});
      if (!answer) {
        progress.clear();
        report(answer.error());
        return false;
      }
      std::string_view rest = answer->body;
      std::string_view line;
      while (!rest.empty()) {
        line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (!rest.empty() && !take(line)) return false;
      }
      const auto end = RawObject::parse(line);
      if (!end) {
        progress.clear();
        std::cerr << "flowmynactl: the agent's answer is cut off\n";
        return false;
      }
      after = to_number(end->raw("through"));
      more = end->raw("more") == "true";
      damaged_ += to_number(end->raw("damaged"));
      progress.update(after, through_, "receipt " + std::to_string(after));
    }
    return true;
  }

  std::string path() const { return std::string(kExports) + '/' + id_; }
  const std::string& begun() const { return begun_; }
  Client& client() { return client_; }
  std::uint64_t damaged() const { return damaged_; }

 private:
  Client client_;
  std::string begun_;
  std::string id_;
  std::uint64_t through_ = 0;
  std::uint64_t damaged_ = 0;
};

/// Drops in the agent what a file holds, except what has changed there since.
class Dropper {
 public:
  Dropper(ExportSession& session, std::istream& file) : session_(session), file_(file) {
    std::getline(file_, line_);  // the header
    next();
  }

  bool run() {
    const bool done = session_.each_line("dropping", [this](std::string_view line) {
      const ExportLine here = read_export_line(line);
      while (there_.receipt != 0 && there_.receipt < here.receipt) next();
      const bool is_the_same = there_.receipt == here.receipt &&
                               there_.is_letter == here.is_letter && there_.content == here.content;
      if (!is_the_same) return true;
      return here.is_letter ? drop_letter(here.receipt) : drop(here.receipt);
    });
    return done && send();
  }

  std::uint64_t operations() const { return operations_; }
  std::uint64_t letters() const { return letters_; }

 private:
  void next() {
    there_ = {};
    if (std::getline(file_, line_)) there_ = read_export_line(line_);
  }

  bool drop(std::uint64_t receipt) {
    receipts_ += (receipts_.empty() ? "" : ",") + std::to_string(receipt);
    return ++count_ < kDropAtOnce || send();
  }

  bool send() {
    if (count_ == 0) return true;
    const auto answer =
        ask(session_.client(), {"POST", session_.path() + "/drop",
                                R"({"receipts":[)" + receipts_ + "]}", "application/json", true});
    if (!answer) {
      report(answer.error());
      return false;
    }
    operations_ += count_;
    receipts_.clear();
    count_ = 0;
    return true;
  }

  bool drop_letter(std::uint64_t letter) {
    const auto answer =
        ask(session_.client(), {"DELETE", "/agent/v1/dead-letters/" + std::to_string(letter)});
    if (!answer) {
      report(answer.error());
      return false;
    }
    ++letters_;
    return true;
  }

  ExportSession& session_;
  std::istream& file_;
  std::string line_;
  ExportLine there_;
  std::string receipts_;
  std::size_t count_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t letters_ = 0;
};

/// Writes the whole export; the numbers of operations and dead letters in it, or nothing after an
/// error that was printed unless `write` failed.
struct Written {
  std::uint64_t operations = 0;
  std::uint64_t letters = 0;
  std::uint64_t unsynchronised = 0;
};

std::optional<Written> write_export(ExportSession& session,
                                    const std::function<bool(std::string_view)>& write) {
  Written written;
  ExportSum sum;
  const std::string header = export_header(session.begun()) + '\n';
  sum.add(header);
  if (!write(header)) return std::nullopt;
  const bool done = session.each_line("exporting", [&](std::string_view line) {
    const ExportLine read = read_export_line(line);
    (read.is_letter ? written.letters : written.operations) += 1;
    written.unsynchronised += read.unsynchronised;
    sum.add_line(line);
    return write(std::string(line) + '\n');
  });
  if (!done || !write(sum.last_line() + '\n')) return std::nullopt;
  return written;
}

void tell(std::ostream& out, const Written& written, const std::string& file,
          const ExportSession& session) {
  out << "wrote " << written.operations << " pending operations and " << written.letters
      << " dead letters to " << file << '\n';
  if (session.damaged() > 0) {
    out << session.damaged()
        << " dead letters are not in it, because an operation in them fails its checksum\n";
  }
  if (written.unsynchronised > 0) out << describe_unsynchronised(written.unsynchronised);
}

int export_to_standard_output(ExportSession& session) {
  const auto write = [](std::string_view bytes) {
    return static_cast<bool>(
        std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size())));
  };
  const auto written = write_export(session, write);
  if (!written || !std::cout.flush()) return kExitFailed;
  tell(std::cerr, *written, "standard output", session);
  return kExitOk;
}

/// What the agent holds beside what was exported.
void tell_rest(Client& client) {
  const auto status = client.status();
  if (!status || status->outbox.pending + status->outbox.dead_letters == 0) return;
  std::cout << "this device still holds " << status->outbox.pending << " pending operations and "
            << status->outbox.dead_letters << " in dead letters, which are not in the file\n";
}

int drop_exported(ExportSession& session, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto summary = check_export(file);
  if (!summary) {
    std::cerr << "flowmynactl: nothing was dropped for " << printable(path) << ": "
              << summary.error() << '\n';
    return kExitFailed;
  }
  file.clear();
  file.seekg(0);
  Dropper dropper(session, file);
  const bool done = dropper.run();
  std::cout << "dropped " << dropper.operations() << " pending operations and " << dropper.letters()
            << " dead letters here\n";
  if (!done) {
    std::cerr << "  the rest is both in the file and here: once delivery is paused,\n"
              << "  `flowmynactl export --drop " << printable(path) << "` drops it\n";
    return kExitFailed;
  }
  tell_rest(session.client());
  return kExitOk;
}

int export_to_file(ExportSession& session, const ExportArguments& arguments) {
  NewFile out(arguments.file, arguments.force);
  if (!out.is_open()) return out.report();
  bool is_writable = true;
  const auto written =
      write_export(session, [&](std::string_view bytes) { return is_writable = out.write(bytes); });
  if (!is_writable) return out.report();
  if (!written) return kExitFailed;
  if (!out.put_into_place()) return out.report();
  tell(std::cout, *written, arguments.file, session);
  if (arguments.move) return drop_exported(session, arguments.file);
  std::cout << "this device still holds them, and delivers them when it is resumed or restarted;\n"
            << "once they have arrived elsewhere: flowmynactl export --drop "
            << printable(arguments.file) << '\n';
  return kExitOk;
}

int run_export(const Session& session, const ExportArguments& arguments) {
  const bool is_stream = arguments.file == "-";
  if (is_stream && (arguments.move || arguments.drop)) {
    return report_usage(
        "--move and --drop need a file: the agent cannot tell whether a stream was kept");
  }
  ExportSession exporting(session.client());
  if (!exporting.begin()) return kExitFailed;
  if (is_stream) return export_to_standard_output(exporting);
  return arguments.drop ? drop_exported(exporting, arguments.file)
                        : export_to_file(exporting, arguments);
}

}  // namespace

void define_export(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand(
      "export", "Write pending operations and dead letters to a file, for another device");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("FILE", arguments->file, "File to write; `-` is standard output")->required();
  auto* move =
      command->add_flag("--move", arguments->move,
                        "Once the file is safely on disk, drop from this device what is in it");
  auto* drop = command->add_flag(
      "--drop", arguments->drop,
      "Write nothing; drop from this device what an earlier export wrote to FILE");
  auto* force = command->add_flag("--force", arguments->force, "Replace the file if it exists");
  drop->excludes(move)->excludes(force);
  move->excludes(force);
  command->footer(
      "Delivery must be paused (`flowmynactl pause`), so that nothing is sent from both devices.\n"
      "On the other device: `flowmynactl import FILE`.");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return run_export(session, *arguments); };
  });
}

}  // namespace flowmyna::ctl
