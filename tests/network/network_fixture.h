#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "e2e/rig.h"
#include "network/two_namespaces.h"

namespace flowmyna::test {

/// The stand-in on one side of a cable, and agents on the other. Without root there are no tests.
class NetworkFixture : public testing::Test {
 protected:
  void SetUp() override {
    if (!networks_.missing().empty()) {
      std::printf("SKIPPED: %s\n", networks_.missing().c_str());
      // As CI sets it: there nothing may pass unseen.
      if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip";
      GTEST_SKIP() << networks_.missing();
    }
    const std::vector<std::string> arguments = {"--address", TwoNamespaces::kApiAddress, "--admin",
                                                admin_socket_};
    rig_.emplace(arguments, networks_.on_api_side());
    rig_->set_launch(networks_.on_agent_side(), {});
  }
  void TearDown() override {
    rig_.reset();
    std::filesystem::remove(admin_socket_);
  }

  void start_agent(const std::string& settings) {
    rig_->start_agent("api.allow_insecure = true\n" + settings);
  }

  TwoNamespaces networks_;
  std::optional<Rig> rig_;

 private:
  const std::string admin_socket_ =
      std::filesystem::temp_directory_path() / ("flowmyna-sim-" + std::to_string(getpid()));
};

}  // namespace flowmyna::test
