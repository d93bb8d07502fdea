#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/body.h"
#include "sim/exchange.h"
#include "sim/faults.h"
#include "sim/options.h"
#include "sim/rate_limit.h"
#include "sim/request_log.h"
#include "sim/world.h"

namespace flowmyna::sim {

/// The API itself: takes exchanges to `/api/public/v1/…` from their head to their answer, as the
/// vendor's page documents and the faults in force say. Knows no sockets. Thread-safe.
class Api {
 public:
  Api(const SimulatorOptions& options, World& world, FaultTable& faults, RequestLog& log);

  /// The head is there. False: the connection is to be closed at once.
  bool admit(Exchange& exchange);
  /// The body is there: applies it, fills the reply, and logs the request.
  void respond(Exchange& exchange);
  void finished(const Exchange& exchange);

  std::uint64_t in_flight_max() const { return in_flight_max_; }
  void reset_in_flight_max() { in_flight_max_ = in_flight_.load(); }

 private:
  /// What became of the items of one request.
  struct Outcome {
    std::uint64_t items = 0;
    std::uint64_t applied = 0;
    std::string fault;  ///< the rule that struck
  };
  /// Items of a batch that a rule refuses, by index.
  struct Rejection {
    SharedFault fault;
    std::vector<std::uint32_t> indices;
  };

  Reply serve(Exchange& exchange, Outcome& outcome);
  Reply write(Shape shape, Exchange& exchange, Outcome& outcome);
  Reply apply(Shape shape, const Body& body, const Rejection& rejection, const Exchange& exchange);
  bool too_large(const Exchange& exchange);
  Rejection reject(Shape shape, const Body& body, const FaultDecision& decision);
  std::vector<std::uint32_t> order_of(std::size_t items, const Rejection& rejection);
  bool knows_key(const Exchange& exchange, std::string& key) const;
  void log(const Exchange& exchange, const Outcome& outcome, unsigned status);

  const SimulatorOptions& options_;
  World& world_;
  FaultTable& faults_;
  RequestLog& log_;
  RateLimit rate_limit_;
  std::mutex shuffle_mutex_;
  std::mt19937_64 shuffle_;
  std::atomic<std::uint64_t> in_flight_ = 0;
  std::atomic<std::uint64_t> in_flight_max_ = 0;
};

}  // namespace flowmyna::sim
