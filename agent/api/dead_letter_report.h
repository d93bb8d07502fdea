#pragma once

#include <optional>
#include <string>

#include "core/outbox.h"

namespace flowmyna {

/// Reports on dead letters and receipts, and their JSON.

/// One entry of `GET /agent/v1/dead-letters`: what the API said, and the item as it was sent.
/// `kind` and `item` are null where an operation is damaged, `status` where there was no refusal.
std::string dead_letter_entry(const DeadLetter& letter);

/// `GET /agent/v1/dead-letters/N`: the same, and every operation as it was written.
std::string dead_letter_report(const DeadLetter& letter);

/// Where an operation is.
struct ReceiptReport {
  Receipt receipt = 0;
  ReceiptState state = ReceiptState::kUnknown;
  std::optional<DeadLetter> letter;  ///< that holds it
  std::string why_unknown;           ///< when nobody can know; empty otherwise
};

/// Asks the outbox; `done` is called on its thread.
void look_up(Outbox& outbox, Receipt receipt, Done<ReceiptReport> done);

/// `GET /agent/v1/receipts/N`
std::string receipt_json(const ReceiptReport& report);

}  // namespace flowmyna
