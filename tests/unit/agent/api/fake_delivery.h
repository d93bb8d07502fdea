#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/backlog.h"
#include "delivery/control.h"

namespace flowmyna::test {

/// Delivers nothing, says what it is told to, and notes what it was asked for; drops what waits
/// unless `drop_answer` is a refusal.
class FakeDelivery final : public DeliveryControl, private DeliveryActions {
 public:
  explicit FakeDelivery(Backlog& backlog) : backlog_(backlog) {}

  DeliveryStatus told;
  bool holds = false;
  std::vector<StuckItem> stuck_items;
  Result<void> drop_answer;
  Result<void> give_up_answer;  ///< a refusal of what was exported
  Result<ExportView> export_answer = fail(Error::Kind::kUnsupported, "nothing is delivered");
  std::vector<Wait> waits;
  std::string asked;  ///< "flush pause …"

  DeliveryStatus status() const override { return told; }
  bool holds_unknown() const override { return holds; }
  void post(Work work) override { work(*this); }

 private:
  void flush() override { note("flush"); }
  void pause() override { note("pause"); }
  void resume() override { note("resume"); }
  void returned(Receipt lowest) override { note("returned " + std::to_string(lowest)); }
  void refresh_health() override { note("refresh"); }
  void end_back_off() override { note("end_back_off"); }
  void release_waits() override { note("release_waits"); }
  void network_changed() override { note("network_changed"); }
  void network_lost() override { note("network_lost"); }
  void key_changed() override { note("key_changed"); }
  void await(Wait wait) override { waits.push_back(std::move(wait)); }
  void begin_export(Done<ExportView> done) override { done(export_answer); }
  void continue_export(const std::string& id, Done<ExportView> done) override {
    note("export " + id);
    done(export_answer);
  }
  void give_up_exported(const std::string& id, std::vector<Receipt> receipts,
                        Done<std::uint64_t> done) override {
    note("give up " + id);
    if (!give_up_answer) {
      done(tl::make_unexpected(give_up_answer.error()));
      return;
    }
    backlog_.give_up({std::move(receipts), {}}, std::move(done));
  }
  std::vector<StuckItem> stuck(std::size_t items_max) const override {
    auto items = stuck_items;
    if (items.size() > items_max) items.resize(items_max);
    return items;
  }
  void drop_pending(Receipt receipt, Done<void> done) override {
    if (!drop_answer) {
      done(drop_answer);
      return;
    }
    Settlement settlement;
    settlement.dropped = {receipt};
    backlog_.settle({settlement}, std::move(done));
  }

  void note(const std::string& what) { asked += (asked.empty() ? "" : " ") + what; }

  Backlog& backlog_;
};

}  // namespace flowmyna::test
