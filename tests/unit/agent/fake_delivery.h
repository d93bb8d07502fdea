#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/desk.h"

namespace flowmyna::test {

/// Delivers nothing; drops what it is told to, or says why it does not.
class FakeDelivery final : public DeliveryControl {
 public:
  explicit FakeDelivery(Outbox& outbox) : outbox_(outbox) {}

  std::vector<StuckItem> stuck_items;
  Result<void> drop_answer;

  DeliveryStatus status() const override { return {}; }
  void flush() override {}
  void pause() override {}
  void resume() override {}
  void returned(Receipt) override {}
  void refresh_health() override {}
  void await(Wait) override {}
  void begin_export(Outbox::Done<ExportView> done) override { done(none()); }
  void continue_export(std::string, Outbox::Done<ExportView> done) override { done(none()); }
  void give_up_exported(std::string, std::vector<Receipt>,
                        Outbox::Done<std::uint64_t> done) override {
    done(none());
  }
  void stuck(std::size_t items_max, Outbox::Done<std::vector<StuckItem>> done) override {
    auto items = stuck_items;
    if (items.size() > items_max) items.resize(items_max);
    done(items);
  }
  void drop_pending(Receipt receipt, Outbox::Done<void> done) override {
    if (!drop_answer) {
      done(drop_answer);
      return;
    }
    Settlement settlement;
    settlement.dropped = {receipt};
    outbox_.settle({settlement}, std::move(done));
  }
  bool holds_unknown() const override { return false; }

 private:
  static tl::unexpected<Error> none() {
    return fail(Error::Kind::kUnsupported, "nothing is delivered");
  }
  Outbox& outbox_;
};

}  // namespace flowmyna::test
