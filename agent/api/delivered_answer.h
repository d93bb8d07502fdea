#pragma once

#include <cstddef>
#include <vector>

#include "agent/http/message.h"
#include "core/decode.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// What a writer who waited for delivery is answered: as the API would have, with its ids and
/// words, plus `"queued": false` and the receipts.
///
/// It is kept while the writer waits, so it holds what the answers name and no properties.
class DeliveredAnswer {
 public:
  static DeliveredAnswer to_single(Kind kind, const EncodedOperations& operation);
  /// `batch`: with the items that were invalid here, which the API never saw.
  static DeliveredAnswer to_batch(Kind kind, const DecodedBatch& batch);

  /// One outcome an operation, in order; none of them pending.
  HttpResponse render(const std::vector<OperationOutcome>& outcomes) const;

 private:
  DeliveredAnswer(Kind kind, bool is_batch, const EncodedOperations& operations);
  HttpResponse single(const OperationOutcome& outcome) const;
  HttpResponse batch(const std::vector<OperationOutcome>& outcomes) const;

  Kind kind_;
  bool is_batch_;
  EncodedOperations operations_;      // without properties
  std::vector<std::size_t> indexes_;  // where each stood in the batch
  std::vector<ItemError> errors_;     // ascending
};

}  // namespace flowmyna
