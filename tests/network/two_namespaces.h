#pragma once

#include <string>
#include <vector>

namespace flowmyna::test {

/// Two network namespaces joined by a cable (a veth pair): the agent's and the API's. They and all
/// that is in them go away with this object; what a killed test left behind, with the next one.
class TwoNamespaces {
 public:
  static constexpr const char* kAgentAddress = "10.213.0.1";
  static constexpr const char* kApiAddress = "10.213.0.2";
  static constexpr const char* kSubnet = "10.213.0.0/24";

  TwoNamespaces();
  ~TwoNamespaces();
  TwoNamespaces(const TwoNamespaces&) = delete;
  TwoNamespaces& operator=(const TwoNamespaces&) = delete;

  /// Why there are none (not root, or a sandbox); empty when there are.
  const std::string& missing() const { return missing_; }

  /// What stands before a program that is to run on one side.
  std::vector<std::string> on_agent_side() const { return enter(agent_); }
  std::vector<std::string> on_api_side() const { return enter(api_); }

  /// Runs `ip ARGUMENTS` on the agent's side.
  void ip(const std::string& arguments) const;
  /// The output of a command on the agent's side.
  std::string output_of(const std::string& command) const;

  void give_route() const { ip(std::string("route add ") + kSubnet + " dev eth0"); }
  void take_route() const { ip(std::string("route del ") + kSubnet + " dev eth0"); }

  /// Throws away so many percent of the packets of each direction, without a word to either side.
  void lose(int percent) const;

 private:
  static std::vector<std::string> enter(const std::string& name);
  static void remove_leftovers();

  std::string agent_;
  std::string api_;
  std::string missing_;
};

}  // namespace flowmyna::test
