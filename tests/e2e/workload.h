#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace flowmyna::test {

/// One operation as a writer sends it, and what it means.
struct Step {
  std::string path;
  std::string body;
  nlohmann::json meaning;
};

/// Random operations on a few objects, and the reference: what the API would hold had it received
/// every accepted one in turn. Values are small integers and nulls, so that a JSON tree may hold
/// them.
class Workload {
 public:
  explicit Workload(std::uint64_t seed) : random_(seed) {}

  Step next();
  void accepted(const Step& step);
  std::size_t count() const { return count_; }

  /// Fails the test where the API's state differs: objects, and what each event found. An event may
  /// be there more than once only as often as the agent says it might.
  void compare(const nlohmann::json& api_state, std::size_t duplicates_possible) const;

 private:
  nlohmann::json random_object();
  nlohmann::json random_properties();
  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  std::mt19937_64 random_;
  int made_ = 0;
  std::size_t count_ = 0;
  std::map<std::string, nlohmann::json> objects_;  // by id: what is set
  std::map<std::string, nlohmann::json> found_;    // by event: what it found, by object
};

}  // namespace flowmyna::test
