#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::test {

/// Has `bytes` judged as the body of an answer, of every status that means something of its own and
/// to requests of both kinds, and compares what is believed with an independent reader. Gives the
/// broken promise in words, or nothing.
std::string broken_verdict(std::string_view bytes);

/// Answers, good and bad, from which mutation starts.
const std::vector<std::string>& answer_seeds();

}  // namespace flowmyna::test
