#include "agent/ctl/doctor_checks.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "agent/ctl/format.h"
#include "agent/ctl/status_view.h"

namespace flowmyna::ctl {
namespace {

constexpr std::size_t kSubjectColumns = 14;
/// Share of the quota from which on a longer outage may end in 507.
constexpr double kNearlyFull = 0.9;
/// The outbox cannot be synced on a full disk, whatever its quota.
constexpr std::uint64_t kLowDiskBytes = std::uint64_t{256} << 20;

const char* word(Level level) {
  switch (level) {
    case Level::kOk:
      return "ok    ";
    case Level::kWarn:
      return "warn  ";
    default:
      return "FAIL  ";
  }
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// What delivery or an endpoint does; `last_error` is why.
Check check_delivery(const std::string& subject, const std::string& state,
                     const std::string& last_error) {
  const DeliveryWords words = words_of(state);
  if (words.finding == nullptr) return {Level::kOk, subject, state};
  const bool has_reason = state != name_of(DeliveryState::kPaused) && !last_error.empty();
  return {words.level, subject, words.finding + (has_reason ? ": " + last_error : ""), words.hint};
}

}  // namespace

std::string check_view(const Check& check) {
  std::string subject = check.subject;
  subject.resize(std::max(kSubjectColumns, subject.size() + 1), ' ');
  std::string view = word(check.level) + subject + printable(check.finding) + '\n';
  if (!check.hint.empty()) view += "      " + std::string(kSubjectColumns, ' ') + check.hint + '\n';
  return view;
}

Check check_state(const client::Status& status) {
  return check_delivery("delivery", status.delivery.state, status.delivery.last_error);
}

std::vector<Check> check_endpoints(const client::Status& status) {
  const auto& delivery = status.delivery;
  std::vector<Check> checks;
  for (const auto& [name, endpoint] :
       {std::pair("objects", delivery.object), std::pair("events", delivery.event)}) {
    if (!is_worse(endpoint, delivery.state)) continue;
    checks.push_back(check_delivery(name, endpoint.state, endpoint.last_error));
  }
  return checks;
}

Check check_stuck(const client::Status& status) {
  const auto& stuck = status.delivery.stuck;
  if (stuck.operations == 0) return {Level::kOk, "stuck", "none"};
  const std::string because = stuck.last_error.empty() ? "" : ": " + stuck.last_error;
  return {
      Level::kWarn, "stuck", std::to_string(stuck.operations) + because,
      "they fail while others succeed, and are tried again; `flowmynactl pending --stuck` shows "
      "them, `flowmynactl pending drop N` drops one"};
}

Check check_outbox(const client::Status& status) {
  const auto& outbox = status.outbox;
  const std::string finding = std::to_string(outbox.pending) + " pending, " +
                              bytes_text(outbox.size_bytes) + " of " +
                              bytes_text(outbox.quota_bytes);
  const bool nearly_full =
      outbox.quota_bytes > 0 && static_cast<double>(outbox.size_bytes) >=
                                    kNearlyFull * static_cast<double>(outbox.quota_bytes);
  if (outbox.state == "failed") {
    return {Level::kFail, "outbox", outbox.last_error,
            "writers get 503 until it works again; the agent keeps trying, no restart is needed"};
  }
  if (outbox.state == "full") {
    return {Level::kWarn, "outbox", outbox.last_error,
            "writers get 507 until there is room; nothing that was accepted is lost"};
  }
  if (!outbox.damaged_file.empty()) {
    return {Level::kWarn, "outbox",
            "it was damaged, and is kept as " + outbox.damaged_file + "; " +
                (outbox.lost_is_exact ? "" : "as far as is known ") + std::to_string(outbox.lost) +
                " operations are lost",
            "check the disk; send that file and its log (same name with -wal) in for repair "
            "(flowmyna-agent(8), DAMAGE), then move both away"};
  }
  if (!nearly_full) return {Level::kOk, "outbox", finding};
  return {Level::kWarn, "outbox", finding,
          "nearly full: writers will get 507; let it deliver or raise [outbox] max_size"};
}

Check check_dead_letters(const client::Status& status) {
  const auto count = status.outbox.dead_letters;
  if (count == 0) return {Level::kOk, "dead letters", "none"};
  return {Level::kWarn, "dead letters", std::to_string(count),
          "the API refused these operations; `flowmynactl dead-letters` gives its reasons"};
}

Check check_version(const client::Status& status, const std::string& own_version) {
  if (status.version == own_version) return {Level::kOk, "version", status.version};
  return {Level::kWarn, "version", "agent " + status.version + ", flowmynactl " + own_version,
          "restart the agent after an upgrade: systemctl restart flowmyna-agent"};
}

Check check_api(const client::Response& health) {
  if (health.status == 200) return {Level::kOk, "API", "has answered"};
  if (health.status == 503) {
    return {Level::kWarn, "API", "not reached since the agent was started",
            "check the network and [api] url; until then everything is kept"};
  }
  const auto error = client::error_of(health);
  return {Level::kFail, "API", error ? error->message : "no answer",
          "`flowmynactl status` shows the last error"};
}

Check check_socket(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return {Level::kFail, "socket", path + ": " + reason(errno),
            "start the agent (systemctl start flowmyna-agent), or name its socket with --socket"};
  }
  if (!S_ISSOCK(info.st_mode)) {
    return {Level::kFail, "socket", path + " is not a socket", "name the agent's with --socket"};
  }
  return {Level::kOk, "socket", path};
}

Check check_permission(const std::string& path) {
  if (::access(path.c_str(), R_OK | W_OK) == 0) return {Level::kOk, "permission", "may be used"};
  return {Level::kFail, "permission", reason(errno),
          "join the group of [listen] socket_group, or change [listen] socket_mode"};
}

/// The kernel knows whether a time service steers its clock (adjtimex(2)).
Check check_clock() {
  timex state{};
  const int result = ::adjtimex(&state);
  if (result < 0) return {Level::kWarn, "clock", "unknown: " + reason(errno)};
  if (result != TIME_ERROR && (state.status & STA_UNSYNC) == 0) {
    return {Level::kOk, "clock", "synchronised"};
  }
  return {Level::kWarn, "clock", "not synchronised",
          "events without a timestamp get this clock's time; run a time service (timedatectl)"};
}

Check check_disk(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) {
    return {Level::kWarn, "disk", directory + ": " + reason(errno)};
  }
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::string finding = bytes_text(free_bytes) + " free in " + directory;
  if (free_bytes >= kLowDiskBytes) return {Level::kOk, "disk", finding};
  return {Level::kWarn, "disk", finding, "make room: writers get 507 when the disk is full"};
}

}  // namespace flowmyna::ctl
