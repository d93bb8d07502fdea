#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "stand_in/options.h"

namespace flowmyna::stand_in {

/// A running stand-in for the FlowMyna API, for tests that want it in their own process; the
/// program flowmyna-sim is this and a command line. Listens on loopback unless told otherwise. All
/// of its state is in memory, and outlives the windows in which connections are refused.
/// Thread-safe.
class Simulator {
 public:
  /// Listening when it returns. Fails when a port or the admin's socket is taken, a key is not
  /// written as a key, or the dialect or a rule is not understood.
  static Result<std::unique_ptr<Simulator>> start(SimulatorOptions options);

  /// Closes every connection at once.
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  std::uint16_t port() const;
  /// `http://ADDRESS:PORT/api/public/v1`
  std::string base_url() const;
  /// `http://127.0.0.1:PORT`, or `unix:PATH`; serves `/sim/…` also while the API is refused.
  std::string admin_address() const;
  /// 0 when the admin listens on a Unix socket.
  std::uint16_t admin_port() const;

  // The same as the /sim/ routes, without HTTP; in force when they return.

  /// Adds a JSON list of rules.
  Result<void> add_faults(const std::string& json);
  void clear_faults();
  /// This dialect and none from before.
  Result<void> set_dialect(const std::string& json);
  void reset();
  std::string state(const std::string& type = "", const std::string& id = "") const;
  std::string counts() const;
  std::string requests(std::uint64_t since = 0) const;

 private:
  class Impl;
  explicit Simulator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flowmyna::stand_in
