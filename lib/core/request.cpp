#include "core/request.h"

#include <algorithm>

#include "core/patch.h"

namespace flowmyna {
namespace {

constexpr std::string_view kObjects = R"({"objects":[)";
constexpr std::string_view kEvents = R"({"events":[)";
constexpr std::string_view kEnd = "]}";

}  // namespace

std::string_view batch_endpoint(Kind kind) {
  return kind == Kind::kUpsert ? "/object/batch" : "/event/batch";
}

void append_item(std::string& out, const RequestItem& item) {
  if (item.size() == 1) {
    item.front()->append_json(out);
    return;
  }
  Patch patch;
  for (const Operation* operation : item) compose(patch, operation->properties);
  append_upsert_json(out, item.front()->object, patch.properties());
}

std::size_t item_bytes_max(const RequestItem& item) {
  std::string json;
  append_item(json, item);
  return json.size() + 1;
}

std::size_t body_frame_bytes() {
  return std::max(kObjects.size(), kEvents.size()) + kEnd.size();
}

std::string batch_body(Kind kind, std::span<const RequestItem> items) {
  std::string body(kind == Kind::kUpsert ? kObjects : kEvents);
  for (const RequestItem& item : items) {
    if (&item != items.data()) body.push_back(',');
    append_item(body, item);
  }
  body.append(kEnd);
  return body;
}

}  // namespace flowmyna
