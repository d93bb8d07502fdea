#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/arrival.h"
#include "core/dead_letter.h"
#include "core/encoded_operations.h"
#include "core/result.h"
#include "core/window.h"

namespace flowmyna {

/// The lines of an export between its first and its last, in the order of receipts; operations as
/// the API takes them, values as they were written (agent/ctl/export_file.h has the file's frame):
///
///     {"receipt":7,"accepted_unix_s":1700000000,"upsert":{…}}
///     {"receipt":8,"maybe_sent":"KEY","accepted_unix_s":1700000001,"event":{…}}
///     {"dead_letter":9,"status":422,"reason":"…","attempts":2,"at_unix_s":1700000009,
///      "operations":[{"receipt":9,"accepted_unix_s":1700000002,"upsert":{…}}]}
///
/// `maybe_sent`: the event's request had left, under this Idempotency-Key, and was not answered.
/// The key's own place in the API's memory cannot be taken over, since the other device makes
/// requests of its own; so the importing side treats it as any event of unknown outcome.
///
/// An event's time is the one in its `timestamp`. `"unsynchronised":N`, before `accepted_unix_s` or
/// the `operations` of a dead letter: N events on the line were stamped by a clock that was not
/// synchronised, and could not be corrected before the export. It is for people: the other device
/// takes the time as it is, since only the boot clock of this one could correct it.

/// Appends a line with its line feed; `maybe_sent` is the key, empty for what never left.
void append_pending_line(std::string& out, const Window::Row& row, const Operation& operation,
                         std::string_view maybe_sent);

/// The same of a dead letter none of whose operations is damaged.
void append_letter_line(std::string& out, const DeadLetter& letter,
                        const std::vector<Operation>& operations);

/// What lines of an export hold, read anew.
struct ExportedLines {
  struct MaybeSent {
    std::size_t operation = 0;  ///< which of those below
    std::string key;
  };
  EncodedOperations operations;
  std::vector<std::int64_t> accepted_unix_s;  ///< of each of them
  std::vector<Arrival::Letter> letters;
  std::vector<MaybeSent> maybe_sent;
  std::uint64_t lines = 0;
};

/// Reads `body` (NDJSON, readable for Decoder::kPadding bytes past its end). kInvalid, with the
/// number of the line in `body` from 1, for what no export holds.
Result<ExportedLines> read_export_lines(std::string_view body);

}  // namespace flowmyna
