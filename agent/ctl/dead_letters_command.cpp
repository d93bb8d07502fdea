#include <algorithm>
#include <iostream>
#include <vector>

#include "agent/ctl/commands.h"
#include "agent/ctl/dead_letter_export.h"
#include "agent/ctl/dead_letter_view.h"

namespace flowmyna::ctl {
namespace {

constexpr const char* kLetters = "/agent/v1/dead-letters";

using View = client::Result<std::string> (*)(const client::Response&);
using Ids = std::vector<std::uint64_t>;

struct ListArguments {
  std::uint64_t after = 0;
  std::uint64_t limit = 100;
  bool json = false;
};

struct RetryArguments {
  Ids letters;
  bool all = false;
};

struct ExportArguments {
  std::string file;
  bool force = false;
};

std::string path_of(std::uint64_t letter) {
  return std::string(kLetters) + '/' + std::to_string(letter);
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
  const std::string query =
      "?after=" + std::to_string(arguments.after) + "&limit=" + std::to_string(arguments.limit);
  return print(session, {"GET", kLetters + query}, &dead_letters_view, arguments.json);
}

int retry_all(const Session& session) {
  return print(session, {"POST", std::string(kLetters) + "/retry"}, &retried_view);
}

int retry(const Session& session, const Ids& letters) {
  int code = kExitOk;
  for (const std::uint64_t letter : letters) {
    code = std::max(code, print(session, {"POST", path_of(letter) + "/retry"}, &retried_view));
  }
  return code;
}

client::Result<std::string> dropped_view(const client::Response& response) {
  auto view = dead_letter_view(response);
  return view ? client::Result<std::string>("dropped " + *view) : view;
}

int drop(const Session& session, const Ids& letters) {
  int code = kExitOk;
  for (const std::uint64_t letter : letters) {
    code = std::max(code, print(session, {"DELETE", path_of(letter)}, &dropped_view));
  }
  return code;
}

void define_list(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<ListArguments>();
  const auto add_options = [&arguments](CLI::App* command) {
    command->add_option("--after", arguments->after, "Only those with a higher number");
    command->add_option("--limit", arguments->limit, "At most this many")->capture_default_str();
    command->add_flag("--json", arguments->json, "Print the agent's answer as it is");
  };
  const auto run = [&session, arguments] {
    session.run = [&session, arguments] { return list(session, *arguments); };
  };
  add_options(&app);
  app.callback([&app, run] {
    if (app.get_subcommands().empty()) run();
  });
  auto* command = app.add_subcommand("list", "List them, oldest first (the default)");
  add_options(command);
  command->callback(run);
}

void define_show(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("show", "Show one in full");
  struct Arguments {
    std::uint64_t letter = 0;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  command->add_option("N", arguments->letter, "Its number")->required();
  command->add_flag("--json", arguments->json, "Print the agent's answer as it is");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] {
      return print(session, {"GET", path_of(arguments->letter)}, &dead_letter_view,
                   arguments->json);
    };
  });
}

void define_retry(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("retry", "Put them back into the backlog");
  command->footer(
      "What was delivered meanwhile is not undone: a retried operation comes after it, and\n"
      "overwrites newer values of the same properties. Look at it with `show` first.");
  auto arguments = std::make_shared<RetryArguments>();
  auto* numbers = command->add_option("N", arguments->letters, "Their numbers");
  command->add_flag("--all", arguments->all, "All that exist now")->excludes(numbers);
  command->callback([&session, arguments] {
    if (!arguments->all && arguments->letters.empty()) throw CLI::RequiredError("N or --all");
    session.run = [&session, arguments] {
      return arguments->all ? retry_all(session) : retry(session, arguments->letters);
    };
  });
}

void define_drop(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("drop", "Drop them for good, and print what they were");
  auto letters = std::make_shared<Ids>();
  command->add_option("N", *letters, "Their numbers")->required();
  command->callback([&session, letters] {
    session.run = [&session, letters] { return drop(session, *letters); };
  });
}

void define_export_letters(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("export", "Write all of them to a file, one JSON object per line");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("FILE", arguments->file, "File to write")->required();
  command->add_flag("--force", arguments->force, "Replace the file if it exists");
  command->callback([&session, arguments] {
    session.run = [&session, arguments] {
      return export_dead_letters(session, arguments->file, arguments->force);
    };
  });
}

}  // namespace

void define_dead_letters(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("dead-letters",
                                     "List, retry, drop or export what the API refused for good");
  command->require_subcommand(0, 1);
  for (const auto define :
       {define_list, define_show, define_retry, define_drop, define_export_letters}) {
    define(*command, session);
  }
}

}  // namespace flowmyna::ctl
