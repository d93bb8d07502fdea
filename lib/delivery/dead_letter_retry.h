#pragma once

#include <functional>
#include <memory>

#include "core/dead_letter.h"
#include "core/result.h"

namespace flowmyna {

/// Puts dead letters back into the backlog, in steps between which writers have their turn.
///
/// The foreman hears of it once, after the last step, so that what depends on each other is planned
/// together; and it hears of it also after an error, because that leaves open what is back. What it
/// reads before by chance, or after a crash in between, is delivered before the rest.
class DeadLetterRetry : public std::enable_shared_from_this<DeadLetterRetry> {
 public:
  /// Outbox::retry_dead_letters.
  using Step = std::function<void(LetterLimits, flowmyna::Done<RetriedLetters>)>;
  /// DeliveryControl::returned.
  using Returned = std::function<void(Receipt lowest)>;
  /// `last` and `more` of the result are the last step's. After an error some may be back already.
  using Done = flowmyna::Done<RetriedLetters>;

  /// All letters within `limits`, whose counts bound one step. `returned` and then `done` are
  /// called on the outbox's thread, which must outlive it; it ends by itself.
  static void start(Step step, LetterLimits limits, Returned returned, Done done);

  DeadLetterRetry(Step step, LetterLimits limits, Returned returned, Done done);

 private:
  void next();
  void take(const Result<RetriedLetters>& step);

  const Step step_;
  const Receipt lowest_;
  const Returned returned_;
  const Done done_;
  LetterLimits limits_;
  RetriedLetters total_;
};

}  // namespace flowmyna
