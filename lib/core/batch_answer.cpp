#include "core/batch_answer.h"

#include <charconv>

#include "core/decode.h"
#include "core/json_text.h"

namespace flowmyna {

namespace dom = simdjson::dom;

std::optional<BatchAnswer> read_batch_answer(Kind kind, dom::element root, std::size_t items) {
  BatchAnswer answer;
  bool success = false;
  if (root["success"].get_bool().get(success) ||
      root["processed"].get_uint64().get(answer.processed) ||
      root["failed"].get_uint64().get(answer.failed) ||
      root["errors"].get_array().get(answer.errors)) {
    return std::nullopt;
  }
  if (root[kind == Kind::kUpsert ? "objects" : "event_ids"].get_array().get(answer.list))
    return std::nullopt;
  if (answer.processed > items || answer.failed != items - answer.processed) return std::nullopt;
  if (answer.list.size() != answer.processed) return std::nullopt;
  return answer;
}

NamedError split_item_error(std::string_view error) {
  constexpr std::string_view kPrefix = "index ";
  if (!error.starts_with(kPrefix)) return {std::nullopt, error};
  const char* const end = error.data() + error.size();
  std::size_t index = 0;
  const auto [stop, failed] = std::from_chars(error.data() + kPrefix.size(), end, index);
  if (failed != std::errc() || stop == end || *stop != ':') return {std::nullopt, error};
  std::string_view reason(stop + 1, end);
  if (reason.starts_with(' ')) reason.remove_prefix(1);
  return {index, reason};
}

std::optional<ObjectName> object_name(dom::element entry) {
  std::string_view type;
  std::string_view id;
  if (entry["object_type"].get_string().get(type) || entry["external_id"].get_string().get(id)) {
    return std::nullopt;
  }
  return ObjectName(type, id);
}

std::optional<std::vector<ObjectName>> requested_objects(const std::string& request_body) {
  std::string padded = request_body;
  padded.reserve(padded.size() + Decoder::kPadding);
  const auto request = Decoder().batch(Kind::kUpsert, padded, {});
  if (!request) return std::nullopt;
  std::vector<ObjectName> names;
  for (std::size_t i = 0; i < request->accepted.size(); ++i) {
    const auto upsert = Operation::parse(request->accepted[i]);
    if (!upsert) return std::nullopt;
    names.emplace_back(unescape(upsert->object.type), unescape(upsert->object.id));
  }
  return names;
}

}  // namespace flowmyna
