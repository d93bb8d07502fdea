#include "agent/ctl/commands.h"
#include "agent/process/standard_descriptors.h"

namespace {

/// In the order of --help.
constexpr void (*kCommands[])(CLI::App&, flowmyna::ctl::Session&) = {
    flowmyna::ctl::define_status,  flowmyna::ctl::define_watch,
    flowmyna::ctl::define_upsert,  flowmyna::ctl::define_event,
    flowmyna::ctl::define_import,  flowmyna::ctl::define_export,
    flowmyna::ctl::define_backup,  flowmyna::ctl::define_receipt,
    flowmyna::ctl::define_pending, flowmyna::ctl::define_dead_letters,
    flowmyna::ctl::define_flush,   flowmyna::ctl::define_pause,
    flowmyna::ctl::define_resume,  flowmyna::ctl::define_doctor,
};

}  // namespace

int main(int argc, char** argv) {
  flowmyna::open_standard_descriptors();
  flowmyna::ctl::Session session;
  session.socket_path = flowmyna::client::default_socket_path();
  CLI::App app("Talks to a running flowmyna-agent over its socket.", "flowmynactl");
  app.set_version_flag("--version", FLOWMYNA_VERSION);
  app.add_option("--socket", session.socket_path, "The agent's socket (or $FLOWMYNA_SOCKET)")
      ->capture_default_str()
      ->type_name("PATH");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Exit codes: 0 done, 1 the agent refused or cannot be reached, 2 wrong usage.");
  for (const auto define : kCommands) define(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? flowmyna::ctl::kExitOk : flowmyna::ctl::kExitUsage;
  }
  return session.run();
}
