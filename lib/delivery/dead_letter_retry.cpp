#include "delivery/dead_letter_retry.h"

#include <utility>

namespace flowmyna {

void DeadLetterRetry::start(Step step, LetterLimits limits, Returned returned, Done done) {
  std::make_shared<DeadLetterRetry>(std::move(step), limits, std::move(returned), std::move(done))
      ->next();
}

DeadLetterRetry::DeadLetterRetry(Step step, LetterLimits limits, Returned returned, Done done)
    : step_(std::move(step)),
      lowest_(limits.after + 1),
      returned_(std::move(returned)),
      done_(std::move(done)),
      limits_(limits) {}

void DeadLetterRetry::next() {
  step_(limits_,
        [self = shared_from_this()](const Result<RetriedLetters>& step) { self->take(step); });
}

void DeadLetterRetry::take(const Result<RetriedLetters>& step) {
  if (step) {
    total_.letters += step->letters;
    total_.operations += step->operations;
    total_.damaged.insert(total_.damaged.end(), step->damaged.begin(), step->damaged.end());
    total_.last = step->last;
    if (step->more) {
      limits_.after = step->last;
      next();
      return;
    }
  }
  returned_(lowest_);
  done_(step ? Result<RetriedLetters>(total_) : step);
}

}  // namespace flowmyna
