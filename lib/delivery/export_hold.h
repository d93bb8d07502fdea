#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/clock.h"
#include "core/window.h"

namespace flowmyna {

/// What holds delivery still for people: an export, from its beginning until it ends or nobody goes
/// on with it, and the removal of operations that a person gives up. Pure.
class ExportHold {
 public:
  /// Of everything that was accepted up to `through`. It takes the place of another that goes on.
  void begin(std::string id, Receipt through, BootTime now) {
    export_ = {std::move(id), through, now + kPatience};
  }
  /// Whether `id` is that of the export that goes on.
  bool is_of(const std::string& id, BootTime now) const {
    return export_ && export_->id == id && now < export_->until;
  }
  /// Somebody goes on with it.
  void extend(BootTime now) { export_->until = now + kPatience; }
  void end() { export_.reset(); }

  // Of the export that `begin` began and `end` has not ended.
  const std::string& id() const { return export_->id; }
  Receipt through() const { return export_->through; }

  void begin_giving_up() { is_giving_up_ = true; }
  void end_giving_up() { is_giving_up_ = false; }
  bool is_giving_up() const { return is_giving_up_; }

  bool is_held(BootTime now) const { return is_giving_up_ || (export_ && now < export_->until); }
  /// When the export ends by itself, or did.
  std::optional<BootTime> until() const {
    return export_ ? std::optional(export_->until) : std::nullopt;
  }

 private:
  // Whoever exports asks for the next piece within this, or has gone.
  static constexpr std::chrono::minutes kPatience{1};

  struct Export {
    std::string id;
    Receipt through = 0;
    BootTime until{0};
  };
  std::optional<Export> export_;
  bool is_giving_up_ = false;
};

}  // namespace flowmyna
