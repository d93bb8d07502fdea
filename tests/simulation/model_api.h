#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "chance.h"
#include "core/answer.h"
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
    kWhole,    ///< 422 for the batch
    kNamed,    ///< partial failure, the errors naming the items
    kUnnamed,  ///< partial failure, the errors naming nothing
  };
  Refusal refusal = Refusal::kWhole;
  /// That a batch has an item which fails this once. (Never an event that another copy of the same
  /// request records: an API which takes an event and says that it did not cannot be followed.)
  double passing_failure = 0;
  std::size_t body_bytes_max = SIZE_MAX;  ///< 413 above, unless the item is alone
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

  ModelApi(ApiOptions options, Chance& chance) : options_(options), chance_(chance) {}

  /// Does what the request says; the answer as it leaves. `has_twin`: another copy of it is still
  /// on its way.
  Answer process(const Copy& copy, bool has_twin = false);

  /// From now on it takes what it refused for good.
  void mend() { is_mended_ = true; }
  bool is_mended() const { return is_mended_; }

  const Objects& objects() const { return objects_; }
  const std::map<Serial, std::vector<Recording>>& recordings() const { return recordings_; }
  /// What it refused for good while it stood alone, with its words.
  const std::map<std::string, std::string>& refused() const { return refused_; }
  /// Events of batches that failed in part without a word about which.
  const std::set<Serial>& ambiguous() const { return ambiguous_; }

  /// The events in the body of a batch.
  static std::vector<Serial> serials_in(const std::string& body);

 private:
  struct Item;
  static std::vector<Item> read_items(const Copy& copy);
  std::string fault_of(const Item& item) const;
  void apply(const Item& item, const Copy& copy);
  Answer refuse_whole(const std::vector<std::string>& faults) const;
  Answer answer(const Copy& copy, const std::vector<Item>& items,
                const std::vector<std::string>& faults);

  ApiOptions options_;
  Chance& chance_;
  bool is_mended_ = false;
  Objects objects_;
  std::map<Serial, std::vector<Recording>> recordings_;
  std::map<std::string, std::string> refused_;
  std::set<Serial> ambiguous_;
};

}  // namespace flowmyna::simulation
