#include <iostream>

#include "agent/ctl/arguments.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/pending_view.h"

namespace flowmyna::ctl {
namespace {

struct PendingArguments {
  std::string type;
  std::string id;
  std::uint64_t limit = 100;
  bool json = false;
};

std::string path_of(const PendingArguments& arguments) {
  std::string path = "/agent/v1/pending?limit=" + std::to_string(arguments.limit);
  if (!arguments.type.empty()) path += "&type=" + url_encode(arguments.type);
  if (!arguments.id.empty()) path += "&id=" + url_encode(arguments.id);
  return path;
}

int pending(const Session& session, const PendingArguments& arguments) {
  Client client = session.client();
  const auto answer = ask(client, {"GET", path_of(arguments)});
  if (!answer) return report(answer.error());
  if (arguments.json) {
    std::cout << answer->body << '\n';
    return kExitOk;
  }
  const auto view = pending_view(*answer);
  if (!view) return report(view.error());
  std::cout << *view;
  return kExitOk;
}

}  // namespace

void define_pending(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("pending", "List what waits for delivery, oldest first");
  auto arguments = std::make_shared<PendingArguments>();
  command->add_option("--type", arguments->type, "Only operations on objects of this type");
  command->add_option("--id", arguments->id, "Only operations on objects with this id");
  command->add_option("--limit", arguments->limit, "At most so many")->capture_default_str();
  command->add_flag("--json", arguments->json, "Print the agent's answer as it is");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return pending(session, *arguments); };
  });
}

}  // namespace flowmyna::ctl
