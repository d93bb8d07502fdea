#include "core/request.h"

#include "core/patch.h"

namespace flowmyna {

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

std::string batch_body(Kind kind, std::span<const RequestItem> items) {
  std::string body = kind == Kind::kUpsert ? R"({"objects":[)" : R"({"events":[)";
  for (const RequestItem& item : items) {
    if (&item != items.data()) body.push_back(',');
    append_item(body, item);
  }
  body.append("]}");
  return body;
}

}  // namespace flowmyna
