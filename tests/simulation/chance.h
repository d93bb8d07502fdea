#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>

namespace flowmyna::simulation {

/// All that is random in a run, from its seed.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  /// A number from `low` to `high`, both included.
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  std::size_t index(std::size_t size) {
    return static_cast<std::size_t>(number(0, static_cast<std::int64_t>(size) - 1));
  }
  bool one_in(double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  std::chrono::milliseconds between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return std::chrono::milliseconds(number(low.count(), high.count()));
  }
  /// Waits between independent happenings.
  std::chrono::milliseconds around(std::chrono::milliseconds mean) {
    const double u = std::uniform_real_distribution<double>(1e-9, 1)(random_);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(-std::log(u) * static_cast<double>(mean.count())));
  }
  template <class T>
  const T& one_of(std::span<const T> values) {
    return values[index(values.size())];
  }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + index(values.size()));
  }
  std::mt19937_64& engine() { return random_; }

 private:
  std::mt19937_64 random_;
};

}  // namespace flowmyna::simulation
