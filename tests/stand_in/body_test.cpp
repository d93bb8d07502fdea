#include "stand_in/body.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace flowmyna::stand_in {
namespace {

const std::string kSample =
    R"({"events":[{"event":"E\n","timestamp":null,"x":[1,[],{}],"objects":[{"type":"T","id":"1",)"
    R"("qualifier":"q","properties":{"a":-1.5e+3,"b":[0, {"k":"\u00e9"}],"":true}}, 7],)"
    R"("properties":{"n":null, "s":"é\"\\"}} , false],"other":{"deep":[[["x"]]]}})";

/// Replaces, removes or doubles a few bytes, mostly with bytes that mean something to JSON.
std::string mutated(std::mt19937& random) {
  constexpr std::string_view kBytes = "{}[]:,\"\\ 0-.eEtfnu1\x01\xc3";
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  std::string text = kSample;
  const std::size_t changes = 1 + below(3);
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    const std::size_t kind = below(4);
    if (kind == 0) text.erase(at, 1 + below(4));
    if (kind == 1) text.insert(at, 1, kBytes[below(kBytes.size())]);
    if (kind == 2) text[at] = kBytes[below(kBytes.size())];
    if (kind == 3) text.insert(at, text.substr(at, 1 + below(8)));
  }
  return text;
}

TEST(BodyReader, AcceptsExactlyWhatAnotherParserAccepts) {
  constexpr int kRounds = 20'000;
  std::mt19937 random(20250131);  // NOLINT(cert-msc51-cpp): the same texts in every run
  BodyReader reader;
  Body body;
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = mutated(random);
    const std::string written = text;
    for (const Shape shape :
         {Shape::kObject, Shape::kObjectBatch, Shape::kEvent, Shape::kEventBatch}) {
      const bool taken = !reader.read(shape, text, body);
      ASSERT_EQ(taken, nlohmann::json::accept(written)) << written;
      accepted += taken ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, kRounds / 10) << "the mutations should leave some texts valid";
}

TEST(BodyReader, KeepsTheBytesOfEveryPropertyOfEveryItem) {
  BodyReader reader;
  Body body;
  std::string text = kSample;
  ASSERT_FALSE(reader.read(Shape::kEventBatch, text, body));
  ASSERT_EQ(body.items.size(), 2U);
  EXPECT_EQ(body.items[0].event.text, "E\n");
  EXPECT_EQ(body.items[1].kind, Kind::kBool);
  const auto objects = body.objects_of(body.items[0]);
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[1].kind, Kind::kNumber);
  std::string seen;
  for (const Property& property : body.properties_of(objects[0].properties)) {
    seen += std::string(property.name) + "=" + std::string(property.raw) + ";";
  }
  for (const Property& property : body.properties_of(body.items[0].properties)) {
    seen += std::string(property.name) + "=" + std::string(property.raw) + ";";
  }
  EXPECT_EQ(seen, R"(a=-1.5e+3;b=[0, {"k":"\u00e9"}];=true;n=null;s="é\"\\";)");
}

}  // namespace
}  // namespace flowmyna::stand_in
