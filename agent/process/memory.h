#pragma once

namespace flowmyna {

/// The agent shares small machines with others, so what a burst took is given back. Any thread may
/// call these.

/// Once, before the first thread starts: large blocks go back to the kernel when they are freed,
/// and there are no more heaps than threads that work.
void keep_memory_small();

/// For idle moments, and after start-up, which touches far more of the program than any day's work
/// does: returns the heap's free pages, and lets go of the pages of the program and its libraries.
/// Those are read-only and the kernel's to share; the ones that are needed again come back from its
/// cache, for some hundred microseconds in all after a silence.
void give_back_memory();

}  // namespace flowmyna
