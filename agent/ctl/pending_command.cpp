#include <algorithm>
#include <iostream>
#include <vector>

#include "agent/ctl/arguments.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/pending_view.h"

namespace flowmyna::ctl {
namespace {

constexpr const char* kPending = "/agent/v1/pending";

struct ListArguments {
  std::string type;
  std::string id;
  std::uint64_t limit = 100;
  bool stuck = false;
  bool json = false;
};

using View = client::Result<std::string> (*)(const client::Response&);
using Receipts = std::vector<std::uint64_t>;

std::string path_of(const ListArguments& arguments) {
  std::string path = kPending + std::string("?limit=") + std::to_string(arguments.limit);
  if (arguments.stuck) path += "&stuck=true";
  if (!arguments.type.empty()) path += "&type=" + url_encode(arguments.type);
  if (!arguments.id.empty()) path += "&id=" + url_encode(arguments.id);
  return path;
}

/// Asks, and prints what `view` makes of the answer, or the answer as it is.
int print(const Session& session, const client::Request& request, View view, bool json = false) {
  Client client = session.client();
  const auto answer = ask(client, request);
  if (!answer) return report(answer.error());
  if (json) {
    std::cout << answer->body << '\n';
    return kExitOk;
  }
  const auto text = view(*answer);
  if (!text) return report(text.error());
  std::cout << *text;
  return kExitOk;
}

int list(const Session& session, const ListArguments& arguments) {
  return print(session, {"GET", path_of(arguments)}, arguments.stuck ? &stuck_view : &pending_view,
               arguments.json);
}

int drop(const Session& session, const Receipts& receipts) {
  int code = kExitOk;
  for (const std::uint64_t receipt : receipts) {
    const std::string path = kPending + ('/' + std::to_string(receipt));
    code = std::max(code, print(session, {"DELETE", path}, &dropped_view));
  }
  return code;
}

void define_drop(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("drop", "Drop them for good, and print what they were");
  command->footer(
      "No confirmation is asked for. What was merged into one on disk is dropped with it.\n"
      "One that is being sent right now is not dropped: try again once it has been answered.");
  auto receipts = std::make_shared<Receipts>();
  command->add_option("N", *receipts, "Their receipts")->required()->check(objection_to_receipt);
  command->callback([&session, receipts] {
    session.run = [&session, receipts] { return drop(session, *receipts); };
  });
}

}  // namespace

void define_pending(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("pending", "List what waits for delivery, oldest first");
  command->require_subcommand(0, 1);
  auto arguments = std::make_shared<ListArguments>();
  command->add_flag("--stuck", arguments->stuck, "Only what keeps failing while others succeed");
  command->add_option("--type", arguments->type, "Only operations on objects of this type");
  command->add_option("--id", arguments->id, "Only operations on objects with this id");
  command->add_option("--limit", arguments->limit, "At most this many")->capture_default_str();
  command->add_flag("--json", arguments->json, "Print the agent's answer as it is");
  command->callback([&session, arguments, command] {
    if (!command->get_subcommands().empty()) return;
    session.run = [&session, arguments] { return list(session, *arguments); };
  });
  define_drop(*command, session);
}

}  // namespace flowmyna::ctl
