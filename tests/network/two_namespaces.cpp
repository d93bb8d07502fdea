#include "network/two_namespaces.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace flowmyna::test {
namespace {

// With the test's process id behind it, by which a later test tells whether it is still in use.
constexpr const char* kAgentPrefix = "flowmyna-agent-";
constexpr const char* kApiPrefix = "flowmyna-api-";

struct Ran {
  int code = -1;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char piece[4096];
  while (const std::size_t size = fread(piece, 1, sizeof piece, pipe)) {
    ran.output.append(piece, size);
  }
  ran.code = pclose(pipe);
  return ran;
}

void must(const std::string& command) {
  const Ran ran = run(command);
  EXPECT_EQ(ran.code, 0) << command << ": " << ran.output;
}

}  // namespace

TwoNamespaces::TwoNamespaces()
    : agent_(kAgentPrefix + std::to_string(getpid())), api_(kApiPrefix + std::to_string(getpid())) {
  remove_leftovers();
  std::vector<std::string> commands = {
      "ip netns add " + agent_, "ip netns add " + api_,
      "ip -n " + agent_ + " link add eth0 type veth peer name eth0 netns " + api_};
  for (const auto& [name, address] :
       {std::pair(agent_, kAgentAddress), std::pair(api_, kApiAddress)}) {
    commands.push_back("ip -n " + name + " link set lo up");
    commands.push_back("ip -n " + name + " addr add " + address + "/24 dev eth0");
    commands.push_back("ip -n " + name + " link set eth0 up");
    commands.push_back("ip netns exec " + name + " true");  // mounts /sys: not in every chroot
  }
  for (const std::string& command : commands) {
    const Ran ran = run(command);
    if (ran.code == 0) continue;
    missing_ = "needs two network namespaces (root, iproute2, veth, a mountable /sys): " + command +
               ": " + ran.output;
    return;
  }
}

TwoNamespaces::~TwoNamespaces() {
  for (const std::string& name : {agent_, api_}) run("ip netns del " + name);
}

void TwoNamespaces::remove_leftovers() {
  std::istringstream lines(run("ip netns list").output);
  for (std::string name; lines >> name;) {
    for (const std::string prefix : {kAgentPrefix, kApiPrefix}) {
      if (!name.starts_with(prefix)) continue;
      const pid_t owner = std::atoi(name.c_str() + prefix.size());
      if (owner > 0 && kill(owner, 0) != 0) run("ip netns del " + name);
    }
  }
}

std::vector<std::string> TwoNamespaces::enter(const std::string& name) {
  return {"/usr/bin/env", "ip", "netns", "exec", name};
}

void TwoNamespaces::ip(const std::string& arguments) const {
  must("ip -n " + agent_ + " " + arguments);
}

std::string TwoNamespaces::output_of(const std::string& command) const {
  const Ran ran = run("ip netns exec " + agent_ + " " + command);
  EXPECT_EQ(ran.code, 0) << command << ": " << ran.output;
  return ran.output;
}

void TwoNamespaces::lose(int percent) const {
  const std::string nft = "ip netns exec " + agent_ + " nft ";
  must(nft + "flush ruleset");
  if (percent == 0) return;
  must(nft + "add table inet lossy");
  const std::string some = "numgen random mod 100 < " + std::to_string(percent);
  for (const std::string hook : {"input", "output"}) {
    must(nft + "'add chain inet lossy " + hook + " { type filter hook " + hook + " priority 0; }'");
    must(nft + "'add rule inet lossy " + hook + " meta " + hook.front() + "ifname eth0 " +
         (percent < 100 ? some : "") + " drop'");
  }
}

}  // namespace flowmyna::test
