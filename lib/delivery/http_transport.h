#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "delivery/transport.h"

namespace flowmyna {

struct HttpTransportOptions {
  std::string base_url;  ///< without a trailing slash
  /// Asked for at every request, so that a new key is used at once. Empty: there is none.
  std::function<std::string()> api_key;
  /// Why there is no key and what to do, in an operator's words; may be empty, or return that.
  std::function<std::string()> key_problem;
  std::chrono::milliseconds connect_timeout{10'000};
  /// How long nothing may move while a request is under way; see StallWatch.
  std::chrono::milliseconds request_timeout{60'000};
  std::string ca_file;  ///< empty: the system's; read anew at least once a minute
  std::string proxy;    ///< empty: none; "environment": as the environment says
  std::size_t connections_max = 8;
  /// uvicorn, Node.js and Apache close a connection that was idle for 5 s: the rest is for the way.
  std::chrono::seconds idle_max{4};
  /// Then its host is looked up again: a service that moved is found although the old one answers.
  std::chrono::seconds connection_age_max{300};
  /// Of head and body, unpacked. An answer to 100 items takes some 20 kB; more is not the API's.
  std::size_t answer_bytes_max = 1U << 20;
};

/// The network through libcurl's multi interface. HTTP/1.1 with one connection a request in
/// flight: requests that are sealed at the same time are independent, and a lost connection loses
/// one of them.
///
/// libcurl repeats a POST by itself when a reused connection turns out to be dead. For events that
/// decision is not its to make: the second start of one transfer is refused and reported as lost.
/// So that it seldom comes to that, no request leaves on an idle connection on which something came
/// in: it is started anew on a fresh one. (libcurl looks as well, but takes TLS's goodbye for a
/// sign of life, and looks before it waits for whatever else it does.)
///
/// What has begun to leave is kLost when no answer comes. kNotSent is what never did, whatever a
/// proxy was sent to get that far.
/// One thread uses it; `wake` may be called from any.
class HttpTransport final : public PolledTransport {
 public:
  explicit HttpTransport(HttpTransportOptions options);
  ~HttpTransport() override;

  void send(const OutgoingRequest& request, Done done) override;
  void network_changed() override;
  void poll(std::chrono::milliseconds timeout) override;
  void wake() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace flowmyna
