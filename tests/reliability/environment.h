#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace flowmyna::test {

/// A number from the environment, for campaigns that are longer than a test.
int number_from(const char* name, int otherwise);

/// FLOWMYNA_SEED, or `otherwise`, or a new one; printed.
std::uint64_t seed_of_this_run(std::optional<std::uint64_t> otherwise = std::nullopt);

/// FLOWMYNA_FILE_SYSTEM, on which a campaign is to run ("xfs"), or `otherwise`.
std::string file_system_of_this_run(const std::string& otherwise);

}  // namespace flowmyna::test
