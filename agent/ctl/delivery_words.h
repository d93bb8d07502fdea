#pragma once

#include <string_view>

#include "core/delivery_state.h"

namespace flowmyna::ctl {

/// How `doctor` judges something.
enum class Level { kOk, kWarn, kFail };

/// What flowmynactl says of a state of delivery; a null pointer where it has nothing to say.
struct DeliveryWords {
  const char* status = nullptr;  ///< for `status`, where the name does not say it all
  /// For `doctor`: what it means and what to do.
  Level level = Level::kOk;
  const char* finding = nullptr;
  const char* hint = nullptr;
  /// For those who wait: why nothing will be delivered until a person does something.
  const char* standstill = nullptr;
};

DeliveryWords words_of(DeliveryState state);
/// By its name; of a state that is not known here there are no words.
DeliveryWords words_of(std::string_view state);

}  // namespace flowmyna::ctl
