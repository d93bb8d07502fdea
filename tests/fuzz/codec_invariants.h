#pragma once

#include <string>
#include <string_view>

namespace flowmyna::test {

/// Feeds `bytes` to every reader of the codec, as a body of each of the four write routes, as
/// NDJSON and as a stored operation, and compares what comes out with an independent reader and
/// with itself. Gives the broken promise in words, or nothing.
std::string broken_promise(std::string_view bytes);

}  // namespace flowmyna::test
