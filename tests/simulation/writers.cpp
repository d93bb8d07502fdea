#include "writers.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// Few names, so that patches overwrite and remove what others set.
constexpr std::int64_t kNames = 5;

// More than the smallest body that an API of the simulation refuses for its size.
constexpr std::size_t kLargeBytes = 1200;

}  // namespace

Writers::Writers(WriterOptions options, EventQueue& queue, Chance& chance, Write write)
    : options_(options), queue_(queue), chance_(chance), write_(std::move(write)) {
  for (std::size_t i = 0; i < options_.writers; ++i) {
    queue_.after(chance_.around(options_.pause), [this] { go_on(); });
  }
}

void Writers::go_on() {
  if (are_done()) return;
  const auto batch =
      static_cast<std::size_t>(chance_.number(1, static_cast<std::int64_t>(options_.batch_max)));
  std::vector<ModelOperation> operations;
  for (std::size_t i = 0; i < batch && !are_done(); ++i) operations.push_back(make());
  write_(std::move(operations));
  queue_.after(chance_.around(options_.pause), [this] { go_on(); });
}

ModelOperation Writers::make() {
  ModelOperation operation;
  operation.serial = static_cast<Serial>(made_++);
  operation.is_bad = chance_.one_in(options_.bad_share);
  if (chance_.one_in(options_.event_share)) {
    make_event(operation);
  } else {
    make_upsert(operation);
  }
  return operation;
}

void Writers::make_upsert(ModelOperation& operation) {
  operation.kind = Kind::kUpsert;
  auto& target = operation.targets.emplace_back(make_target());
  target.properties = make_properties(static_cast<std::size_t>(chance_.number(0, 3)));
  if (operation.is_bad) target.properties.emplace_back(bad_word(operation.serial), "1");
  if (chance_.one_in(options_.large_share)) {
    target.properties.emplace_back("large", '"' + std::string(kLargeBytes, 'x') + '"');
  }
  // Its own number, so that every state shows which upserts made it.
  if (chance_.one_in(0.7)) {
    target.properties.emplace_back("last", std::to_string(operation.serial));
  }
}

std::vector<ModelOperation> Writers::make_witnesses() {
  std::vector<ModelOperation> out(2);
  for (ModelOperation& operation : out) {
    operation.serial = static_cast<Serial>(made_++);
    operation.targets.push_back({"Witness", "w", {}});
  }
  out.front().targets.front().properties = {{"last", std::to_string(out.front().serial)}};
  out.back().kind = Kind::kEvent;
  return out;
}

void Writers::make_event(ModelOperation& operation) {
  operation.kind = Kind::kEvent;
  operation.has_own_time = chance_.one_in(options_.own_time_share);
  if (operation.has_own_time) operation.timestamp = "2024-01-01T00:00:00.000Z";
  const auto count = chance_.number(1, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    auto& target = operation.targets.emplace_back(make_target());
    if (!chance_.one_in(options_.inline_share)) continue;
    target.properties = make_properties(static_cast<std::size_t>(chance_.number(1, 2)));
    // Two mentions of one object may both write it: names of their own keep that unambiguous.
    for (auto& [name, value] : target.properties) name += "@" + std::to_string(i);
  }
}

std::string Writers::name_of(const WriterOptions& options, std::size_t object) {
  return "T" + std::to_string(object % options.types) + "/o" + std::to_string(object);
}

ModelOperation::Target Writers::make_target() {
  const std::size_t object = chance_.index(options_.objects);
  return {"T" + std::to_string(object % options_.types), "o" + std::to_string(object), {}};
}

Properties Writers::make_properties(std::size_t count) {
  Properties out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = "p" + std::to_string(chance_.number(0, kNames - 1));
    const bool is_there = std::ranges::any_of(out, [&](const auto& p) { return p.first == name; });
    if (is_there) continue;
    const bool removes = chance_.one_in(0.3);
    out.emplace_back(std::move(name),
                     removes ? "null" : std::to_string(chance_.number(0, 1'000'000)));
  }
  return out;
}

}  // namespace flowmyna::simulation
