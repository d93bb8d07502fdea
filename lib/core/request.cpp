#include "core/request.h"

#include "core/patch.h"

namespace flowmyna {

std::string_view batch_endpoint(Kind kind) {
  return kind == Kind::kUpsert ? "/object/batch" : "/event/batch";
}

std::string batch_body(Kind kind, std::span<const RequestItem> items) {
  std::string body = kind == Kind::kUpsert ? R"({"objects":[)" : R"({"events":[)";
  Patch patch;
  for (const RequestItem& item : items) {
    if (&item != items.data()) body.push_back(',');
    if (item.size() == 1) {
      item.front()->append_json(body);
      continue;
    }
    patch.clear();
    for (const Operation* operation : item) compose(patch, operation->properties);
    append_upsert_json(body, item.front()->object, patch.properties());
  }
  body.append("]}");
  return body;
}

}  // namespace flowmyna
