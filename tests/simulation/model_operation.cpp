#include "model_operation.h"

#include <algorithm>
#include <deque>

#include "core/timestamp.h"

namespace flowmyna::simulation {
namespace {

/// The encoded properties, kept in `arena` for as long as an operation points to them.
PropertiesView encode_properties(const Properties& properties, std::deque<std::string>& arena) {
  std::vector<Property> views;
  for (const auto& [name, value] : properties) views.push_back({name, value});
  PropertiesView::encode(views, arena.emplace_back());
  return PropertiesView(arena.back());
}

}  // namespace

bool ModelOperation::writes(const std::string& object) const {
  return std::ranges::any_of(targets, [&](const Target& target) {
    return target.object() == object && !target.properties.empty();
  });
}

void merge(ObjectValue& object, const Properties& properties) {
  for (const auto& [name, value] : properties) {
    if (value == "null") {
      object.erase(name);
    } else {
      object[name] = value;
    }
  }
}

std::string render(const ObjectValue& object) {
  std::string out = "{";
  for (const auto& [name, value] : object) {
    if (out.size() > 1) out += ' ';
    out += name + "=" + value;
  }
  return out + "}";
}

std::string render_patch(const std::string& object, const ObjectValue& patch) {
  return object + render(patch);
}

std::string render(const ModelOperation& operation) {
  std::string out = "#" + std::to_string(operation.serial);
  out += operation.kind == Kind::kUpsert ? " upsert" : " event";
  for (const auto& target : operation.targets) {
    out += " " + target.object();
    if (target.properties.empty()) continue;
    const char* separator = "{";
    for (const auto& [name, value] : target.properties) {
      out += separator + name + "=" + value;
      separator = " ";
    }
    out += "}";
  }
  if (operation.boot) out += " at " + operation.timestamp + "?";
  return operation.is_bad ? out + " (bad)" : out;
}

void stamp(ModelOperation& operation, const VirtualClock& clock) {
  if (operation.kind != Kind::kEvent || operation.has_own_time) return;
  const AcceptanceTime time = acceptance_time(clock);
  operation.timestamp = iso8601_utc(time.unix_ms);
  operation.boot = time.boot;
  operation.right_timestamp = iso8601_utc(clock.true_unix_ms());
}

std::string bad_word(Serial serial) {
  return "bad" + std::to_string(serial);
}

std::string subject_of(const ModelOperation& operation) {
  return operation.kind == Kind::kEvent ? "#" + std::to_string(operation.serial)
                                        : operation.targets.front().object();
}

std::string object_id(const ModelOperation::Target& target) {
  return "object " + target.object();
}

std::string event_id(Serial serial) {
  return "event " + std::to_string(serial);
}

EncodedOperations encode(const std::vector<ModelOperation>& operations) {
  EncodedOperations out;
  std::deque<std::string> arena;
  for (const ModelOperation& model : operations) {
    Operation operation;
    operation.kind = model.kind;
    if (model.kind == Kind::kUpsert) {
      const auto& target = model.targets.front();
      operation.object = {target.type, target.id};
      operation.properties = encode_properties(target.properties, arena);
    } else {
      Properties own{{"serial", std::to_string(model.serial)}};
      if (model.is_bad) own.emplace_back(bad_word(model.serial), "1");
      operation.name = "Happened";
      operation.timestamp = model.timestamp;
      operation.is_stamped_here = !model.has_own_time;
      operation.boot = model.boot;
      operation.properties = encode_properties(own, arena);
      for (const auto& target : model.targets) {
        operation.objects.push_back(
            {{target.type, target.id}, "", encode_properties(target.properties, arena)});
      }
    }
    out.add(operation);
  }
  return out;
}

}  // namespace flowmyna::simulation
