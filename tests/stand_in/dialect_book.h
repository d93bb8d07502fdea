#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/result.h"
#include "stand_in/dialect.h"
#include "stand_in/faults.h"

namespace flowmyna::stand_in {

/// The dialect in force, and how it came about. Thread-safe.
class DialectBook {
 public:
  /// `rest`: what holds where no document says otherwise.
  explicit DialectBook(Dialect rest);

  /// The document of the command line, to which restore() comes back.
  Result<void> start_with(const std::string& document);

  /// This document and nothing of the one before.
  Result<void> replace(const std::string& document);
  /// This document over the one before.
  Result<void> amend(const std::string& changes);
  void restore();

  /// The dialect of one request: the one in force, and over it those of the rules that struck.
  std::shared_ptr<const Dialect> for_request(const std::vector<SharedFault>& rules) const;

  /// The document in force.
  std::string show() const;

 private:
  Result<void> set_locked(const std::string& document);

  const Dialect rest_;
  mutable std::mutex mutex_;
  std::string first_ = "{}";
  std::string document_ = "{}";
  std::shared_ptr<const Dialect> dialect_;
};

}  // namespace flowmyna::stand_in
