#include "reliability/environment.h"

#include <cstdio>
#include <cstdlib>
#include <random>

namespace flowmyna::test {

int number_from(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

std::uint64_t seed_of_this_run(std::optional<std::uint64_t> otherwise) {
  const char* text = std::getenv("FLOWMYNA_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10)
                             : otherwise     ? *otherwise
                                             : std::random_device()();
  std::printf("FLOWMYNA_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

std::string file_system_of_this_run(const std::string& otherwise) {
  const char* text = std::getenv("FLOWMYNA_FILE_SYSTEM");
  return text == nullptr ? otherwise : text;
}

}  // namespace flowmyna::test
