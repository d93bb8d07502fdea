#include "reference.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

constexpr std::string_view kUnknown = "outcome unknown";

// Between the API's saying so and its being known here.
constexpr std::chrono::milliseconds kUnderWayMax{500};

}  // namespace

std::vector<Reference::Effect> Reference::effects_in_order() const {
  std::vector<Effect> effects;
  for (const Ledger::Entry& entry : ledger_.entries()) {
    if (entry.operation.kind == Kind::kUpsert) {
      const std::string object = entry.operation.targets.front().object();
      for (const std::uint64_t seal : entry.seals) {
        if (!api_.has_applied(ledger_.key_of(seal), object)) continue;
        effects.push_back({seal, &entry.operation, nullptr});
      }
      continue;
    }
    const auto it = api_.recordings().find(entry.operation.serial);
    if (it == api_.recordings().end()) continue;  // see check_recordings
    std::set<std::string> keys;
    for (const auto& recording : it->second) {
      // A copy of the same request found what the first one left; nothing came between them.
      if (!keys.insert(recording.key).second) continue;
      effects.push_back({ledger_.seal_number(recording.key), &entry.operation, &recording});
    }
  }
  std::ranges::stable_sort(effects, {}, &Effect::seal);
  return effects;
}

void Reference::check_states() {
  Objects objects;
  for (const Effect& effect : effects_in_order()) {
    if (effect.recording != nullptr) check_found(effect, objects);
    for (const auto& target : effect.operation->targets) {
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

void Reference::check_found(const Effect& effect, const Objects& objects) {
  const ModelOperation& event = *effect.operation;
  for (std::size_t i = 0; i < event.targets.size(); ++i) {
    if (ledger_.is_latest(event, event.targets[i])) continue;
    const std::string name = event.targets[i].object();
    const auto object = objects.find(name);
    const std::string expected = object == objects.end() ? "{}" : render(object->second);
    const std::string& found = effect.recording->found[i];
    findings_.expect(found == expected, [&] {
      return "event #" + std::to_string(event.serial) + " found " + name + " as " + found +
             ", one at a time it is " + expected;
    });
  }
}

void Reference::check_recordings(const WireRules& rules, bool holds_unknown,
                                 std::uint64_t counted) {
  std::uint64_t duplicates = 0;
  for (const Ledger::Entry& entry : ledger_.entries()) {
    if (entry.operation.kind == Kind::kUpsert) check_arrived(entry);
    if (entry.operation.kind != Kind::kEvent) continue;
    const auto it = api_.recordings().find(entry.operation.serial);
    const bool is_there = it != api_.recordings().end();
    findings_.expect(is_there || entry.state != Ledger::State::kDelivered, [&] {
      return "event #" + std::to_string(entry.operation.serial) + " is said to be delivered";
    });
    if (!is_there) continue;
    if (it->second.size() > 1) ++duplicates;
    for (const auto& copy : it->second) check_time(entry, copy);
    check_copies(entry.operation, it->second, rules, holds_unknown);
  }
  findings_.expect(duplicates <= counted, [&] {
    return std::to_string(duplicates) + " events are recorded more than once, and " +
           std::to_string(counted) + " are counted as possible";
  });
}

void Reference::check_arrived(const Ledger::Entry& upsert) {
  if (upsert.state != Ledger::State::kDelivered) return;
  const std::string object = upsert.operation.targets.front().object();
  findings_.expect(api_.has_applied(ledger_.key_of(upsert.delivered_by), object),
                   [&] { return render(upsert.operation) + " is said to be delivered"; });
}

/// The writer's own time, or the one that was stamped; that one corrected, if it was of a clock
/// that had yet to be synchronised, and certainly if it first left when the clock was.
void Reference::check_time(const Ledger::Entry& entry, const ModelApi::Recording& copy) {
  const ModelOperation& event = entry.operation;
  const bool is_as_stamped = copy.timestamp == event.timestamp;
  const bool is_right = event.boot && copy.timestamp == event.right_timestamp;
  if (is_right) ++corrected_;
  findings_.expect(is_right || (is_as_stamped && !entry.must_be_right), [&] {
    return render(event) + " arrived with the time " + copy.timestamp +
           (event.boot ? "; it happened at " + event.right_timestamp : "");
  });
}

void Reference::check_copies(const ModelOperation& event,
                             const std::vector<ModelApi::Recording>& copies, const WireRules& rules,
                             bool holds_unknown) {
  const std::string name = "event #" + std::to_string(event.serial);
  std::map<std::string, std::vector<const ModelApi::Recording*>> by_key;
  for (const auto& copy : copies) by_key[copy.key].push_back(&copy);
  const bool is_excused = api_.ambiguous().contains(event.serial) && !holds_unknown;
  // What failed without a sure outcome and is divided goes on in parts, under keys of their own.
  const auto unsure = std::ranges::count_if(by_key, [&](const auto& entry) {
    return !holds_unknown && rules.unsure_keys().contains(entry.first);
  });
  const auto sure = by_key.size() - static_cast<std::size_t>(unsure);
  findings_.expect(is_excused || sure <= 1 + ledger_.retries_of(event.serial),
                   [&] { return name + " was sent again under another key"; });
  for (const auto& [key, same] : by_key) {
    if (same.size() == 1) continue;
    findings_.expect(!holds_unknown, [&] { return name + " is recorded twice in spite of hold"; });
    findings_.expect(is_excused || rules.unsure_keys().contains(key),
                     [&] { return name + " is recorded twice without a reason"; });
    for (const auto* copy : same) {
      findings_.expect(is_excused || copy->body_hash == same.front()->body_hash,
                       [&] { return name + " was sent again with other bytes"; });
    }
  }
}

void Reference::check_dead_letters(bool holds_unknown) {
  for (const Ledger::Dead& dead : ledger_.dead()) {
    const DeadItem& item = dead.item;
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
    const bool is_quoted = std::ranges::any_of(it->second, [&](const std::string& words) {
      return item.reason.find(words) != std::string::npos;
    });
    findings_.expect(is_quoted, [&] {
      return name + " is dead for another reason than the API's: " + item.reason;
    });
    if (item.status == 200) check_tries(dead, name);
  }
  for (const Ledger::Entry& entry : ledger_.entries()) {
    const bool is_refused = entry.operation.is_bad && !api_.is_mended();
    findings_.expect(!is_refused || entry.state != Ledger::State::kDelivered, [&] {
      return "the API refuses " + render(entry.operation) + ", and it is said to be delivered";
    });
  }
}

void Reference::check_tries(const Ledger::Dead& dead, const std::string& name) {
  const ModelOperation& first = ledger_.operation(dead.item.members.front());
  const auto& failures = api_.failures_of(subject_of(first));
  const auto before = std::ranges::count_if(failures, [&](BootTime at) { return at <= dead.at; });
  const bool is_enough =
      before > 1 && failures.front() + dead_letter_after_ <= dead.at + kUnderWayMax;
  findings_.expect(is_enough, [&] {
    return name + " is dead after " + std::to_string(before) + " tries within " +
           std::to_string((dead.at - failures.front()).count()) + " ms";
  });
}

}  // namespace flowmyna::simulation
