// The foreman's part for writers who wait for what becomes of their operations.
//
// No wait can miss its outcome. A wait is posted from Append::done; the outbox answers an append
// before any read that shows its operations; and what is posted runs in order. So a wait is known
// before its operations can be planned, from which follows all else: that an event is planned into
// a request of its own, and that every answer about it is looked into. What was sealed in an
// earlier run has no writer any more.
//
// An outcome is only noted when the answer comes. It is reported after its settlement is durable:
// a writer who has read "delivered" must not find the operation pending after a power cut.

#include <algorithm>

#include "core/identity.h"
#include "delivery/foreman.h"

namespace flowmyna {

void Foreman::await(Wait wait) {
  // Its writer is waiting: there is no sense in waiting for company.
  reader_.hurry_through(wait.first + wait.count - 1);
  waiters_.add(std::move(wait));
}

void Foreman::note_delivered(SealedRequest& request, const Verdict& verdict, const Answer& answer) {
  if (waiters_.empty()) return;
  const auto is_awaited = [this](const ItemMembers& members) {
    return std::ranges::any_of(members, [this](Receipt r) { return waiters_.awaits(r); });
  };
  if (std::ranges::none_of(request.items.members(), is_awaited)) return;
  const auto identities = read_identities(request.kind, request.body, verdict, answer);
  for (std::size_t i = 0; i < request.items.members().size(); ++i) {
    if (verdict.items[i] != Verdict::Item::kDelivered) continue;
    const ItemMembers& members = request.items.members()[i];
    for (const Receipt receipt : members) {
      if (!waiters_.awaits(receipt)) continue;
      OperationOutcome outcome{receipt, OperationOutcome::State::kDelivered, {}, false, 0, {}};
      if (identities[i]) {
        outcome.id = identities[i]->id;
        // One at a time, the first of merged upserts would have made the object.
        outcome.created = identities[i]->created && receipt == members.front();
      }
      request.outcomes.push_back(std::move(outcome));
    }
  }
}

void Foreman::note_dead(SealedRequest& request, const ItemMembers& members, int status,
                        const std::string& words) {
  for (const Receipt receipt : members) {
    if (!waiters_.awaits(receipt)) continue;
    request.outcomes.push_back({receipt, OperationOutcome::State::kDead, {}, false, status, words});
  }
}

}  // namespace flowmyna
