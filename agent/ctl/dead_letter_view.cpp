#include "agent/ctl/dead_letter_view.h"

#include "agent/ctl/format.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

constexpr std::size_t kLabelColumns = 11;
constexpr const char* kIndent = "            ";  // below a receipt's column

client::Error unexpected(const client::Response& response, const std::string& what) {
  return {client::ErrorKind::kUnexpectedAnswer, "the answer " + what, response.status, {}, {}};
}

std::string line(std::string label, const std::string& text) {
  label.resize(kLabelColumns, ' ');
  return label + printable(text) + '\n';
}

std::string what_of(const RawObject& letter) {
  const auto item = RawObject::parse(letter.raw("item"));
  const std::string what = item ? operation_text(*item) : "damaged";
  const std::string receipts = letter.text("receipts");
  return receipts == "1" ? what : what + ", merged from " + counted(receipts, "operation");
}

std::string why_of(const RawObject& letter) {
  const std::string status = letter.text("status");
  return (status.empty() ? "" : status + " ") + letter.text("reason");
}

std::string operation_lines(const RawObject& operation, std::string_view raw) {
  const std::string receipt = receipt_column(operation.text("receipt"));
  if (operation.raw("damaged") == "true") {
    return receipt + "  damaged: its row fails the checksum\n";
  }
  return receipt + "  accepted " + printable(operation.text("accepted_at")) + '\n' + kIndent +
         printable(raw) + '\n';
}

}  // namespace

client::Result<std::string> dead_letters_view(const client::Response& response) {
  const auto body = RawObject::parse(response.body);
  const auto letters = body ? body->elements("dead_letters") : std::nullopt;
  if (!letters) return unexpected(response, "holds no list of dead letters");
  if (letters->empty()) return std::string("there are no dead letters\n");
  std::string view;
  std::string last;
  for (const std::string_view entry : *letters) {
    const auto letter = RawObject::parse(entry);
    if (!letter) return unexpected(response, "lists something that is not a dead letter");
    last = letter->text("id");
    view += receipt_column(last) + "  " + printable(what_of(*letter)) + '\n' + kIndent +
            printable(letter->text("at") + "  " + why_of(*letter)) + '\n';
  }
  if (body->raw("more") == "true")
    view += "there are more: continue with --after " + printable(last) + '\n';
  return view;
}

client::Result<std::string> dead_letter_view(const client::Response& response) {
  const auto letter = RawObject::parse(response.body);
  const auto operations = letter ? letter->elements("operations") : std::nullopt;
  if (!operations) return unexpected(response, "is not a dead letter");
  std::string view = "dead letter " + printable(letter->text("id")) + '\n';
  view += line("what", what_of(*letter));
  view += line("why", why_of(*letter));
  view +=
      line("since", letter->text("at") + ", after " + counted(letter->text("attempts"), "attempt"));
  if (letter->raw("item") != "null") view += line("sent as", std::string(letter->raw("item")));
  view += "operations as they were written:\n";
  for (const std::string_view raw : *operations) {
    if (const auto operation = RawObject::parse(raw)) view += operation_lines(*operation, raw);
  }
  return view;
}

client::Result<std::string> retried_view(const client::Response& response) {
  const auto body = RawObject::parse(response.body);
  const auto damaged = body ? body->elements("damaged") : std::nullopt;
  if (!damaged) return unexpected(response, "does not say what was retried");
  std::string view = "retried " + counted(printable(body->text("dead_letters")), "dead letter") +
                     ": " + counted(printable(body->text("operations")), "operation") +
                     " pending again\n";
  if (damaged->empty()) return view;
  view += "not retried, because an operation in them fails its checksum:";
  for (const std::string_view letter : *damaged) view += ' ' + printable(letter);
  return view + '\n';
}

}  // namespace flowmyna::ctl
