#include "agent/ctl/pending_view.h"

#include <cstdlib>

#include "agent/ctl/format.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

constexpr const char* kIndent = "            ";  // below a receipt's column

client::Error unexpected(const client::Response& response, const std::string& what) {
  return {client::ErrorKind::kUnexpectedAnswer, "the answer " + what, response.status, {}, {}};
}

std::string seconds_text(const std::string& seconds) {
  return duration_text(std::strtod(seconds.c_str(), nullptr));
}

std::string operation_line(const RawObject& operation, const std::string& addition = "") {
  return receipt_column(operation.text("receipt")) + "  " +
         printable(operation_text(operation) + addition) + '\n';
}

std::string stuck_lines(const RawObject& operation) {
  const auto stuck = RawObject::parse(operation.raw("stuck"));
  if (!stuck) return operation_line(operation);
  const auto others = stuck->elements("with");
  const std::string company =
      others && !others->empty()
          ? ", merged with " + counted(std::to_string(others->size()), "other")
          : "";
  const std::string why = stuck->text("last_error");
  return operation_line(operation, company) + kIndent +
         printable("for " + seconds_text(stuck->text("for_seconds")) + ", " +
                   counted(stuck->text("attempts"), "attempt") + ", the next in " +
                   seconds_text(stuck->text("next_attempt_in_seconds")) +
                   (why.empty() ? "" : ": " + why)) +
         '\n';
}

/// `lines` makes one operation's, `none` stands for an empty list.
client::Result<std::string> list_view(const client::Response& response,
                                      std::string (*lines)(const RawObject&), const char* none) {
  const auto body = RawObject::parse(response.body);
  const auto pending = body ? body->elements("pending") : std::nullopt;
  if (!pending) return unexpected(response, "holds no list of pending operations");
  std::string view;
  for (const std::string_view entry : *pending) {
    if (const auto operation = RawObject::parse(entry)) view += lines(*operation);
  }
  const bool has_more = body->raw("more") == "true";
  if (view.empty() && !has_more) return std::string(none);
  return has_more ? view + "there are more: raise --limit\n" : view;
}

}  // namespace

client::Result<std::string> pending_view(const client::Response& response) {
  return list_view(
      response, [](const RawObject& operation) { return operation_line(operation); },
      "nothing is pending\n");
}

client::Result<std::string> stuck_view(const client::Response& response) {
  return list_view(response, &stuck_lines, "nothing is stuck\n");
}

client::Result<std::string> dropped_view(const client::Response& response) {
  const auto operation = RawObject::parse(response.body);
  if (!operation || operation->text("state") != "dropped") {
    return unexpected(response, "does not say what was dropped");
  }
  return "dropped " + printable(operation->text("receipt") + ": " + operation_text(*operation)) +
         '\n' + printable(response.body) + '\n';
}

}  // namespace flowmyna::ctl
