#include <iostream>

#include "agent/ctl/arguments.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/format.h"

namespace flowmyna::ctl {
namespace {

struct UpsertArguments {
  std::string type;
  std::string id;
  std::vector<std::string> properties;
  unsigned wait_s = 0;
};

struct EventArguments {
  std::string name;
  std::vector<std::string> objects;
  std::vector<std::string> qualifiers;
  std::string timestamp;
  std::vector<std::string> properties;
  unsigned wait_s = 0;
};

int print(const client::Result<client::Accepted>& accepted) {
  if (!accepted) return report(accepted.error());
  if (accepted->queued) {
    std::cout << "queued";
  } else {
    std::cout << "delivered as " << printable(accepted->id);
    if (accepted->created) std::cout << (*accepted->created ? " (new)" : " (updated)");
  }
  std::cout << ", receipt " << accepted->receipt << '\n';
  return kExitOk;
}

int upsert(const Session& session, const UpsertArguments& arguments) {
  const auto properties = parse_properties(arguments.properties);
  if (!properties) return report_usage(properties.error());
  return print(session.client(arguments.wait_s).upsert(arguments.type, arguments.id, *properties));
}

int event(const Session& session, const EventArguments& arguments) {
  std::vector<client::EventObject> objects;
  for (const auto& argument : arguments.objects) {
    auto object = parse_object(argument);
    if (!object) return report_usage(object.error());
    objects.push_back(*std::move(object));
  }
  for (const auto& argument : arguments.qualifiers) {
    const auto applied = apply_qualifier(argument, objects);
    if (!applied) return report_usage(applied.error());
  }
  auto properties = parse_properties(arguments.properties);
  if (!properties) return report_usage(properties.error());
  auto client = session.client(arguments.wait_s);
  return print(
      client.record_event(arguments.name, objects, {arguments.timestamp, *std::move(properties)}));
}

void add_wait(CLI::App& command, unsigned& wait_s) {
  command
      .add_option("--wait", wait_s,
                  "Wait up to this many seconds for delivery, and print the API's id")
      ->check(CLI::Range(1U, 3600U))
      ->type_name("SECONDS");
}

}  // namespace

void define_upsert(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("upsert", "Create an object or merge properties into it");
  auto arguments = std::make_shared<UpsertArguments>();
  command->add_option("type", arguments->type, "Object type, like Customer")->required();
  command->add_option("id", arguments->id, "Identifier within the type")->required();
  command->add_option("properties", arguments->properties, "name=value or name:=json");
  add_wait(*command, arguments->wait_s);
  command->footer(kPropertyHelp);
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return upsert(session, *arguments); };
  });
}

void define_event(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("event", "Record an event on one or more objects");
  auto arguments = std::make_shared<EventArguments>();
  command->add_option("name", arguments->name, "Event name, like 'Order Created'")->required();
  command->add_option("objects", arguments->objects, "TYPE:ID of each object")->required();
  command->add_option("--timestamp", arguments->timestamp, "ISO 8601; default: now");
  command->add_option("--prop", arguments->properties, "Property of the event; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  command
      ->add_option("--qualifier", arguments->qualifiers,
                   "The role of one of the objects; may be repeated")
      ->allow_extra_args(false)
      ->type_name("TYPE:ID=ROLE");
  add_wait(*command, arguments->wait_s);
  command->footer(kPropertyHelp);
  command->callback([&session, arguments] {
    session.run = [&session, arguments] { return event(session, *arguments); };
  });
}

}  // namespace flowmyna::ctl
