#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/secret.h"
#include "core/result.h"

namespace flowmyna {

/// What the configuration takes from the process around it, as a value: tests give another one.
struct Environment {
  std::map<std::string, std::string> variables;
  uid_t euid = 0;
  /// The uid of a user name, nothing when there is no such user.
  std::function<std::optional<uid_t>(const std::string& name)> find_user;

  /// As it is now. The key is wiped from where others could read it (/proc/PID/environ, and what
  /// child processes inherit), so call it once; no other thread may use the environment meanwhile.
  static Environment take_from_process();

  /// Empty when not set; the XDG specification and we take empty for not set.
  std::string get(const std::string& name) const;
};

/// [api]: where the API is, and how much is asked of it at a time.
struct ApiConfig {
  /// Without a slash at the end. Default: the vendor's documented base URL.
  std::string url = "https://api.flowmyna.com/api/public/v1";
  /// From FLOWMYNA_API_KEY, else from key_file, else empty: then operations are only accepted.
  Secret key;
  /// Why the configured source of the key gives none (yet), and what to do; empty when there is a
  /// key, or no source is configured. Never contains what was found in the key's place.
  std::string key_problem;
  std::filesystem::path key_file;
  /// A connection that takes longer is on a network that does not work; backing off is cheaper.
  std::chrono::milliseconds connect_timeout{10'000};
  /// Generous, because giving up on a slow answer to events means not knowing their outcome.
  std::chrono::milliseconds request_timeout{60'000};
  /// Enough to hide the round trip, far below the 50 connections per key that are announced.
  unsigned max_in_flight = 8;
  /// Announced by the vendor. 0: no limit.
  unsigned max_requests_per_minute = 1000;
  std::filesystem::path ca_file;  ///< empty: the system's certificates
  /// Empty: direct, whatever the environment says; "environment": as that says (http_proxy, …).
  std::string proxy;
  bool allow_insecure = false;  ///< http:// beyond loopback would send the key in the clear
};

/// [listen]: where local applications find the agent.
struct ListenConfig {
  std::filesystem::path socket;  ///< default: default_socket_path()
  /// The agent's user and the group; others are let in by socket_group or by a wider mode.
  mode_t socket_mode = 0660;
  std::string socket_group;  ///< empty: the group of the agent's process
  std::string tcp;           ///< "127.0.0.1:8765"; empty: off
  /// A batch of 10,000 items of 1 KiB fits.
  std::uint64_t max_body_bytes = 16ULL << 20U;
  /// Half of the usual limit of 1024 open files; the rest is for delivery and the outbox.
  unsigned max_connections = 512;
  std::vector<uid_t> allow_users;  ///< empty: whom the socket's mode lets in
};

enum class Durability {
  kFull,     ///< an answer survives a power cut
  kRelaxed,  ///< an answer survives kill -9, but perhaps not a power cut
};

enum class OnClone {
  kKeep,     ///< what waits in an image that was copied from another machine is delivered
  kDiscard,  ///< it is set aside
};

/// [outbox]: the store on disk.
struct OutboxConfig {
  std::filesystem::path path;  ///< a directory; default: default_state_directory()
  /// Days of a busy machine offline, and small beside any disk of today. Database and WAL together.
  std::uint64_t max_size_bytes = 1ULL << 30U;
  /// Damaged files that are kept beside the store. More would fill the disk of a machine that
  /// nobody looks at; with fewer there would be none to repair.
  std::size_t max_damaged = 1;
  /// The first promise: an answer means durable.
  Durability durability = Durability::kFull;
  /// Nothing is dropped silently.
  OnClone on_clone = OnClone::kKeep;
};

enum class OnUnknown {
  kResend,  ///< an event whose outcome is unknown is sent again, and counted
  kHold,    ///< it is kept for a person
};

/// [delivery]: when and how operations leave.
struct DeliveryConfig {
  /// Gathers a burst into one request; still feels immediate to a person who watches.
  std::chrono::milliseconds linger{200};
  /// The API's limit.
  unsigned batch_items = 100;
  /// The vendor documents no limit; common reverse proxies refuse bodies above 1 MiB.
  std::uint64_t batch_bytes = 1ULL << 20U;
  /// Object types of which only the final state matters; see the order rule.
  std::vector<std::string> latest_types;
  /// Losing an event is worse than one that is there twice, counted and with the same key.
  OnUnknown on_unknown = OnUnknown::kResend;
  /// The first step that the vendor advises on 429.
  std::chrono::milliseconds retry_initial{1000};
  /// Notices a repaired server within minutes without hammering a broken one.
  std::chrono::milliseconds retry_max{300'000};
  /// An item that fails while others succeed may fail only for now: an hour outlasts a deployment
  /// of the API, and still shows a bad item within the shift.
  std::chrono::milliseconds dead_letter_after{3'600'000};
};

enum class LogFormat { kText, kJson };

/// [log]
struct LogConfig {
  std::string level = "info";  ///< trace, debug, info, warn, error, critical or off
  LogFormat format = LogFormat::kText;
};

struct Config {
  ApiConfig api;
  ListenConfig listen;
  OutboxConfig outbox;
  DeliveryConfig delivery;
  LogConfig log;
  /// Settings that are allowed but unwise, one line each, for the log.
  std::vector<std::string> warnings;
};

/// Where a packaged agent has its configuration. load_config never looks there by itself.
inline constexpr const char* kSystemConfigFile = "/etc/flowmyna-agent/agent.toml";

/// The configuration in effect: defaults, then the file when there is one, then FLOWMYNA_API_KEY
/// and FLOWMYNA_API_URL. Reads the file, the key file, and nothing else.
///
/// Every error is kInvalid and one line that names the place (file and line, or the variable) and
/// says what to do; it never contains a key.
///
/// The key and the file of certificates may be missing or unusable without an error: only delivery
/// needs them, they come from elsewhere, and they are taken once they appear; operations are
/// accepted meanwhile. `api.key_problem` and `warnings` say so. All else is written in the
/// configuration itself, so a person is there to correct it.
Result<Config> load_config(const std::optional<std::filesystem::path>& file,
                           const Environment& environment);

/// Where the socket is when nobody says so: default_socket_place() of core/places.h, by which
/// clients find it as well.
std::filesystem::path default_socket_path(const Environment& environment);

/// Likewise for the outbox: default_state_place().
std::filesystem::path default_state_directory(const Environment& environment);

/// The key in a file, without white space at its end. When group or others may read the file, a
/// line is added to `warnings`. Never waits, whatever the file is.
Result<Secret> read_key_file(const std::filesystem::path& path, std::vector<std::string>& warnings);

/// Whether a key looks like one: "fm_live_" and 32 URL-safe characters. `source` is where it came
/// from, for the message, which does not contain the key.
Result<void> check_key_shape(const Secret& key, const std::string& source);

/// Both, for the file of api.key_file: when the configuration is loaded, and when the file changed.
Result<Secret> load_key_file(const std::filesystem::path& path, std::vector<std::string>& warnings);

/// The effective configuration as TOML, for --check: load_config reads it back as the same
/// values. In place of the key there is a comment on whether there is one, and the credentials of
/// a proxy are masked.
std::string describe(const Config& config);

}  // namespace flowmyna
