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

const std::string kTooLarge = "request entity too large";

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

std::vector<ModelOperation> ModelApi::operations_in(const Copy& copy) {
  std::vector<ModelOperation> operations;
  for (Item& item : read_items(copy)) operations.push_back(std::move(item.operation));
  return operations;
}

std::set<std::string> ModelApi::subjects_of(const Copy& copy) {
  if (copy.is_get) return {};
  std::set<std::string> subjects;
  for (const Item& item : read_items(copy)) {
    subjects.insert(subject_of(item.operation));
  }
  return subjects;
}

/// Why the item is refused; empty when it is not.
std::string ModelApi::fault_of(const Item& item) const {
  return item.word.empty() || is_mended_ ? "" : item.word + " is not allowed";
}

void ModelApi::note_refusal(const Item& item, const std::string& fault) {
  const ModelOperation& operation = item.operation;
  ObjectValue patch;
  for (const auto& [name, value] : operation.targets.front().properties) patch[name] = value;
  const std::string name = operation.kind == Kind::kEvent
                               ? "event " + std::to_string(operation.serial)
                               : render_patch(operation.targets.front().object(), patch);
  refused_[name].insert(fault);
}

void ModelApi::note_failure(const Item& item) {
  failures_[subject_of(item.operation)].push_back(clock_.boot_now());
}

Answer ModelApi::process(const Copy& copy, Mood mood, bool has_twin) {
  if (copy.is_get) {
    return json_answer(200, options_.has_usual_health ? R"({"status":"healthy","workspace_id":"w"})"
                                                      : R"({"up":true,"checks":[]})");
  }
  const auto items = read_items(copy);
  if (copy.body.size() > options_.body_bytes_max &&
      (items.size() > 1 || !options_.takes_large_items)) {
    if (items.size() == 1) note_refusal(items.front(), kTooLarge);
    return json_answer(413, R"({"detail":)" + quoted(kTooLarge) + "}");
  }
  std::vector<std::string> faults;
  for (const Item& item : items) {
    faults.push_back(mood == Mood::kRefusesAll ? "closed for today" : fault_of(item));
  }
  const bool is_bad = std::ranges::any_of(faults, [](const auto& fault) { return !fault.empty(); });
  if (items.size() == 1 && is_bad) note_refusal(items.front(), faults.front());
  const bool refuses_whole = is_bad && options_.refusal == ApiOptions::Refusal::kWhole;
  if (mood == Mood::kRefusesAll || refuses_whole) {
    for (const Item& item : items) note_failure(item);
    return refuse_whole(faults);
  }
  if (mood == Mood::kFailsAll) {
    fail_all(copy, items, has_twin, faults);
  } else {
    fail_at_random(copy, items, has_twin, faults);
  }
  apply(copy, items, faults, mood);
  return answer(copy, items, faults, mood);
}

void ModelApi::fail_at_random(const Copy& copy, const std::vector<Item>& items, bool has_twin,
                              std::vector<std::string>& faults) {
  if (items.size() < 2 || has_twin || !chance_.one_in(options_.passing_failure)) return;
  const std::size_t unlucky = chance_.index(items.size());
  const bool is_there = copy.is_event() && recordings_.contains(items[unlucky].operation.serial);
  if (!is_there && faults[unlucky].empty()) faults[unlucky] = "temporarily locked";
}

void ModelApi::fail_all(const Copy& copy, const std::vector<Item>& items, bool has_twin,
                        std::vector<std::string>& faults) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool is_there =
        copy.is_event() && (has_twin || recordings_.contains(items[i].operation.serial));
    if (is_there || !faults[i].empty()) continue;
    faults[i] = "locked for a while";
    if (items.size() == 1) note_refusal(items[i], faults[i]);
  }
}

void ModelApi::apply(const Copy& copy, const std::vector<Item>& items,
                     const std::vector<std::string>& faults, Mood mood) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, chance_.engine());
  const bool is_half = mood == Mood::kHalf || mood == Mood::kContradicts;
  if (is_half) order.resize(chance_.index(order.size() + 1));
  for (const std::size_t i : order) {
    if (faults[i].empty()) apply(items[i], copy);
  }
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
  } else {
    applied_[copy.key].insert(operation.targets.front().object());
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
                        const std::vector<std::string>& faults, Mood mood) {
  std::vector<AnsweredItem> answered;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const ModelOperation& operation = items[i].operation;
    AnsweredItem& item = answered.emplace_back();
    item.fault = faults[i];
    if (!item.fault.empty()) note_failure(items[i]);
    for (const auto& target : operation.targets) {
      item.names += (item.names.empty() ? "" : " ") + target.object();
    }
    const auto& first = operation.targets.front();
    item.entry = copy.is_event()
                     ? quoted(event_id(operation.serial))
                     : R"({"object_id":)" + quoted(object_id(first)) + R"(,"object_type":)" +
                           quoted(first.type) + R"(,"external_id":)" + quoted(first.id) +
                           R"(,"created":false})";
  }
  const Kind kind = copy.is_event() ? Kind::kEvent : Kind::kUpsert;
  if (mood == Mood::kContradicts) return json_answer(200, contradiction(kind, answered, chance_));
  const auto failed = std::ranges::count_if(faults, [](const auto& f) { return !f.empty(); });
  if (copy.is_event() && failed > 0 && static_cast<std::size_t>(failed) < items.size()) {
    for (const Item& item : items) ambiguous_.insert(item.operation.serial);
  }
  const std::size_t position = position_of_first(copy, answered);
  return json_answer(200, batch_answer(options_.dialect, kind, answered, position, chance_));
}

/// From what it counts this time.
std::size_t ModelApi::position_of_first(const Copy& copy, const std::vector<AnsweredItem>& items) {
  using Positions = Dialect::Positions;
  if (options_.dialect.positions == Positions::kFromOne) return 1;
  if (options_.dialect.positions != Positions::kTurning || !copy.is_event()) return 0;
  if (has_turned_) return chance_.index(2);
  // An answer from which it is plain that it counts from 0, then one that counts from 1.
  has_turned_ = has_shown_zero_ && !items.back().fault.empty();
  has_shown_zero_ = has_shown_zero_ || !items.front().fault.empty();
  return has_turned_ ? 1 : 0;
}

}  // namespace flowmyna::simulation
