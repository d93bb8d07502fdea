#pragma once

#include <string>

namespace flowmyna {

/// Names this machine for this program, from /etc/machine-id (machine-id(5)) but without giving
/// that away; empty where there is none, as in many containers.
std::string machine_id();

}  // namespace flowmyna
