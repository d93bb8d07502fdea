#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/ctl/commands.h"
#include "agent/ctl/delivery_words.h"
#include "agent/ctl/format.h"
#include "agent/ctl/progress.h"

namespace flowmyna::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollPeriod{200};

struct FlushArguments {
  bool wait = false;
  double timeout_seconds = 0;  ///< 0: as long as it takes
};

std::string standing_of(const client::Status& status) {
  const auto stuck = status.delivery.stuck.operations;
  return std::to_string(status.outbox.pending) + " pending, " + printable(status.delivery.state) +
         (stuck > 0 ? ", " + std::to_string(stuck) + " stuck" : "");
}

int wait_until_empty(Client& client, double timeout_seconds) {
  const auto started = Clock::now();
  std::uint64_t most = 0;
  Progress progress("delivering");
  while (true) {
    const auto status = client.status();
    if (!status) {
      progress.clear();
      return report(status.error());
    }
    const auto pending = status->outbox.pending;
    if (pending == 0) break;
    most = std::max(most, pending);
    progress.update(most - pending, most, standing_of(*status));
    const char* hint = words_of(status->delivery.state).standstill;
    const std::chrono::duration<double> waited = Clock::now() - started;
    const bool late = timeout_seconds > 0 && waited.count() >= timeout_seconds;
    if (hint != nullptr || late) {
      progress.clear();
      std::cerr << "flowmynactl: " << pending << " operations are still pending: "
                << (hint != nullptr ? hint : "not delivered in time, see `flowmynactl status`")
                << '\n';
      return kExitFailed;
    }
    std::this_thread::sleep_for(kPollPeriod);
  }
  progress.clear();
  std::cout << "nothing is pending\n";
  return kExitOk;
}

/// Posts to a control route and gives one field of the answer as text.
client::Result<std::string> control(Client& client, const std::string& path, const char* field) {
  const auto answer = ask(client, {"POST", path, "", "application/json", true});
  if (!answer) return answer.error();
  const auto body = nlohmann::json::parse(answer->body, nullptr, false);
  if (!body.is_object() || !body.contains(field)) {
    return client::Error{client::ErrorKind::kUnexpectedAnswer,
                         "the answer of " + path + " has no " + field,
                         answer->status,
                         {},
                         {}};
  }
  const auto& value = body.at(field);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

int flush(const Session& session, const FlushArguments& arguments) {
  Client client = session.client();
  const auto pending = control(client, "/agent/v1/flush", "pending");
  if (!pending) return report(pending.error());
  if (arguments.wait) return wait_until_empty(client, arguments.timeout_seconds);
  std::cout << "pending " << printable(*pending) << '\n';
  return kExitOk;
}

int set_state(const Session& session, const std::string& path) {
  Client client = session.client();
  const auto state = control(client, path, "state");
  if (!state) return report(state.error());
  std::cout << "state " << printable(*state) << '\n';
  return kExitOk;
}

}  // namespace

void define_flush(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("flush", "Deliver now instead of waiting for more");
  auto arguments = std::make_shared<FlushArguments>();
  auto* wait = command->add_flag("--wait", arguments->wait, "Wait until nothing is pending");
  command->add_option("--timeout", arguments->timeout_seconds, "Give up waiting after this long")
      ->needs(wait)
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return flush(session, *arguments); };
  });
}

void define_pause(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("pause", "Stop delivering; writes are still accepted");
  command->callback(
      [&session] { session.run = [&session] { return set_state(session, "/agent/v1/pause"); }; });
}

void define_resume(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("resume", "Deliver again");
  command->callback(
      [&session] { session.run = [&session] { return set_state(session, "/agent/v1/resume"); }; });
}

}  // namespace flowmyna::ctl
