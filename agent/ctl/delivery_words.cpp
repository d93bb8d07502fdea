#include "agent/ctl/delivery_words.h"

namespace flowmyna::ctl {

DeliveryWords words_of(DeliveryState state) {
  DeliveryWords words;
  switch (state) {
    case DeliveryState::kIdle:
    case DeliveryState::kDelivering:
      break;
    case DeliveryState::kBackingOff:
      words.level = Level::kWarn;
      words.finding = "backing off";
      words.hint = "nothing is lost; check the network, the proxy and [api] url if it lasts";
      break;
    case DeliveryState::kNoKey:
      words.status = "no API key: accepting, not delivering; set api.key_file or FLOWMYNA_API_KEY";
      words.level = Level::kFail;
      words.finding = "no API key: accepting, not delivering";
      words.hint =
          "set [api] key_file or FLOWMYNA_API_KEY; a key file is noticed without a restart";
      words.standstill = "there is no API key; set [api] key_file or FLOWMYNA_API_KEY";
      break;
    case DeliveryState::kUnauthorized:
      words.level = Level::kFail;
      words.finding = "unauthorized";
      words.hint = "put a valid API key into [api] key_file; it is noticed without a restart";
      words.standstill = "the API refuses the key; put a valid one into [api] key_file";
      break;
    case DeliveryState::kRefused:
      words.status = "the API refuses everything: it is all kept and tried again";
      words.level = Level::kFail;
      words.finding = "the API refuses everything";
      words.hint =
          "everything is kept and tried again; check that the key is of the right account, and ask "
          "the API's operator";
      words.standstill = "the API refuses everything; `flowmynactl status` shows what it says";
      break;
    case DeliveryState::kPaused:
      words.level = Level::kWarn;
      words.finding = "paused";
      words.hint = "`flowmynactl resume` starts it again";
      words.standstill = "delivery is paused; `flowmynactl resume` starts it again";
      break;
    case DeliveryState::kMisconfigured:
      words.level = Level::kFail;
      words.finding = "misconfigured";
      words.hint = "check [api] url, then `systemctl reload flowmyna-agent`";
      words.standstill = "the API does not know these routes; check [api] url";
      break;
  }
  return words;
}

DeliveryWords words_of(std::string_view state) {
  const auto known = delivery_state(state);
  return known ? words_of(*known) : DeliveryWords{};
}

}  // namespace flowmyna::ctl
