#pragma once

#include <cstring>
#include <string>
#include <string_view>

namespace flowmyna {

/// A value that must not end in a log, a core dump or an error message: the API key.
///
/// It has no operator<<, is not convertible to a string, and wipes its bytes when it goes. Whoever
/// needs the text calls `reveal()`, so that every use can be found by that name.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) {
    text_.swap(text);
    wipe(text);
  }
  ~Secret() { wipe(text_); }

  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept { text_.swap(other.text_); }
  /// By value: the old bytes leave in `other` and are wiped there.
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }

  bool empty() const { return text_.empty(); }
  std::string_view reveal() const { return text_; }

  /// Compares in a time that depends on the length of `candidate` alone, never on how many of its
  /// bytes are right. An empty secret equals nothing.
  bool equals(std::string_view candidate) const {
    unsigned difference = text_.empty() || candidate.size() != text_.size() ? 1U : 0U;
    for (std::size_t i = 0; i < candidate.size(); ++i) {
      const char own = text_.empty() ? '\0' : text_[i % text_.size()];
      difference |= static_cast<unsigned>(static_cast<unsigned char>(own ^ candidate[i]));
    }
    return difference == 0;
  }

 private:
  static void wipe(std::string& text) {
    text.resize(text.capacity());  // a short text that was moved away still lies in the buffer
    explicit_bzero(text.data(), text.size());
    text.clear();
  }

  std::string text_;
};

}  // namespace flowmyna
