// libFuzzer harness of the codec and the judge. Run it without a corpus folder and it starts from
// the seeds:
//
//     fuzz_decode -max_total_time=300

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "tests/fuzz/codec_invariants.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/judge_invariants.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string broken = flowmyna::test::broken_promise(bytes);
  if (broken.empty()) broken = flowmyna::test::broken_verdict(bytes);
  if (!broken.empty()) {
    std::fprintf(stderr, "broken promise: %s\n", broken.c_str());
    std::abort();
  }
  return 0;
}

/// Half of the inputs are changed by the library, which knows the coverage, half by us, who know
/// JSON.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned int seed) {
  std::mt19937_64 random(seed);
  const auto& seeds = flowmyna::test::seeds();
  if (size > 1 && seed % 2 == 0) return LLVMFuzzerMutate(data, size, size_max);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size <= 1) bytes = seeds[random() % seeds.size()];
  bytes = flowmyna::test::mutate(bytes, random);
  const std::size_t length = std::min(bytes.size(), size_max);
  if (length > 0) std::memcpy(data, bytes.data(), length);
  return length;
}
