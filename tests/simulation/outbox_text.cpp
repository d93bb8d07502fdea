#include "outbox_text.h"

namespace flowmyna::simulation {

std::string list(const std::vector<Receipt>& receipts) {
  std::string out;
  for (const Receipt receipt : receipts) {
    out += (out.empty() ? "" : " ") + std::to_string(receipt);
  }
  return out;
}

std::string describe(Receipt first, const std::vector<ModelOperation>& models) {
  std::string out = "outbox: accepted from receipt " + std::to_string(first) + ":";
  for (const auto& model : models) out += " [" + render(model) + "]";
  return out;
}

std::string describe(const Settlement& settlement) {
  std::string out = "outbox: settled request " + std::to_string(settlement.id) +
                    ", delivered: " + list(settlement.delivered);
  for (const auto& item : settlement.dead) {
    out += ", dead: " + list(item.members) + " (" + item.reason + ")";
  }
  if (!settlement.dropped.empty()) out += ", dropped: " + list(settlement.dropped);
  return out;
}

std::string describe(const Seal& seal) {
  std::string out =
      "outbox: sealed request " + std::to_string(seal.id) + ", key " + seal.idempotency_key + ":";
  for (const auto& item : seal.items) out += " [" + list(item) + "]";
  return out;
}

std::string describe(const DeadLetters& taken, bool drops) {
  std::string out = drops ? "outbox: dropped" : "outbox: returned";
  for (const DeadLetter& letter : taken.letters) {
    for (const auto& row : letter.operations.rows()) out += ' ' + std::to_string(row.receipt);
  }
  return out;
}

}  // namespace flowmyna::simulation
