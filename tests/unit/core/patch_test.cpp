#include "core/patch.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace flowmyna {
namespace {

using Sets = std::vector<std::pair<std::string, std::string>>;

std::string json_of(const Patch& patch) {
  std::string out;
  append_json_object(out, patch.properties());
  return out;
}

std::string encoded(const Patch& patch) {
  std::string out;
  PropertiesView::encode(patch.properties(), out);
  return out;
}

std::string encoded(const Sets& sets) {
  Patch patch;
  for (const auto& [name, value] : sets) patch.set(name, value);
  return encoded(patch);
}

/// What a patch becomes when others are set on top of it.
std::string composed(const std::vector<std::string>& patches) {
  Patch patch;
  for (const std::string& later : patches) compose(patch, PropertiesView(later));
  return encoded(patch);
}

/// Few names, so that they meet; enough of them to pass from the linear search to the map.
rc::Gen<Sets> sets() {
  const auto name = rc::gen::map(rc::gen::inRange(0, 30),
                                 [](int i) { return i == 0 ? "" : "n" + std::to_string(i); });
  const auto value = rc::gen::element<std::string>("null", "1.0", "1.00", "\"x\"", "[1, 2]", "{}");
  return rc::gen::container<Sets>(rc::gen::pair(name, value));
}

TEST(Patch, TheLaterValueWinsAndNullIsAValue) {
  Patch patch;
  patch.set("a", "1");
  patch.set("b", R"({"x":1})");
  patch.set("a", "null");
  patch.set("b", R"({"y":2})");
  EXPECT_EQ(json_of(patch), R"({"a":null,"b":{"y":2}})");
}

TEST(Patch, AClearedPatchIsAsNew) {
  const std::string names = "abcdefghijklmnopqrstuvwxyz";
  const std::string reversed(names.rbegin(), names.rend());
  Patch patch;
  for (const char& name : names) patch.set({&name, 1}, "1");
  patch.clear();
  EXPECT_TRUE(patch.empty());
  for (const char& name : reversed) patch.set({&name, 1}, "1");
  patch.set("z", "2");
  EXPECT_EQ(patch.properties().size(), names.size());
  EXPECT_EQ(patch.properties()[0], (Property{"z", "2"}));
  EXPECT_EQ(patch.properties()[25], (Property{"a", "1"}));
}

TEST(Patch, DamagedPropertiesAreNotValid) {
  const std::string whole = encoded(Sets{{"name", "\"value\""}, {"", "null"}});
  EXPECT_TRUE(PropertiesView::valid(whole));
  EXPECT_TRUE(PropertiesView::valid(""));
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const std::string cut(whole, 0, length);
    if (cut != encoded(Sets{{"name", "\"value\""}})) {
      EXPECT_FALSE(PropertiesView::valid(cut)) << length;
    }
  }
}

TEST(Bytes, VarintsComeBackAndHaveOneFormEach) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {(std::uint64_t{1} << bit), (std::uint64_t{1} << bit) - 1}) {
      std::string bytes;
      put_varint(bytes, value);
      ByteReader reader(bytes);
      EXPECT_EQ(reader.varint(), value);
      EXPECT_TRUE(reader.empty());
    }
  }
  using namespace std::string_view_literals;
  for (const auto bytes :
       {""sv, "\x80"sv, "\x80\x00"sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    ByteReader reader(bytes);
    EXPECT_FALSE(reader.varint());
    EXPECT_EQ(reader.rest(), bytes);
  }
}

TEST(Bytes, AStringLongerThanTheInputIsNone) {
  std::string bytes;
  put_varint(bytes, ~std::uint64_t{0});
  bytes += "abc";
  ByteReader reader(bytes);
  EXPECT_FALSE(reader.string());
  EXPECT_EQ(reader.rest(), bytes);
}

RC_GTEST_PROP(PatchProperty, APatchIsAMapWhoseNamesKeepTheirFirstPlace, ()) {
  const Sets all = *sets();
  std::map<std::string, std::string> model;
  std::vector<std::string> order;
  for (const auto& [name, value] : all) {
    if (!model.contains(name)) order.push_back(name);
    model[name] = value;
  }
  Patch patch;
  for (const auto& [name, value] : all) patch.set(name, value);
  RC_ASSERT(patch.properties().size() == order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    RC_ASSERT(std::string(patch.properties()[i].name) == order[i]);
    RC_ASSERT(std::string(patch.properties()[i].value) == model[order[i]]);
  }
}

RC_GTEST_PROP(PatchProperty, CompositionIsAssociative, ()) {
  const std::string a = encoded(*sets());
  const std::string b = encoded(*sets());
  const std::string c = encoded(*sets());
  RC_ASSERT(composed({composed({a, b}), c}) == composed({a, composed({b, c})}));
  RC_ASSERT(composed({a, ""}) == a);
  RC_ASSERT(composed({"", a}) == a);
  RC_ASSERT(composed({a, a}) == a);
}

}  // namespace
}  // namespace flowmyna
