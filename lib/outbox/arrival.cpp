#include "outbox/arrival.h"

#include <string>

namespace flowmyna {

Result<std::optional<Error>> objection_to(Storage& storage, const Arrival& piece) {
  const auto arrived = storage.arrived(piece.export_id, piece.source);
  if (!arrived) return tl::make_unexpected(arrived.error());
  if (piece.first_line != arrived->lines + 1) {
    return Error{Error::Kind::kInvalid,
                 "line " + std::to_string(arrived->lines + 1) + " of this export comes next, not " +
                     std::to_string(piece.first_line) + ": is it being imported twice at once?"};
  }
  auto admitted = check_fits_at_all(storage, piece.operations.bytes());
  if (admitted) admitted = storage.admit(piece.operations.bytes());
  if (!admitted) return admitted.error();
  return std::nullopt;
}

Result<void> take_in(Storage& storage, const Arrival& piece) {
  Receipt first = 0;
  for (std::size_t i = 0; i < piece.operations.size(); ++i) {
    EncodedOperations one;
    one.add_stored(piece.operations[i]);
    const auto receipt = storage.append(one, piece.accepted_unix_s[i]);
    if (!receipt) return tl::make_unexpected(receipt.error());
    if (i == 0) first = *receipt;
  }
  Settlement settlement;  // of no request: there is none with this number
  settlement.duplicates_possible = piece.duplicates_possible;
  for (const Arrival::Letter& letter : piece.letters) {
    DeadItem item{{}, letter.status, letter.reason, letter.attempts, letter.at_unix_s};
    for (std::size_t i = 0; i < letter.count; ++i) item.members.push_back(first + letter.first + i);
    settlement.dead.push_back(std::move(item));
  }
  auto done = storage.settle(settlement);
  return done ? storage.note_arrival(piece) : done;
}

}  // namespace flowmyna
