#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/fuzz/codec_invariants.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/judge_invariants.h"

namespace flowmyna::test {
namespace {

// About two seconds with sanitizers; FLOWMYNA_FUZZ_RUNS=1000000 for a night.
constexpr std::uint64_t kRunsDefault = 10'000;
constexpr std::uint64_t kSeed = 20260102;
// Mutations pile up this often before the next seed is taken.
constexpr std::uint64_t kGenerations = 12;

std::uint64_t runs() {
  const char* wanted = std::getenv("FLOWMYNA_FUZZ_RUNS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : kRunsDefault;
}

std::string quoted(const std::string& bytes) {
  return ::testing::PrintToString(bytes);
}

TEST(FuzzReplay, EverySeedKeepsThePromisesOfTheCodec) {
  for (const std::string& seed : seeds()) {
    EXPECT_EQ(broken_promise(seed), "") << "with " << quoted(seed);
  }
}

TEST(FuzzReplay, RandomMutationsKeepThePromisesOfTheCodec) {
  std::mt19937_64 random(kSeed);
  std::string bytes;
  const std::uint64_t count = runs();
  for (std::uint64_t run = 0; run < count; ++run) {
    if (run % kGenerations == 0) bytes = seeds()[random() % seeds().size()];
    bytes = mutate(bytes, random);
    ASSERT_EQ(broken_promise(bytes), "") << "in run " << run << " with " << quoted(bytes);
  }
}

TEST(FuzzReplay, EverySeedIsJudgedAsPromised) {
  for (const std::string& seed : seeds()) {
    EXPECT_EQ(broken_verdict(seed), "") << "with " << quoted(seed);
  }
}

TEST(FuzzReplay, RandomMutationsOfAnswersAreJudgedAsPromised) {
  std::mt19937_64 random(kSeed);
  std::string bytes;
  const std::uint64_t count = runs() / 4;  // each is judged as many an answer
  for (std::uint64_t run = 0; run < count; ++run) {
    if (run % kGenerations == 0) bytes = answer_seeds()[random() % answer_seeds().size()];
    bytes = mutate(bytes, random);
    ASSERT_EQ(broken_verdict(bytes), "") << "in run " << run << " with " << quoted(bytes);
  }
}

}  // namespace
}  // namespace flowmyna::test
