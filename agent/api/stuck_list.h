#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/api/pending_scan.h"
#include "core/outbox.h"
#include "delivery/delivery_status.h"

namespace flowmyna {

/// Reads the operations of stuck items, oldest first, in small reads between which writers have
/// their turn, and ends with `{"pending":[…],"more":bool}`: an entry for each operation that the
/// query matches. One that has been settled since delivery told of it is left out.
class StuckList : public std::enable_shared_from_this<StuckList> {
 public:
  using Done = std::function<void(Result<std::string>)>;

  /// How many items to ask delivery for. With a filter all of them, since nobody knows in advance
  /// how many match.
  static std::size_t items_wanted(const PendingQuery& query);

  /// `items` as delivery gave them when it was asked for so many.
  static void start(Outbox& outbox, PendingQuery query, std::vector<StuckItem> items, Done done);

  StuckList(Outbox& outbox, PendingQuery query, std::vector<StuckItem> items, Done done);

 private:
  struct Member {
    Receipt receipt = 0;
    const StuckItem* item = nullptr;
  };
  using Members = std::span<const Member>;

  void next();
  void take(Members asked, const Result<Window>& window);
  bool add(Members asked, const Window& window);
  void finish(bool more);

  Outbox& outbox_;
  const PendingQuery query_;
  const std::vector<StuckItem> items_;
  const Done done_;
  std::vector<Member> members_;   // ascending
  std::vector<Members> to_read_;  // the next one last
  std::size_t found_ = 0;
  std::string body_;
};

}  // namespace flowmyna
