#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::stand_in {

/// The key that is accepted when none is given; it opens nothing but this stand-in.
inline constexpr std::string_view kDemoKey = "fm_live_demo0000demo0000demo0000demo0000";

/// Path under which the API's endpoints lie, as at the vendor.
inline constexpr std::string_view kApiPath = "/api/public/v1";

struct SimulatorOptions {
  std::string address = "127.0.0.1";  ///< of the API, IPv4; beyond loopback for networks of a test
  std::uint16_t port = 0;             ///< of the API; 0: the kernel chooses
  /// Of the second listener for /sim/, which stays when the API refuses connections: a port on
  /// 127.0.0.1 (0: the kernel chooses), or the path of a Unix socket.
  std::string admin = "0";
  std::vector<std::string> keys = {std::string(kDemoKey)};
  std::chrono::milliseconds latency{0};  ///< every answer of the API is held back so long
  std::string dialect;                   ///< its document, from the start and after a reset
  std::string faults;                    ///< a JSON list of rules, from the start
  bool log_bodies = false;
  std::size_t log_limit = 100'000;  ///< requests kept in the log
  std::uint64_t rate_limit = 0;     ///< requests in one window and key; 0: no limit
  std::chrono::milliseconds rate_window{60'000};
  std::optional<std::uint64_t> shuffle_seed;  ///< applies the items of a batch in random order
  bool keep_history = true;                   ///< of events, with the states that they found
  bool print_requests = false;                ///< one line for each on standard output
};

/// Whether `key` is written as the vendor's keys are: `fm_live_` and 32 URL-safe characters.
bool is_well_formed_key(std::string_view key);

}  // namespace flowmyna::stand_in
