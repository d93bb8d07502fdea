#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "agent/ctl/commands.h"
#include "agent/ctl/status_view.h"

namespace flowmyna::ctl {
namespace {

constexpr std::chrono::seconds kWatchPeriod{1};
/// Cursor home and clear to the end: less flicker than clearing first (ECMA-48, CUP and ED).
constexpr const char* kHomeAndClear = "\x1b[H\x1b[J";

int status(const Session& session, bool json) {
  Client client = session.client();
  if (json) {
    const auto answer = ask(client, {"GET", "/agent/v1/status"});
    if (!answer) return report(answer.error());
    std::cout << answer->body << '\n';
    return kExitOk;
  }
  const auto status = client.status();
  if (!status) return report(status.error());
  std::cout << status_view(*status);
  return kExitOk;
}

/// Ends with ^C, so an agent that is away is shown and waited for.
[[noreturn]] void watch(const Session& session) {
  Client client = session.client();
  std::optional<client::Status> before;
  auto asked_at = std::chrono::steady_clock::now();
  while (true) {
    const auto status = client.status();
    const auto now = std::chrono::steady_clock::now();
    if (is_terminal(STDOUT_FILENO)) std::cout << kHomeAndClear;
    if (status) {
      const std::chrono::duration<double> elapsed = now - asked_at;
      std::cout << status_view(*status);
      if (before) std::cout << rate_view(*before, *status, std::max(elapsed.count(), 1e-3));
      before = *status;
    } else {
      std::cout << status.error().message << '\n';
      before.reset();
    }
    std::cout << std::endl;
    asked_at = now;
    std::this_thread::sleep_until(now + kWatchPeriod);
  }
}

}  // namespace

void define_status(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("status", "Show the outbox and the state of delivery");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print the agent's answer as it is");
  command->callback(
      [&session, json] { session.run = [&session, json] { return status(session, *json); }; });
}

void define_watch(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("watch", "Show the status every second until ^C");
  command->callback([&session] { session.run = [&session]() -> int { watch(session); }; });
}

}  // namespace flowmyna::ctl
