#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::test {

/// Bodies, stored operations and answers, good and bad, from which mutation starts.
const std::vector<std::string>& seeds();

/// `bytes` with one to four small changes: bytes flipped, dropped, doubled, pieces of JSON put in,
/// pieces of another seed put in.
std::string mutate(std::string bytes, std::mt19937_64& random);

}  // namespace flowmyna::test
