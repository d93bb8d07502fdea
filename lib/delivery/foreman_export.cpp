// The foreman's part in an export, by which a backlog moves to another device.
//
// An export reads the backlog in many small pieces, and what it has read may be given up
// afterwards. Both are right only if nothing changes what was accepted before: nothing is sent,
// settled, folded or corrected. So it begins once delivery is paused and all that was under way has
// come to its end, and stands still until it ends. What is sealed stays so: whether its events are
// recorded is not known, and the export says so of each. What was stamped by a clock that has not
// been synchronised since is marked as well.

#include <algorithm>

#include "delivery/foreman.h"

namespace flowmyna {

bool Foreman::is_still() const {
  const auto is_at_rest = [](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.phase == Phase::kReady ||
           (request.phase == Phase::kUnbuilt && request.is_sealed);
  };
  return loaded_ && !reader_.is_reading() && !compaction_.is_under_way() && !correcting_ &&
         !clock_is_due_ && !hold_.is_giving_up() && in_flight_ == 0 && to_settle_.empty() &&
         std::ranges::all_of(requests_, is_at_rest);
}

void Foreman::begin_export(Done<ExportView> done) {
  const BootTime at = now();
  if (gate_.state(at) != DeliveryState::kPaused) {
    done(fail(Error::Kind::kInvalid,
              "delivery goes on, and would send what is exported: `flowmynactl pause` first"));
    return;
  }
  if (backlog_.stats().is_partial) {
    done(fail(Error::Kind::kBusy,
              "a part of what waits is still in the damaged file: make room on the disk for it; it "
              "comes out by itself then"));
    return;
  }
  // What can be corrected is, before it leaves; an export that nobody goes on with does not delay
  // it.
  notice_clock();
  if (clock_is_due_) hold_.end();
  if (!is_still()) {
    done(fail(Error::Kind::kBusy,
              "something is still under way to the API or to the disk; it "
              "ends by itself, api.request_timeout at the latest"));
    return;
  }
  reader_.forget_plan(0);
  hold_.begin(make_key_(), backlog_.stats().last_receipt, at);
  done(view_of_export());
}

void Foreman::continue_export(const std::string& id, Done<ExportView> done) {
  const BootTime at = now();
  if (!hold_.is_of(id, at)) {
    done(fail(
        Error::Kind::kInvalid,
        "the export has ended: delivery was resumed, dead letters were retried, the agent was "
        "restarted, another export began, or nobody went on with it for a minute; begin anew"));
    return;
  }
  hold_.extend(at);
  done(view_of_export());
}

Result<ExportView> Foreman::view_of_export() const {
  ExportView view{hold_.id(), hold_.through(), {}};
  for (const auto& [id, request] : requests_) {
    if (request.kind != Kind::kEvent || !request.record.may_have_arrived) continue;
    for (const ItemMembers& item : request.items.members()) {
      view.maybe_sent.emplace_back(item.front(), request.idempotency_key);
    }
  }
  std::ranges::sort(view.maybe_sent);
  return view;
}

/// A request leaves whole: all of its operations were exported, and half of one could not be sent.
GiveUp Foreman::with_requests(std::vector<Receipt> receipts) const {
  GiveUp what;
  std::ranges::sort(receipts);
  const auto is_given_up = [&receipts](Receipt member) {
    return std::ranges::binary_search(receipts, member);
  };
  for (const auto& [id, request] : requests_) {
    const auto& items = request.items.members();
    const bool is_affected = std::ranges::any_of(
        items, [&](const ItemMembers& item) { return std::ranges::any_of(item, is_given_up); });
    if (!is_affected) continue;
    what.seals.push_back(id);
    for (const ItemMembers& item : items) {
      what.receipts.insert(what.receipts.end(), item.begin(), item.end());
    }
  }
  what.receipts.insert(what.receipts.end(), receipts.begin(), receipts.end());
  return what;
}

void Foreman::give_up_exported(const std::string& id, std::vector<Receipt> receipts,
                               Done<std::uint64_t> done) {
  continue_export(id, [this, &receipts, &done](const Result<ExportView>& view) {
    if (!view || hold_.is_giving_up()) {
      done(view ? fail(Error::Kind::kBusy, "exported operations are being dropped already")
                : tl::make_unexpected(view.error()));
      return;
    }
    std::erase_if(receipts, [&](Receipt receipt) { return receipt > view->through; });
    GiveUp what = with_requests(std::move(receipts));
    hold_.begin_giving_up();
    backlog_.give_up(what, [this, what, done](Result<std::uint64_t> given_up) {
      post_([this, what, is_done = given_up.has_value()] { on_given_up(what, is_done); });
      done(std::move(given_up));
    });
  });
}

void Foreman::on_given_up(const GiveUp& what, bool is_done) {
  hold_.end_giving_up();
  if (is_done) {
    for (const Receipt receipt : what.receipts) waiters_.report(dropped(receipt));
  }
  for (const RequestId id : what.seals) {
    if (is_done) {
      requests_.erase(id);
    } else {
      // Whether it is on the disk is open. Settling nothing returns what is still there.
      finish(requests_.at(id));
    }
  }
  if (!is_done) hold_.end();
}

}  // namespace flowmyna
