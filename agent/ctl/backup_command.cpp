#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>

#include "agent/ctl/commands.h"
#include "agent/ctl/format.h"
#include "agent/ctl/new_file.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

constexpr const char* kBackups = "/agent/v1/backups";

struct BackupArguments {
  std::string file;
  bool force = false;
};

std::uint64_t number(const RawObject& object, std::string_view name) {
  return std::strtoull(std::string(object.raw(name)).c_str(), nullptr, 10);
}

/// A copy that the agent makes of its outbox; the agent gives it up when this is gone.
class AgentsCopy {
 public:
  explicit AgentsCopy(Client client) : client_(std::move(client)) {}
  ~AgentsCopy() {
    if (!path_.empty()) (void)client_.request({"DELETE", path_, "", "application/json", true});
  }
  AgentsCopy(const AgentsCopy&) = delete;
  AgentsCopy& operator=(const AgentsCopy&) = delete;

  /// Has it made; each of these is false after the reason was printed.
  bool make() {
    const auto begun = ask({"POST", kBackups});
    const auto body = begun ? RawObject::parse(*begun) : std::nullopt;
    if (!begun) return false;
    if (!body || body->text("backup").empty()) return is_not_understood();
    path_ = std::string(kBackups) + '/' + body->text("backup");
    while (true) {
      const auto answer = ask({"POST", path_, "", "application/json", true});
      if (!answer) return false;
      const auto progress = RawObject::parse(*answer);
      if (!progress) return is_not_understood();
      const std::string state = progress->text("state");
      bytes_ = number(*progress, "bytes");
      if (state == "ready") return true;
      const auto done = number(*progress, "done");
      const auto of = number(*progress, "of");
      progress_.update(done, of,
                       state == "checking" ? "checking " + std::to_string(of) + " operations"
                                           : "copying " + bytes_text(of));
    }
  }

  /// Calls `take` for each piece of it; true as well when that said no.
  bool read(const std::function<bool(std::string_view)>& take) {
    std::uint64_t from = 0;
    while (from < bytes_) {
      const auto piece = ask({"GET", path_ + "?from=" + std::to_string(from)});
      if (!piece) return false;
      if (piece->empty() || piece->size() > bytes_ - from) return is_not_understood();
      if (!take(*piece)) return true;
      from += piece->size();
      progress_.update(from, bytes_, "writing " + bytes_text(bytes_));
    }
    progress_.clear();
    return true;
  }

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::optional<std::string> ask(const client::Request& request) {
    auto answer = ctl::ask(client_, request);
    if (answer) return std::move(answer->body);
    progress_.clear();
    report(answer.error());
    return std::nullopt;
  }
  bool is_not_understood() {
    progress_.clear();
    std::cerr << "flowmynactl: the agent's answer cannot be understood\n";
    return false;
  }

  Client client_;
  std::string path_;  // empty: there is none
  std::uint64_t bytes_ = 0;
  Progress progress_{"backup"};
};

void tell(std::ostream& out, const AgentsCopy& copy, const std::string& file) {
  out << "wrote " << bytes_text(copy.bytes()) << " to " << printable(file)
      << "; flowmynactl(1) says how to restore it\n";
}

int backup_to_standard_output(AgentsCopy& copy) {
  if (!copy.make()) return kExitFailed;
  const bool is_read = copy.read([](std::string_view bytes) {
    return static_cast<bool>(
        std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size())));
  });
  if (!is_read) return kExitFailed;
  if (!std::cout.flush()) {
    std::cerr << "flowmynactl: cannot write to standard output\n";
    return kExitFailed;
  }
  tell(std::cerr, copy, "standard output");
  return kExitOk;
}

int run_backup(const Session& session, const BackupArguments& arguments) {
  AgentsCopy copy(session.client());
  if (arguments.file == "-") return backup_to_standard_output(copy);
  NewFile out(arguments.file, arguments.force);
  if (!out.is_open()) return out.report();
  if (!copy.make()) return kExitFailed;
  bool is_writable = true;
  if (!copy.read([&](std::string_view bytes) { return is_writable = out.write(bytes); })) {
    return kExitFailed;
  }
  if (!is_writable || !out.put_into_place()) return out.report();
  tell(std::cout, copy, arguments.file);
  return kExitOk;
}

}  // namespace

void define_backup(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("backup", "Write a copy of the whole outbox, while it is in use");
  auto arguments = std::make_shared<BackupArguments>();
  command->add_option("FILE", arguments->file, "File to write; `-` is standard output")->required();
  command->add_flag("--force", arguments->force, "Replace the file if it exists");
  command->footer(
      "Only for root and the user that the agent runs as. To restore: stop the agent, put the\n"
      "file in the place of outbox.db, remove outbox.db-wal, and start the agent; see "
      "flowmynactl(1).");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return run_backup(session, *arguments); };
  });
}

}  // namespace flowmyna::ctl
