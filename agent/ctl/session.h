#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// Exit codes, as in the manual.
enum Exit : int {
  kExitOk = 0,
  kExitFailed = 1,  ///< the agent says no, or cannot be reached
  kExitUsage = 2,   ///< the command line is wrong
};

/// What the command line says: which socket, and which command with its options bound.
struct Session {
  std::string socket_path;
  std::function<int()> run;  ///< set by the command that was named; gives the exit code

  /// `wait_s`: how long its writes wait for delivery.
  Client client(unsigned wait_s = 0) const {
    client::Options options;
    options.socket_path = socket_path;
    options.wait = std::chrono::seconds(wait_s);
    return Client(std::move(options));
  }
};

/// Prints why something failed and gives the exit code for it.
int report(const client::Error& error);
int report_usage(const std::string& message);

/// A request whose answer is 200, or the error.
client::Result<client::Response> ask(Client& client, const client::Request& request);

/// Whether a person looks at the stream.
bool is_terminal(int descriptor);

}  // namespace flowmyna::ctl
