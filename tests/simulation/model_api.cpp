#include "model_api.h"

#include <simdjson.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace flowmyna::simulation {
namespace {

namespace dom = simdjson::dom;

Answer json_answer(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.content_type = "application/json";
  return answer;
}

Properties read_properties(dom::element owner) {
  Properties out;
  dom::object properties;
  if (owner["properties"].get_object().get(properties)) return out;
  for (const auto& [name, value] : properties) {
    out.emplace_back(std::string(name), simdjson::minify(value));
  }
  return out;
}

ModelOperation::Target read_target(dom::element element) {
  return {std::string(element["type"].get_string().value()),
          std::string(element["id"].get_string().value()), read_properties(element)};
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

}  // namespace

struct ModelApi::Item {
  ModelOperation operation;
  std::string word;  ///< of a bad one
};

std::vector<ModelApi::Item> ModelApi::read_items(const Copy& copy) {
  static thread_local dom::parser parser;
  const dom::element root = parser.parse(copy.body);
  std::vector<Item> items;
  for (const dom::element element : root[copy.is_event() ? "events" : "objects"].get_array()) {
    Item& item = items.emplace_back();
    item.operation.kind = copy.is_event() ? Kind::kEvent : Kind::kUpsert;
    const Properties own = read_properties(element);
    for (const auto& [name, value] : own) {
      if (name.starts_with("bad")) item.word = name;
      if (name == "serial") item.operation.serial = static_cast<Serial>(std::stoul(value));
    }
    if (!copy.is_event()) {
      item.operation.targets = {read_target(element)};
      continue;
    }
    item.operation.timestamp = std::string(element["timestamp"].get_string().value());
    for (const dom::element object : element["objects"].get_array()) {
      item.operation.targets.push_back(read_target(object));
    }
  }
  return items;
}

std::vector<Serial> ModelApi::serials_in(const std::string& body) {
  std::vector<Serial> serials;
  for (const Item& item : read_items({false, "/event/batch", "", body})) {
    serials.push_back(item.operation.serial);
  }
  return serials;
}

/// Why the item is refused; empty when it is not.
std::string ModelApi::fault_of(const Item& item) const {
  return item.word.empty() || is_mended_ ? "" : item.word + " is not allowed";
}

Answer ModelApi::process(const Copy& copy, bool has_twin) {
  if (copy.is_get) return json_answer(200, R"({"status":"healthy","workspace_id":"w"})");
  const auto items = read_items(copy);
  if (copy.body.size() > options_.body_bytes_max && items.size() > 1) {
    return json_answer(413, R"({"detail":"request entity too large"})");
  }
  std::vector<std::string> faults;
  for (const Item& item : items) faults.push_back(fault_of(item));
  const bool is_bad = std::ranges::any_of(faults, [](const auto& fault) { return !fault.empty(); });
  if (items.size() == 1 && is_bad) {
    const ModelOperation& operation = items.front().operation;
    ObjectValue patch;
    for (const auto& [name, value] : operation.targets.front().properties) patch[name] = value;
    const std::string name = operation.kind == Kind::kEvent
                                 ? "event " + std::to_string(operation.serial)
                                 : render_patch(operation.targets.front().object(), patch);
    refused_[name] = faults.front();
  }
  if (is_bad && options_.refusal == ApiOptions::Refusal::kWhole) return refuse_whole(faults);
  if (items.size() > 1 && !has_twin && chance_.one_in(options_.passing_failure)) {
    const std::size_t unlucky = chance_.index(items.size());
    const bool is_there = copy.is_event() && recordings_.contains(items[unlucky].operation.serial);
    if (!is_there && faults[unlucky].empty()) faults[unlucky] = "temporarily locked";
  }
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, chance_.engine());
  for (const std::size_t i : order) {
    if (faults[i].empty()) apply(items[i], copy);
  }
  return answer(copy, items, faults);
}

void ModelApi::apply(const Item& item, const Copy& copy) {
  const ModelOperation& operation = item.operation;
  if (operation.kind == Kind::kEvent) {
    Recording& recording = recordings_[operation.serial].emplace_back();
    recording.key = copy.key;
    recording.timestamp = operation.timestamp;
    recording.body_hash = std::hash<std::string>{}(copy.body);
    for (const auto& target : operation.targets) {
      recording.found.push_back(render(objects_[target.object()]));
    }
  }
  for (const auto& target : operation.targets) {
    merge(objects_[target.object()], target.properties);
  }
}

Answer ModelApi::refuse_whole(const std::vector<std::string>& faults) const {
  std::vector<std::string> details;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (faults[i].empty()) continue;
    details.push_back(R"({"loc":["body",)" + std::to_string(i) + R"(],"msg":)" + quoted(faults[i]) +
                      R"(,"type":"value_error"})");
  }
  return json_answer(422, R"({"detail":[)" + join(details) + "]}");
}

Answer ModelApi::answer(const Copy& copy, const std::vector<Item>& items,
                        const std::vector<std::string>& faults) {
  std::vector<std::string> succeeded;
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!faults[i].empty()) {
      const bool names = options_.refusal != ApiOptions::Refusal::kUnnamed;
      errors.push_back(quoted((names ? "index " + std::to_string(i) + ": " : "") + faults[i]));
    } else if (copy.is_event()) {
      succeeded.push_back(quoted(event_id(items[i].operation.serial)));
    } else {
      const auto& target = items[i].operation.targets.front();
      succeeded.push_back(R"({"object_id":)" + quoted(object_id(target)) + R"(,"object_type":)" +
                          quoted(target.type) + R"(,"external_id":)" + quoted(target.id) +
                          R"(,"created":false})");
    }
  }
  // In no order that a client could know.
  std::ranges::shuffle(succeeded, chance_.engine());
  const bool is_partial = !errors.empty() && !succeeded.empty();
  if (is_partial && copy.is_event() && options_.refusal == ApiOptions::Refusal::kUnnamed) {
    for (const Item& item : items) ambiguous_.insert(item.operation.serial);
  }
  return json_answer(200, R"({"success":)" + std::string(errors.empty() ? "true" : "false") +
                              R"(,"processed":)" + std::to_string(succeeded.size()) +
                              R"(,"failed":)" + std::to_string(errors.size()) +
                              (copy.is_event() ? R"(,"event_ids":[)" : R"(,"objects":[)") +
                              join(succeeded) + R"(],"errors":[)" + join(errors) + "]}");
}

}  // namespace flowmyna::simulation
