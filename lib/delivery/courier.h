#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "delivery/transport.h"

namespace flowmyna {

struct CourierOptions {
  std::string base_url;  ///< without a trailing slash
  /// Asked for at every request, so that a new key is used at once.
  std::function<std::string()> api_key;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{60'000};
  std::string ca_file;  ///< empty: the system's
  std::string proxy;    ///< empty: as the environment says
  std::size_t connections_max = 8;
  /// An answer to 100 items takes some 20 kB; more than this is not the API's.
  std::size_t answer_bytes_max = 4U << 20;
};

/// The network through libcurl's multi interface. HTTP/1.1 with one connection a request in
/// flight: within a wave requests are independent, and a lost connection loses one of them.
///
/// libcurl repeats a POST by itself when a reused connection turns out to be dead. For events that
/// decision is not its to make: the second start of one transfer is refused and reported as lost.
/// One thread uses it; `wake` may be called from any.
class Courier final : public Transport {
 public:
  explicit Courier(CourierOptions options);
  ~Courier() override;

  void send(const OutgoingRequest& request, Done done) override;
  void network_changed() override;

  /// Moves bytes and calls back what is done; waits up to `timeout` for something to do.
  void poll(std::chrono::milliseconds timeout);
  /// Ends a `poll` that waits.
  void wake();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace flowmyna
