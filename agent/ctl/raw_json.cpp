#include "agent/ctl/raw_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace flowmyna::ctl {
namespace {

bool starts_with(std::string_view json, char first) {
  const auto begin = json.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && json[begin] == first;
}

std::string object_name(const RawObject& object) {
  return object.text("type") + ':' + object.text("id");
}

}  // namespace

std::optional<RawObject> RawObject::parse(std::string_view json) {
  if (!starts_with(json, '{')) return std::nullopt;
  auto members = client::json_parts(json);
  if (!members) return std::nullopt;
  RawObject object;
  object.members_ = *std::move(members);
  return object;
}

std::string_view RawObject::raw(std::string_view name) const {
  const auto it = std::ranges::find(members_, name, &client::JsonPart::name);
  return it == members_.end() ? std::string_view() : it->value;
}

std::string RawObject::text(std::string_view name) const {
  const std::string_view value = raw(name);
  if (value == "null") return {};
  if (!value.starts_with('"')) return std::string(value);
  const auto string = nlohmann::json::parse(value, nullptr, false);
  return string.is_string() ? string.get<std::string>() : std::string(value);
}

std::optional<std::vector<std::string_view>> RawObject::elements(std::string_view name) const {
  const std::string_view value = raw(name);
  if (!starts_with(value, '[')) return std::nullopt;
  const auto parts = client::json_parts(value);
  if (!parts) return std::nullopt;
  std::vector<std::string_view> out;
  for (const client::JsonPart& part : *parts) out.push_back(part.value);
  return out;
}

std::string operation_text(const RawObject& operation) {
  const bool is_event = !operation.raw("event").empty();
  if (!is_event) return "upsert  " + object_name(operation);
  std::string line = "event   " + operation.text("event");
  const char* separator = " on ";
  for (const std::string_view named :
       operation.elements("objects").value_or(std::vector<std::string_view>())) {
    const auto object = RawObject::parse(named);
    line += separator + (object ? object_name(*object) : "?");
    separator = ", ";
  }
  return line;
}

}  // namespace flowmyna::ctl
