#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "chance.h"
#include "core/answer.h"
#include "dialect.h"
#include "model_operation.h"

namespace flowmyna::simulation {

/// A request on the wire.
struct Copy {
  bool is_get = false;
  std::string path;
  std::string key;
  std::string body;
  bool is_event() const { return path == "/event/batch"; }
};

struct ApiOptions {
  /// How the API refuses bad items; one API has one way.
  enum class Refusal : std::uint8_t {
    kWhole,   ///< 422 for the batch
    kInPart,  ///< partial failure
  };
  Refusal refusal = Refusal::kWhole;
  Dialect dialect;
  /// That a batch has an item which fails this once. (Never an event that another copy of the same
  /// request records: an API which takes an event and says that it did not cannot be followed.)
  double passing_failure = 0;
  std::size_t body_bytes_max = SIZE_MAX;  ///< 413 above,
  bool takes_large_items = true;          ///< unless the item is alone
  bool has_usual_health = true;           ///< or its health answers in another shape
};

/// The API as its documentation has it: merges by property, `null` removes, events and objects
/// that they name are created, the items of a batch are applied in any order, nothing is idempotent
/// but upserts; for every event it keeps the state in which that found its objects.
class ModelApi {
 public:
  struct Recording {
    std::string key;
    std::size_t body_hash = 0;
    std::string timestamp;
    std::vector<std::string> found;  ///< one a target, before the event's own properties
  };

  ModelApi(ApiOptions options, const VirtualClock& clock, Chance& chance)
      : options_(options), clock_(clock), chance_(chance) {}

  /// How it takes one request.
  enum class Mood : std::uint8_t {
    kUsual,
    kHalf,         ///< applies some of it; the answer is for the caller to spoil
    kContradicts,  ///< the same, and answers what cannot be
    kRefusesAll,   ///< 422
    kFailsAll,     ///< each item by itself, in a 200
  };
  /// Does what the request says; the answer as it leaves. `has_twin`: another copy of it is still
  /// on its way.
  Answer process(const Copy& copy, Mood mood = Mood::kUsual, bool has_twin = false);

  /// From now on it takes what it refused for good.
  void mend() { is_mended_ = true; }
  bool is_mended() const { return is_mended_; }

  const Objects& objects() const { return objects_; }
  const std::map<Serial, std::vector<Recording>>& recordings() const { return recordings_; }
  /// Whether it has applied an upsert of this object that came with this key.
  bool has_applied(const std::string& key, const std::string& object) const {
    const auto it = applied_.find(key);
    return it != applied_.end() && it->second.contains(object);
  }
  /// What it refused while it stood alone, with its words.
  const std::map<std::string, std::set<std::string>>& refused() const { return refused_; }
  /// When it said of the item of this subject that it failed, by itself or with its batch.
  const std::vector<BootTime>& failures_of(const std::string& subject) const {
    static const std::vector<BootTime> kNone;
    const auto it = failures_.find(subject);
    return it == failures_.end() ? kNone : it->second;
  }
  /// Events of batches that failed in part: whether the agent knows which depends on what it has
  /// learned of how this API counts.
  const std::set<Serial>& ambiguous() const { return ambiguous_; }

  /// The events in the body of a batch.
  static std::vector<Serial> serials_in(const std::string& body);
  static std::vector<ModelOperation> operations_in(const Copy& copy);
  /// What the items of a request are about: the events' serials, or the objects.
  static std::set<std::string> subjects_of(const Copy& copy);

 private:
  struct Item;
  static std::vector<Item> read_items(const Copy& copy);
  std::string fault_of(const Item& item) const;
  void note_failure(const Item& item);
  void note_refusal(const Item& item, const std::string& fault);
  void fail_at_random(const Copy& copy, const std::vector<Item>& items, bool has_twin,
                      std::vector<std::string>& faults);
  void fail_all(const Copy& copy, const std::vector<Item>& items, bool has_twin,
                std::vector<std::string>& faults);
  void apply(const Copy& copy, const std::vector<Item>& items,
             const std::vector<std::string>& faults, Mood mood);
  void apply(const Item& item, const Copy& copy);
  Answer refuse_whole(const std::vector<std::string>& faults) const;
  Answer answer(const Copy& copy, const std::vector<Item>& items,
                const std::vector<std::string>& faults, Mood mood);
  std::size_t position_of_first(const Copy& copy, const std::vector<AnsweredItem>& items);

  ApiOptions options_;
  const VirtualClock& clock_;
  Chance& chance_;
  bool is_mended_ = false;
  Objects objects_;
  std::map<Serial, std::vector<Recording>> recordings_;
  std::map<std::string, std::set<std::string>> applied_;  // objects of upserts, by key
  std::map<std::string, std::set<std::string>> refused_;
  std::map<std::string, std::vector<BootTime>> failures_;  // by subject
  bool has_shown_zero_ = false;                            // see Dialect::Positions::kTurning
  bool has_turned_ = false;
  std::set<Serial> ambiguous_;
};

}  // namespace flowmyna::simulation
