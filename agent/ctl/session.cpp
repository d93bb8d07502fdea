#include "agent/ctl/session.h"

#include <unistd.h>

#include <iostream>

#include "agent/ctl/format.h"

namespace flowmyna::ctl {

int report(const client::Error& error) {
  std::cerr << "flowmynactl: " << printable(error.message) << '\n';
  if (error.retry_after.count() > 0) {
    std::cerr << "  try again in " << error.retry_after.count() << " s\n";
  }
  if (error.kind == client::ErrorKind::kUnreachable) {
    std::cerr << "  `flowmynactl doctor` looks for the cause\n";
  }
  return error.kind == client::ErrorKind::kInvalid ? kExitUsage : kExitFailed;
}

int report_usage(const std::string& message) {
  std::cerr << "flowmynactl: " << printable(message) << '\n';
  return kExitUsage;
}

client::Result<client::Response> ask(Client& client, const client::Request& request) {
  auto response = client.request(request);
  if (!response) return response;
  if (auto error = client::error_of(*response)) return *std::move(error);
  return response;
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

}  // namespace flowmyna::ctl
