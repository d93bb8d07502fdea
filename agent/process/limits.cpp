#include "agent/process/limits.h"

#include <signal.h>

#include <algorithm>

#include "agent/config/units.h"

namespace flowmyna {
namespace {

/// Files that are open at one time besides connections and transfers: the outbox and a salvage of
/// it, the servers, what is watched, the log; twice the most that was ever seen, plus the key and
/// the certificates, which are read now and then.
constexpr rlim_t kOwnFiles = 64;
/// A transfer's connection, a second address that is tried beside it, and its resolver's pair.
constexpr rlim_t kFilesPerTransfer = 4;
/// With fewer there is no use in starting.
constexpr rlim_t kFewestConnections = 8;

void raise(rlimit& limit, rlim_t wanted) {
  if (limit.rlim_cur < wanted) limit.rlim_cur = std::min(wanted, limit.rlim_max);
}

Result<void> fit_open_files(rlimit& limit, Config& config) {
  const rlim_t others = kOwnFiles + kFilesPerTransfer * config.api.max_in_flight;
  const rlim_t wanted = others + config.listen.max_connections;
  raise(limit, wanted);
  if (limit.rlim_cur >= wanted) return {};
  const std::string raise_it =
      " (RLIMIT_NOFILE); raise the hard limit, LimitNOFILE= in the systemd unit or `ulimit -Hn`, "
      "to ";
  const std::string allowed = std::to_string(limit.rlim_cur);
  if (limit.rlim_cur < others + kFewestConnections) {
    return fail(Error::Kind::kInvalid, "this process may open only " + allowed + " files" +
                                           raise_it + std::to_string(wanted) + ", or to " +
                                           std::to_string(others + kFewestConnections) +
                                           " at the very least");
  }
  const auto connections = static_cast<unsigned>(limit.rlim_cur - others);
  config.warnings.push_back("listen.max_connections is " + std::to_string(connections) +
                            " instead of " + std::to_string(config.listen.max_connections) +
                            ", since this process may open only " + allowed + " files" + raise_it +
                            std::to_string(wanted));
  config.listen.max_connections = connections;
  return {};
}

void fit_file_size(rlimit& limit, Config& config) {
  raise(limit, config.outbox.max_size_bytes);
  if (limit.rlim_cur >= config.outbox.max_size_bytes) return;
  config.warnings.push_back(
      "no file of this process may grow beyond " + format_size(limit.rlim_cur) +
      " (RLIMIT_FSIZE), and the outbox is full at that size: raise the hard limit, LimitFSIZE= in "
      "the systemd unit or `ulimit -Hf`, or set outbox.max_size below it (it is " +
      format_size(config.outbox.max_size_bytes) + ")");
}

}  // namespace

Result<void> fit(ProcessLimits& limits, Config& config) {
  fit_file_size(limits.file_bytes, config);
  return fit_open_files(limits.open_files, config);
}

Result<void> fit_process_limits(Config& config) {
  signal(SIGXFSZ, SIG_IGN);
  ProcessLimits limits;
  getrlimit(RLIMIT_NOFILE, &limits.open_files);
  getrlimit(RLIMIT_FSIZE, &limits.file_bytes);
  auto fitted = fit(limits, config);
  // Never above the hard limits, so this is always allowed.
  setrlimit(RLIMIT_NOFILE, &limits.open_files);
  setrlimit(RLIMIT_FSIZE, &limits.file_bytes);
  return fitted;
}

}  // namespace flowmyna
