#pragma once

#include <functional>

namespace flowmyna {

/// Runs a function on the delivery thread, soon; any thread may call it.
using Post = std::function<void(std::function<void()>)>;

}  // namespace flowmyna
