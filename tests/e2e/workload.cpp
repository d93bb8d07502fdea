#include "e2e/workload.h"

#include <gtest/gtest.h>

#include <set>

namespace flowmyna::test {
namespace {

using Json = nlohmann::json;

void merge(Json& object, const Json& patch) {
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      object.erase(name);
    } else {
      object[name] = value;
    }
  }
}

}  // namespace

Json Workload::random_properties() {
  Json properties = Json::object();
  for (int i = draw(0, 3); i > 0; --i) {
    const std::string name(1, static_cast<char>('a' + draw(0, 4)));
    properties[name] = draw(0, 3) == 0 ? Json(nullptr) : Json(++made_);
  }
  return properties;
}

Json Workload::random_object() {
  return {{"type", "T"}, {"id", std::to_string(draw(1, 6))}};
}

Step Workload::next() {
  Json operation;
  if (draw(0, 2) > 0) {
    operation = random_object();
    operation["properties"] = random_properties();
    return {"/api/public/v1/object/upsert", operation.dump(), operation};
  }
  operation["event"] = "E" + std::to_string(++made_);
  for (int i = draw(1, 3); i > 0; --i) {
    Json object = random_object();
    bool is_named_already = false;
    for (const Json& other : operation["objects"]) is_named_already |= other["id"] == object["id"];
    if (is_named_already) continue;
    if (draw(0, 2) == 0) object["properties"] = random_properties();
    operation["objects"].push_back(object);
  }
  return {"/api/public/v1/event", operation.dump(), operation};
}

void Workload::accepted(const Step& step) {
  ++count_;
  if (!step.meaning.contains("event")) {
    merge(objects_.try_emplace(step.meaning["id"], Json::object()).first->second,
          step.meaning["properties"]);
    return;
  }
  Json& found = found_[step.meaning["event"]];
  for (const Json& object : step.meaning["objects"]) {
    Json& state = objects_.try_emplace(object["id"], Json::object()).first->second;
    found[object["id"].get<std::string>()] = state;
    if (object.contains("properties")) merge(state, object["properties"]);
  }
}

void Workload::compare(const Json& api_state, std::size_t duplicates_possible) const {
  std::map<std::string, Json> objects;
  for (const Json& object : api_state["objects"]) objects[object["id"]] = object["properties"];
  EXPECT_EQ(Json(objects), Json(objects_));

  std::map<std::string, Json> found;
  std::map<std::string, std::string> keys;
  std::set<std::string> duplicates;
  for (const Json& event : api_state["events"]) {
    const std::string name = event["event"];
    if (found.contains(name)) {
      duplicates.insert(name);
      EXPECT_EQ(keys[name], event["key"]) << name << " was sent again under another key";
      continue;
    }
    keys[name] = event["key"];
    for (const Json& object : event["objects"]) {
      found[name][object["id"].get<std::string>()] = object["found"];
    }
  }
  EXPECT_EQ(Json(found), Json(found_));
  EXPECT_LE(duplicates.size(), duplicates_possible);
}

}  // namespace flowmyna::test
