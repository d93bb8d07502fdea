#include "agent/process/machine_id.h"

#include <systemd/sd-id128.h>

#include <array>

namespace flowmyna {

std::string machine_id() {
  // Of this program alone; made once with `systemd-id128 new`.
  constexpr sd_id128_t kProgram = {{0x5f, 0x0b, 0x6a, 0x0d, 0xc4, 0x1e, 0x4b, 0x73, 0x9d, 0x2a,
                                    0x77, 0x60, 0x8e, 0x13, 0xa9, 0xf4}};
  sd_id128_t machine{};
  if (sd_id128_get_machine_app_specific(kProgram, &machine) < 0) return {};
  std::array<char, SD_ID128_STRING_MAX> text{};
  return sd_id128_to_string(machine, text.data());
}

}  // namespace flowmyna
