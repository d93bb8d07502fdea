#pragma once

#include <algorithm>

#include "core/clock.h"
#include "core/window.h"
#include "delivery/deferral.h"

namespace flowmyna {

/// One look at the backlog, oldest first, as far as it has come. Pure.
///
/// What it has read is planned, in a request, settled, or was passed over. What conflicts with what
/// was passed over is passed over as well, however much later it comes. So a look may go on for any
/// time, whatever is planned or gives up its place in the plan meanwhile. It does not notice,
/// though, when what it has passed over may go.
///
/// Hence two of them. The *first* goes on to the end of the backlog and never begins anew before,
/// so that what is free to go is found wherever it stands. The *second* begins at the oldest that
/// was passed over as soon as some of it may go, and anew whenever more may, so that what is old
/// does not wait for the end of the backlog. They take turns. The second becomes the first when it
/// has caught up; and where it would begin anew, although the first has ended, it goes on as the
/// first instead. So whatever may go is found after two looks at the latest.
///
/// (One look that begins anew whenever something may go was rejected. Where requests fail more
/// often than the backlog can be read, nobody ever came to its end.)
struct Look {
  Receipt cursor = 0;   ///< what is up to here was read
  Receipt through = 0;  ///< what was accepted when it began: there it has come to its end
  BootTime began_at{0};
  Deferral held;  ///< passed over for what fails: a request or an endpoint
  /// Passed over because it comes after what is planned and has to wait, or because it gave up its
  /// own place in the plan.
  Deferral behind;
  BootTime passed_over_since{0};
  BootTime took{0};  ///< its reads, so far

  bool has_passed_over() const { return held.lowest() != 0 || behind.lowest() != 0; }
  /// The lowest receipt that was passed over; 0: none was.
  Receipt lowest() const {
    if (held.lowest() == 0 || behind.lowest() == 0) return std::max(held.lowest(), behind.lowest());
    return std::min(held.lowest(), behind.lowest());
  }
  /// Nothing more can be passed over.
  bool is_full() const { return held.is_full() || behind.is_full(); }
  bool has_ended() const { return cursor >= through || is_full(); }
};

}  // namespace flowmyna
