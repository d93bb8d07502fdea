#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/decode.h"
#include "core/operation.h"
#include "event_queue.h"

namespace flowmyna::simulation {

/// From 0 upwards over all operations that the writers of a run make.
using Serial = std::uint32_t;

/// Name and raw JSON value, in the order of writing.
using Properties = std::vector<std::pair<std::string, std::string>>;

/// An object as the API ends up with it.
using ObjectValue = std::map<std::string, std::string>;

/// All objects, by "type/id".
using Objects = std::map<std::string, ObjectValue>;

/// An operation as its writer means it, apart from every form that the project's own code gives it.
struct ModelOperation {
  struct Target {
    std::string type;
    std::string id;
    Properties properties;
    std::string object() const { return type + "/" + id; }
  };
  Serial serial = 0;
  Kind kind = Kind::kUpsert;
  std::vector<Target> targets;    ///< an upsert has one
  bool is_bad = false;            ///< the API refuses it for ever
  bool has_own_time = false;      ///< an event whose writer gave it a timestamp
  std::string timestamp;          ///< of an event, as it is accepted
  std::optional<BootStamp> boot;  ///< of one stamped by a clock that was not synchronised
  std::string right_timestamp;    ///< of one that was stamped: the truth

  /// Whether the event carries properties for this object (in any of its mentions of it).
  bool writes(const std::string& object) const;
};

/// Sets and removes properties as the API does.
void merge(ObjectValue& object, const Properties& properties);

/// `{a=1 b=2}`, for comparisons that a person can read.
std::string render(const ObjectValue& object);
std::string render(const ModelOperation& operation);

/// The item as which an upsert of several operations arrives, in the same form whoever makes it.
std::string render_patch(const std::string& object, const ObjectValue& patch);

/// Gives an event without a timestamp the time of its acceptance, as the agent's router does.
void stamp(ModelOperation& operation, const VirtualClock& clock);

/// The word by which the API refuses a bad operation. In an upsert it is the name of a property, so
/// it stays bad with whatever it is merged.
std::string bad_word(Serial serial);

/// What tells the operation's item from others: an event's serial, or the object.
std::string subject_of(const ModelOperation& operation);

/// The ids by which the API calls what it has.
std::string object_id(const ModelOperation::Target& target);
std::string event_id(Serial serial);

EncodedOperations encode(const std::vector<ModelOperation>& operations);

}  // namespace flowmyna::simulation
