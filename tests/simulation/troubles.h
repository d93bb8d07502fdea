#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model_api.h"
#include "model_operation.h"

namespace flowmyna::simulation {

/// What is wrong with a part of the API, for a while or for ever: with an endpoint, or with
/// whatever touches an object, in any company.
struct Trouble {
  enum class Effect : std::uint8_t {
    kServerError,  ///< 5xx
    kForbidden,    ///< 401, 403 in the API's words
    kPage,         ///< a page in its place
    kNotFound,     ///< 404, 405
    kSilence,      ///< no answer
    kHalfDone,     ///< 5xx after a part of the request was applied
    kRefusesAll,   ///< 422 for the request
    kFailsAll,     ///< 200, each item failed
  };
  Effect effect = Effect::kServerError;
  BootTime begin{0};
  BootTime end{0};
  std::optional<Kind> kind = {};  ///< none: both
  std::string objects = "";       ///< how their names begin

  static constexpr BootTime kNever = BootTime::max();
  bool is_endless() const { return end == kNever; }
};

class Troubles {
 public:
  explicit Troubles(std::vector<Trouble> all) : all_(std::move(all)) {}

  /// The first that a request meets.
  const Trouble* met_by(const Copy& copy, BootTime now) const;
  bool are_endless() const;
  /// Whether the API will never take the operation.
  bool are_endless_for(const ModelOperation& operation) const;

 private:
  std::vector<Trouble> all_;
};

std::string render(const Trouble& trouble);

}  // namespace flowmyna::simulation
