#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/outbox.h"

namespace flowmyna {

/// What `GET /agent/v1/pending` asks for.
struct PendingQuery {
  std::string type;  ///< canonical escaping; empty: any
  std::string id;    ///< likewise; of objects of `type`
  std::size_t limit = 100;
  bool stuck = false;  ///< only what keeps failing by itself; see StuckList

  static constexpr std::size_t kLimitMax = 1000;

  /// `type=&id=&stuck=&limit=`; kInvalid names what is wrong. `id` goes with `type`, and both with
  /// `stuck`.
  static Result<PendingQuery> parse(std::string_view query);

  bool matches(const Operation& operation) const;
};

/// Looks through the backlog, oldest first, in small reads between which writers have their turn,
/// and ends with `{"pending":[…],"more":bool}`. `more`: there is something after the last entry, or
/// the scan gave up before the end of a large backlog in which little matches.
class PendingScan : public std::enable_shared_from_this<PendingScan> {
 public:
  using Done = std::function<void(Result<std::string>)>;

  static void start(Outbox& outbox, PendingQuery query, Done done);

  PendingScan(Outbox& outbox, PendingQuery query, Done done);

 private:
  void next();
  void take(const Result<Window>& window);
  void finish(bool more);

  Outbox& outbox_;
  const PendingQuery query_;
  const Done done_;
  Receipt after_ = 0;
  std::size_t scanned_ = 0;
  std::size_t found_ = 0;
  std::string body_;
};

}  // namespace flowmyna
