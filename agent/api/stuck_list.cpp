#include "agent/api/stuck_list.h"

#include <algorithm>

#include "agent/api/reports.h"

namespace flowmyna {
namespace {

constexpr std::size_t kReadOperations = 16;

// With a filter all of them are looked at, and there are never more than delivery holds at once.
constexpr std::size_t kItemsMax = 10'000;

// Each entry names all others of its item: an answer ends here, however many were asked for.
constexpr std::size_t kBodyBytesMax = 4U << 20;

}  // namespace

std::size_t StuckList::items_wanted(const PendingQuery& query) {
  return query.type.empty() ? query.limit + 1 : kItemsMax;
}

void StuckList::start(Outbox& outbox, PendingQuery query, std::vector<StuckItem> items, Done done) {
  std::make_shared<StuckList>(outbox, std::move(query), std::move(items), std::move(done))->next();
}

StuckList::StuckList(Outbox& outbox, PendingQuery query, std::vector<StuckItem> items, Done done)
    : outbox_(outbox),
      query_(std::move(query)),
      items_(std::move(items)),
      done_(std::move(done)),
      body_(R"({"pending":[)") {
  for (const StuckItem& item : items_) {
    for (const Receipt receipt : item.members) members_.push_back({receipt, &item});
  }
  std::ranges::sort(members_, {}, &Member::receipt);
  const Members all(members_);
  for (std::size_t end = all.size(); end > 0;) {
    const std::size_t begin = (end - 1) / kReadOperations * kReadOperations;
    to_read_.push_back(all.subspan(begin, end - begin));
    end = begin;
  }
}

void StuckList::next() {
  if (to_read_.empty()) {
    finish(items_.size() >= items_wanted(query_));
    return;
  }
  const Members asked = to_read_.back();
  to_read_.pop_back();
  std::vector<Receipt> receipts;
  for (const Member& member : asked) receipts.push_back(member.receipt);
  outbox_.fetch(std::move(receipts),
                [self = shared_from_this(), asked](const Result<Window>& window) {
                  self->take(asked, window);
                });
}

/// Where one of them is gone, it is looked for by halves.
void StuckList::take(Members asked, const Result<Window>& window) {
  if (window) {
    if (!add(asked, *window)) {
      finish(true);
      return;
    }
  } else if (window.error().kind != Error::Kind::kInvalid) {
    done_(tl::make_unexpected(window.error()));
    return;
  } else if (asked.size() > 1) {
    const std::size_t half = asked.size() / 2;
    to_read_.push_back(asked.subspan(half));
    to_read_.push_back(asked.first(half));
  }
  next();
}

/// False when there is no room for all of them.
bool StuckList::add(Members asked, const Window& window) {
  for (std::size_t i = 0; i < window.size(); ++i) {
    const Window::Row& row = window.rows()[i];
    const auto operation = Operation::parse(window.stored(row));
    if (!operation || !query_.matches(*operation)) continue;
    if (found_ == query_.limit || body_.size() > kBodyBytesMax) return false;
    if (found_++ > 0) body_ += ',';
    body_ += stuck_entry(row, *operation, *asked[i].item);
  }
  return true;
}

void StuckList::finish(bool more) {
  done_(body_ + R"(],"more":)" + (more ? "true}" : "false}"));
}

}  // namespace flowmyna
