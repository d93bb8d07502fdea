#include "core/properties_encoder.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace flowmyna {
namespace {

struct Member {
  std::string name;
  std::string value;
};
using Object = std::vector<Member>;

std::string encoded(const Object& object) {
  Patch patch;
  for (const Member& member : object) patch.set(member.name, member.value);
  std::string out;
  PropertiesView::encode(patch.properties(), out);
  return out;
}

/// Few names, so that they meet; enough of them to pass the limit beyond which a patch is made.
rc::Gen<Object> object() {
  const auto name = rc::gen::map(rc::gen::inRange(0, 40), [](int i) {
    return i == 0 ? std::string() : std::string(i % 7 == 0 ? 200 : 1, 'n') + std::to_string(i);
  });
  const auto value = rc::gen::element<std::string>("null", "1.00", "[1, 2]", std::string(127, '1'),
                                                   std::string(128, '1'), std::string(20'000, '1'));
  const auto member = rc::gen::construct<Member>(name, value);
  return rc::gen::mapcat(rc::gen::inRange(0, 60), [member](int size) {
    return rc::gen::container<Object>(static_cast<std::size_t>(size), member);
  });
}

RC_GTEST_PROP(PropertiesEncoder, EveryObjectIsStoredAsThePatchOfItsMembers, ()) {
  const auto objects = *rc::gen::container<std::vector<Object>>(object());
  PropertiesEncoder encoder;
  for (int item = 0; item < 2; ++item) {
    encoder.clear();
    std::vector<PropertiesEncoder::Range> ranges;
    for (const Object& members : objects) {
      encoder.begin_object();
      for (const auto& [name, value] : members) encoder.set(name, value);
      ranges.push_back(encoder.end_object());
    }
    for (std::size_t i = 0; i < objects.size(); ++i) {
      RC_ASSERT(encoder[ranges[i]].encoded() == encoded(objects[i]));
    }
  }
}

TEST(PropertiesEncoder, NothingIsLeftOfAnObjectThatDidNotEnd) {
  PropertiesEncoder encoder;
  encoder.begin_object();
  encoder.set("a", "1");
  encoder.set("a", "2");
  encoder.clear();
  encoder.begin_object();
  encoder.set("b", "3");
  EXPECT_EQ(encoder[encoder.end_object()].encoded(), encoded({{"b", "3"}}));
}

}  // namespace
}  // namespace flowmyna
