#pragma once

#include <cstdint>

namespace flowmyna::test {

/// A number from the environment, for campaigns that are longer than a test.
int number_from(const char* name, int otherwise);

/// FLOWMYNA_SEED, or a new one; printed.
std::uint64_t seed_of_this_run();

}  // namespace flowmyna::test
