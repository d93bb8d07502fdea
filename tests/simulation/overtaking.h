#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "delivery/foreman.h"
#include "ledger.h"

namespace flowmyna::simulation {

/// Nothing grows old without end: while its endpoint takes what it gets and has a place, an
/// operation that waits for nothing leaves before more than a few requests of what was accepted
/// after it have left.
///
/// Told from outside, of one operation of each kind at a time: the oldest that no request has
/// carried yet and that shares no object with what was accepted before it and is pending. Counted
/// are the requests that leave for the first time and carry nothing as old.
class Overtaking {
 public:
  Overtaking(const ForemanOptions& options, const Ledger& ledger, Findings& findings)
      : options_(options), ledger_(ledger), findings_(findings) {}

  /// The request with this key, sealed, leaves.
  void sent(const std::string& key);
  void answered(Kind kind, bool took_something);
  /// Delivery begins anew, or what is read again may go first.
  void forget() {
    watched_ = {};
    first_pending_ = 1;
  }
  /// Nothing is under way any more.
  void crashed() {
    forget();
    under_way_ = {};
  }
  /// The most requests that ever overtook something.
  std::size_t most() const { return most_; }

 private:
  struct Watched {
    Receipt receipt = 0;
    std::size_t overtaken = 0;
  };

  void watch_another(Kind kind);
  bool has_left(Receipt receipt) const;
  bool is_pending(Receipt receipt) const;
  std::size_t places() const;
  void count(Kind kind, Receipt lowest_sent);

  const ForemanOptions& options_;
  const Ledger& ledger_;
  Findings& findings_;
  std::array<std::optional<Watched>, kKinds> watched_;
  std::array<std::size_t, kKinds> under_way_{};
  std::array<bool, kKinds> takes_{};  // what the endpoint got last
  std::set<std::uint64_t> left_;      // seals, by number
  Receipt first_pending_ = 1;         // nothing before it is pending
  std::size_t requests_ = 0;
  std::size_t most_ = 0;
};

}  // namespace flowmyna::simulation
