#include "reference.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

constexpr std::string_view kUnknown = "outcome unknown";

}  // namespace

bool Reference::has_effect(const Ledger::Entry& entry) const {
  if (entry.state == Ledger::State::kDelivered) return true;
  return entry.operation.kind == Kind::kEvent && api_.recordings().contains(entry.operation.serial);
}

void Reference::check_states() {
  Objects objects;
  for (const Ledger::Entry& entry : ledger_.entries()) {
    if (!has_effect(entry)) continue;
    if (entry.operation.kind == Kind::kEvent) check_found(entry.operation, objects);
    for (const auto& target : entry.operation.targets) {
      merge(objects[target.object()], target.properties);
    }
  }
  for (const auto& [name, expected] : objects) {
    const auto it = api_.objects().find(name);
    const std::string actual = it == api_.objects().end() ? "nothing" : render(it->second);
    findings_.expect(actual == render(expected), [&, &name = name, &expected = expected] {
      return name + " ended as " + actual + ", one at a time it is " + render(expected);
    });
  }
  for (const auto& object : api_.objects()) {
    findings_.expect(objects.contains(object.first),
                     [&] { return object.first + " is there, and nobody wrote it"; });
  }
}

void Reference::check_found(const ModelOperation& event, const Objects& objects) {
  const auto it = api_.recordings().find(event.serial);
  if (it == api_.recordings().end()) return;  // see check_recordings
  const auto& found = it->second.front().found;
  for (std::size_t i = 0; i < event.targets.size(); ++i) {
    if (ledger_.is_latest(event, event.targets[i])) continue;
    const std::string name = event.targets[i].object();
    const auto object = objects.find(name);
    const std::string expected = object == objects.end() ? "{}" : render(object->second);
    findings_.expect(found[i] == expected, [&] {
      return "event #" + std::to_string(event.serial) + " found " + name + " as " + found[i] +
             ", one at a time it is " + expected;
    });
  }
}

void Reference::check_recordings(const WireRules& rules, bool holds_unknown,
                                 std::uint64_t counted) {
  std::uint64_t duplicates = 0;
  for (const Ledger::Entry& entry : ledger_.entries()) {
    if (entry.operation.kind != Kind::kEvent) continue;
    const auto it = api_.recordings().find(entry.operation.serial);
    const bool is_there = it != api_.recordings().end();
    findings_.expect(is_there || entry.state != Ledger::State::kDelivered, [&] {
      return "event #" + std::to_string(entry.operation.serial) + " is said to be delivered";
    });
    if (!is_there) continue;
    if (it->second.size() > 1) ++duplicates;
    check_copies(entry.operation, it->second, rules, holds_unknown);
  }
  findings_.expect(duplicates <= counted, [&] {
    return std::to_string(duplicates) + " events are recorded more than once, and " +
           std::to_string(counted) + " are counted as possible";
  });
}

void Reference::check_copies(const ModelOperation& event,
                             const std::vector<ModelApi::Recording>& copies, const WireRules& rules,
                             bool holds_unknown) {
  if (copies.size() == 1) return;
  const std::string name = "event #" + std::to_string(event.serial);
  findings_.expect(!holds_unknown, [&] { return name + " is recorded twice in spite of hold"; });
  if (api_.ambiguous().contains(event.serial)) return;
  findings_.expect(rules.unsure_keys().contains(copies.front().key),
                   [&] { return name + " is recorded twice without a reason"; });
  for (const auto& copy : copies) {
    findings_.expect(
        copy.key == copies.front().key && copy.body_hash == copies.front().body_hash,
        [&] { return name + " was sent again under another key or with other bytes"; });
  }
}

void Reference::check_dead_letters(bool holds_unknown) {
  for (const DeadItem& item : ledger_.dead()) {
    const ModelOperation& first = ledger_.operation(item.members.front());
    if (holds_unknown && first.kind == Kind::kEvent && item.reason.starts_with(kUnknown)) continue;
    ObjectValue patch;
    for (const Receipt receipt : item.members) {
      for (const auto& [name, value] : ledger_.operation(receipt).targets.front().properties) {
        patch[name] = value;
      }
    }
    const std::string name = first.kind == Kind::kEvent
                                 ? "event " + std::to_string(first.serial)
                                 : render_patch(first.targets.front().object(), patch);
    const auto it = api_.refused().find(name);
    findings_.expect(it != api_.refused().end(),
                     [&] { return name + " is dead, and the API never refused it"; });
    if (it == api_.refused().end()) continue;
    findings_.expect(item.reason.find(it->second) != std::string::npos, [&] {
      return name + " is dead for another reason than the API's: " + item.reason;
    });
  }
  for (const Ledger::Entry& entry : ledger_.entries()) {
    findings_.expect(!entry.operation.is_bad || entry.state == Ledger::State::kDead, [&] {
      return "the API refuses " + render(entry.operation) + ", and it is not dead";
    });
  }
}

}  // namespace flowmyna::simulation
