#include "agent/ctl/pending_view.h"

#include <algorithm>

#include "agent/ctl/format.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {

client::Result<std::string> pending_view(const client::Response& response) {
  const auto body = RawObject::parse(response.body);
  const auto pending = body ? body->elements("pending") : std::nullopt;
  if (!pending) {
    return client::Error{client::ErrorKind::kUnexpectedAnswer,
                         "the answer holds no list of pending operations",
                         response.status,
                         {},
                         {}};
  }
  std::string view;
  for (const std::string_view entry : *pending) {
    const auto operation = RawObject::parse(entry);
    if (!operation) continue;
    view += receipt_column(operation->text("receipt")) + "  " +
            printable(operation_text(*operation)) + '\n';
  }
  if (view.empty()) return std::string("nothing is pending\n");
  if (body->raw("more") == "true") view += "there are more: raise --limit\n";
  return view;
}

}  // namespace flowmyna::ctl
