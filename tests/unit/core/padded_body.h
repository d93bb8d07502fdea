#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "core/decode.h"

namespace flowmyna::test {

/// A body at the end of a heap block of its own, with exactly the padding behind it that a decoder
/// may read: one byte further, and AddressSanitizer speaks. `fill` is what stands in the padding.
class PaddedBody {
 public:
  explicit PaddedBody(std::string_view body, char fill = '\0')
      : block_(std::make_unique<char[]>(body.size() + Decoder::kPadding)), size_(body.size()) {
    if (!body.empty()) std::memcpy(block_.get(), body.data(), size_);
    std::memset(block_.get() + size_, fill, Decoder::kPadding);
  }
  std::string_view view() const { return {block_.get(), size_}; }

 private:
  std::unique_ptr<char[]> block_;
  std::size_t size_;
};

}  // namespace flowmyna::test
