#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "stand_in/dialect_book.h"
#include "stand_in/endpoints.h"
#include "stand_in/exchange.h"
#include "stand_in/faults.h"
#include "stand_in/options.h"
#include "stand_in/rate_limit.h"
#include "stand_in/rejection.h"
#include "stand_in/request_log.h"
#include "stand_in/world.h"

namespace flowmyna::stand_in {

/// The API itself: takes exchanges to `/api/public/v1/…` from their head to their answer, as the
/// vendor's page documents and the faults and the dialect in force say. Knows no sockets.
/// Thread-safe.
class Api {
 public:
  Api(const SimulatorOptions& options, World& world, FaultTable& faults, DialectBook& dialects,
      RequestLog& log);

  /// The head is there. False: the connection is to be closed at once.
  bool admit(Exchange& exchange);
  /// The body is there: applies it, fills the reply, and logs the request.
  void respond(Exchange& exchange);
  void finished(const Exchange& exchange);

  std::uint64_t in_flight_max() const { return in_flight_max_; }
  void reset_in_flight_max() { in_flight_max_ = in_flight_.load(); }

 private:
  /// What was asked, as far as it can be told before anything is done.
  struct Request {
    const Endpoint* endpoint = nullptr;  ///< null: there is none
    RequestFacts facts;
    std::optional<JsonProblem> problem;
    std::shared_ptr<const Dialect> dialect;
  };
  /// What became of the items of one request.
  struct Outcome {
    std::uint64_t items = 0;
    std::uint64_t applied = 0;
    std::string fault;  ///< the rule that struck
  };

  /// The body in the result is the calling thread's until its next call.
  static Request read(Exchange& exchange);
  Reply serve(const Request& request, const Exchange& exchange, Outcome& outcome);
  Reply write(const Request& request, const Exchange& exchange, Outcome& outcome);
  Reply apply(const Request& request, const Exchange& exchange, std::vector<std::uint32_t> order,
              const Rejection& rejection);
  std::vector<std::uint32_t> order_of(std::size_t items, const Rejection& rejection);
  bool knows_key(const Exchange& exchange, std::string& key) const;
  void log(const Exchange& exchange, const Outcome& outcome, unsigned status);

  const SimulatorOptions& options_;
  World& world_;
  FaultTable& faults_;
  DialectBook& dialects_;
  RequestLog& log_;
  RateLimit rate_limit_;
  std::mutex shuffle_mutex_;
  std::mt19937_64 shuffle_;
  std::atomic<std::uint64_t> in_flight_ = 0;
  std::atomic<std::uint64_t> in_flight_max_ = 0;
};

}  // namespace flowmyna::stand_in
