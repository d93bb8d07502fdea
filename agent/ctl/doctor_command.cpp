#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "agent/ctl/commands.h"
#include "agent/ctl/doctor_checks.h"

namespace flowmyna::ctl {
namespace {

/// Where the outbox is by default, the agent's own rule; an agent that is configured otherwise
/// tells its use of the disk by the outbox line.
std::string state_directory() {
  if (::geteuid() == 0 || ::access("/var/lib/flowmyna-agent", F_OK) == 0) return "/var/lib";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != 0) {
    return state;
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != 0 ? home : "/";
}

/// Prints checks as they come and remembers whether one failed.
class Doctor {
 public:
  bool note(const Check& check) {
    std::cout << check_view(check) << std::flush;
    failed_ = failed_ || check.level == Level::kFail;
    return check.level != Level::kFail;
  }
  int exit_code() const { return failed_ ? kExitFailed : kExitOk; }

 private:
  bool failed_ = false;
};

void examine_agent(Client& client, Doctor& doctor) {
  const auto status = client.status();
  if (!status) {
    doctor.note({Level::kFail, "agent", status.error().message,
                 "see its log: journalctl -u flowmyna-agent"});
    return;
  }
  doctor.note({Level::kOk, "agent", "answers"});
  doctor.note(check_version(*status, FLOWMYNA_VERSION));
  doctor.note(check_state(*status));
  for (const Check& check : check_endpoints(*status)) doctor.note(check);
  doctor.note(check_stuck(*status));
  doctor.note(check_outbox(*status));
  doctor.note(check_dead_letters(*status));
  const auto health = client.request({"GET", "/api/public/v1/health"});
  doctor.note(health ? check_api(*health) : Check{Level::kFail, "API", health.error().message});
}

int examine(const Session& session) {
  Doctor doctor;
  const auto& path = session.socket_path;
  if (doctor.note(check_socket(path)) && doctor.note(check_permission(path))) {
    Client client = session.client();
    examine_agent(client, doctor);
  }
  doctor.note(check_clock());
  doctor.note(check_disk(state_directory()));
  return doctor.exit_code();
}

}  // namespace

void define_doctor(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("doctor", "Look for what keeps data from being delivered");
  command->callback([&session] { session.run = [&session] { return examine(session); }; });
}

}  // namespace flowmyna::ctl
