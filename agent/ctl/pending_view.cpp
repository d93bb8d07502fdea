#include "agent/ctl/pending_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/ctl/format.h"

namespace flowmyna::ctl {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kReceiptColumns = 10;

std::string text(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return {};
  const Json& value = object.at(key);
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string object_name(const Json& object) {
  return text(object, "type") + ':' + text(object, "id");
}

std::string operation_line(const Json& operation) {
  std::string receipt = text(operation, "receipt");
  receipt.insert(0, kReceiptColumns - std::min(kReceiptColumns, receipt.size()), ' ');
  const std::string kind = text(operation, "kind");
  if (kind != "event") return receipt + "  upsert  " + object_name(operation);
  std::string line = receipt + "  event   " + text(operation, "event");
  const auto objects = operation.find("objects");
  if (objects == operation.end() || !objects->is_array()) return line;
  const char* separator = " on ";
  for (const auto& object : *objects) {
    line += separator + object_name(object);
    separator = ", ";
  }
  return line;
}

}  // namespace

client::Result<std::string> pending_view(const client::Response& response) {
  const Json body = Json::parse(response.body, nullptr, false);
  const bool has_list = body.is_object() && body.contains("pending") && body["pending"].is_array();
  if (!has_list) {
    return client::Error{client::ErrorKind::kUnexpectedAnswer,
                         "the answer holds no list of pending operations",
                         response.status,
                         {},
                         {}};
  }
  std::string view;
  for (const auto& operation : body["pending"]) {
    if (operation.is_object()) view += printable(operation_line(operation)) + '\n';
  }
  if (view.empty()) return std::string("nothing is pending\n");
  if (body.contains("more") && body["more"] == true) view += "there are more: raise --limit\n";
  return view;
}

}  // namespace flowmyna::ctl
