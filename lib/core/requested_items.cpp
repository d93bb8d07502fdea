#include "core/requested_items.h"

#include "core/decode.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

ObjectName name_of(const ObjectKey& key) {
  return {unescape(key.type), unescape(key.id)};
}

RequestedItem item_of(const Operation& operation) {
  if (operation.kind == Kind::kUpsert) return {"", {name_of(operation.object)}};
  RequestedItem item{unescape(operation.name), {}};
  for (const EventObject& object : operation.objects) item.objects.push_back(name_of(object.key));
  return item;
}

}  // namespace

std::optional<std::vector<RequestedItem>> requested_items(const JudgedRequest& request) {
  std::string padded = request.body;
  padded.reserve(padded.size() + Decoder::kPadding);
  const auto batch = Decoder().batch(request.kind, padded, {});
  if (!batch || !batch->errors.empty() || batch->accepted.size() != request.items)
    return std::nullopt;
  std::vector<RequestedItem> items;
  for (std::size_t i = 0; i < request.items; ++i) {
    const auto operation = Operation::parse(batch->accepted[i]);
    if (!operation) return std::nullopt;
    items.push_back(item_of(*operation));
  }
  return items;
}

}  // namespace flowmyna
