#include "agent/api/uuid.h"

#include <gtest/gtest.h>
#include <uuid/uuid.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace flowmyna::test {
namespace {

std::string object_uuid(const ObjectKey& key) {
  std::string out = "before ";
  append_object_uuid(out, key);
  return out.substr(7);
}

TEST(ObjectUuid, StaysWhatItWasInOtherVersions) {
  EXPECT_EQ(object_uuid({"Order", "ORD-1 ü"}), "fb4109b1-3876-5423-b058-9c7eae328ee0");
  EXPECT_EQ(object_uuid({"Order", "ORD-1"}), "25d3bf71-5d85-5aec-826d-45d117b06646");
}

TEST(ObjectUuid, IsTheOneOfLibuuid) {
  const uuid_t objects = {0x9b, 0x6f, 0x0e, 0x52, 0x7c, 0x1d, 0x4d, 0x0a,
                          0xa4, 0x5b, 0x31, 0xe8, 0x5f, 0x20, 0xc7, 0x96};
  for (std::size_t size = 0; size < 200; ++size) {  // through several blocks of the digest
    const std::string id(size, 'x');
    const std::string name = std::string("T") + '\0' + id;
    uuid_t uuid{};
    uuid_generate_sha1(uuid, objects, name.data(), name.size());
    std::array<char, UUID_STR_LEN> text{};
    uuid_unparse_lower(uuid, text.data());
    EXPECT_EQ(object_uuid({"T", id}), text.data());
  }
}

TEST(EventUuid, IsOfVersionSevenAndInOrderOfTime) {
  std::string last;
  const std::initializer_list<std::int64_t> times = {
      0, 1, 255, 256, 1'700'000'000'000, (std::int64_t{1} << 48) - 1};
  for (const std::int64_t unix_ms : times) {
    std::string text;
    append_event_uuid(text, unix_ms);
    uuid_t uuid{};
    ASSERT_EQ(uuid_parse(text.c_str(), uuid), 0) << text;
    EXPECT_EQ(uuid[6] >> 4, 7);
    EXPECT_EQ(uuid[8] >> 6, 2);
    EXPECT_LT(last, text);
    last = text;
  }
}

}  // namespace
}  // namespace flowmyna::test
