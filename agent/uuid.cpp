#include "agent/uuid.h"

#include <uuid/uuid.h>

#include <array>

namespace flowmyna {
namespace {

// The namespace of FlowMyna objects, drawn once for this purpose. Never changed.
constexpr uuid_t kObjects = {0x9b, 0x6f, 0x0e, 0x52, 0x7c, 0x1d, 0x4d, 0x0a,
                             0xa4, 0x5b, 0x31, 0xe8, 0x5f, 0x20, 0xc7, 0x96};

std::string to_text(const uuid_t uuid) {
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(uuid, text.data());
  return text.data();
}

}  // namespace

std::string object_uuid(const ObjectKey& key) {
  std::string name(key.type);
  name.push_back('\0');  // canonical escaping holds no such byte, so no two objects share a name
  name.append(key.id);
  uuid_t uuid{};
  uuid_generate_sha1(uuid, kObjects, name.data(), name.size());
  return to_text(uuid);
}

std::string event_uuid(std::int64_t unix_ms) {
  uuid_t uuid{};
  uuid_generate_random(uuid);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(unix_ms) >> (8 * (5 - i)));
  }
  uuid[6] = static_cast<unsigned char>(0x70 | (uuid[6] & 0x0f));
  return to_text(uuid);
}

}  // namespace flowmyna
