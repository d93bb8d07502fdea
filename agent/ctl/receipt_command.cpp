#include <algorithm>
#include <iostream>
#include <vector>

#include "agent/ctl/arguments.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/format.h"

namespace flowmyna::ctl {
namespace {

using Receipts = std::vector<std::uint64_t>;

std::string fate_line(const client::Fate& fate) {
  std::string text = fate.state;
  if (fate.status != 0) text += ", HTTP " + std::to_string(fate.status);
  if (!fate.reason.empty()) text += ": " + fate.reason;
  const bool is_of_another = fate.dead_letter != 0 && fate.dead_letter != fate.receipt;
  if (is_of_another) text += " (dead letter " + std::to_string(fate.dead_letter) + ")";
  return receipt_column(std::to_string(fate.receipt)) + "  " + printable(text) + '\n';
}

int show(const Session& session, const Receipts& receipts) {
  Client client = session.client();
  int code = kExitOk;
  for (const std::uint64_t receipt : receipts) {
    const auto fate = client.fate_of(receipt);
    if (fate) {
      std::cout << fate_line(*fate);
    } else {
      code = std::max(code, report(fate.error()));
    }
  }
  return code;
}

}  // namespace

void define_receipt(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("receipt", "Show what became of operations");
  auto receipts = std::make_shared<Receipts>();
  command->add_option("N", *receipts, "Their receipts")->required()->check(objection_to_receipt);
  command->callback([&session, receipts] {
    session.run = [&session, receipts] { return show(session, *receipts); };
  });
}

}  // namespace flowmyna::ctl
