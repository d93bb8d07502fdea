#include "agent/api/uuid.h"

#include <nettle/sha1.h>
#include <uuid/uuid.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace flowmyna {
namespace {

// The namespace of FlowMyna objects, drawn once for this purpose. Never changed.
constexpr uuid_t kObjects = {0x9b, 0x6f, 0x0e, 0x52, 0x7c, 0x1d, 0x4d, 0x0a,
                             0xa4, 0x5b, 0x31, 0xe8, 0x5f, 0x20, 0xc7, 0x96};

void append_text(std::string& out, const uuid_t uuid) {
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(uuid, text.data());
  out.append(text.data(), text.size() - 1);
}

void add(sha1_ctx& sha1, std::string_view bytes) {
  sha1_update(&sha1, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

void set_version(unsigned char* uuid, unsigned version) {
  uuid[6] = static_cast<unsigned char>(version << 4U | (uuid[6] & 0x0fU));
  uuid[8] = static_cast<unsigned char>(0x80U | (uuid[8] & 0x3fU));
}

}  // namespace

void append_object_uuid(std::string& out, const ObjectKey& key) {
  sha1_ctx sha1;
  sha1_init(&sha1);
  sha1_update(&sha1, sizeof kObjects, kObjects);
  add(sha1, key.type);
  add(sha1, {"", 1});  // canonical escaping holds no such byte, so no two objects share a name
  add(sha1, key.id);
  uuid_t uuid{};
  sha1_digest(&sha1, sizeof uuid, uuid);
  set_version(uuid, 5);
  append_text(out, uuid);
}

void append_event_uuid(std::string& out, std::int64_t unix_ms) {
  uuid_t uuid{};
  uuid_generate_random(uuid);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(unix_ms) >> (8 * (5 - i)));
  }
  set_version(uuid, 7);
  append_text(out, uuid);
}

}  // namespace flowmyna
