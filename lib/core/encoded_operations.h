#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/operation.h"

namespace flowmyna {

/// Operations in their stored form, one after the other in one buffer. (No stored form is empty.)
class EncodedOperations {
 public:
  std::size_t size() const { return bytes_.empty() ? 0 : further_.size() + 1; }
  bool empty() const { return bytes_.empty(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : further_[i - 1];
    const std::size_t end = i == further_.size() ? bytes_.size() : further_[i];
    return std::string_view(bytes_).substr(begin, end - begin);
  }
  std::size_t bytes() const { return bytes_.size(); }
  /// Makes room for so many bytes in all.
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  void add(const Operation& operation) {
    begin();
    operation.encode(bytes_);
  }
  void add_stored(std::string_view stored) {
    begin();
    bytes_.append(stored);
  }

 private:
  void begin() {
    if (!bytes_.empty()) further_.push_back(bytes_.size());
  }

  std::string bytes_;
  std::vector<std::size_t> further_;  // where each but the first one begins
};

/// Operations that were accepted at one moment. A view.
struct AcceptedOperations {
  const EncodedOperations& operations;
  std::int64_t unix_s;
};

}  // namespace flowmyna
