#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowmyna::stand_in {

/// What an answer may say against itself; none of it tells which items were recorded.
enum class Contradiction {
  kSuccessFalse,          ///< although nothing failed
  kProcessedShort,        ///< processed + failed is one less than the items sent
  kProcessedLong,         ///< one more
  kFailedLong,            ///< one more, since `failed` is
  kListedForeign,         ///< the last that is listed was not sent
  kListedTwice,           ///< the last that is listed is the first again
  kListedNull,            ///< the last that is listed is null
  kListedFewer,           ///< one less is listed than `processed` says
  kListedMore,            ///< one more
  kErrorsWithoutFailure,  ///< `failed` is 0, and there are errors
};

/// The freedoms in the fields of an answer.
struct AnswerForm {
  enum class NoErrors { kEmpty, kNull, kAbsent };
  enum class Errors { kGiven, kNull, kAbsent, kEmpty, kSingle, kShuffled };
  enum class List { kGiven, kNull, kAbsent, kShuffled };

  NoErrors errors = NoErrors::kEmpty;      ///< `errors` when nothing failed
  Errors failure_errors = Errors::kGiven;  ///< when something did; kSingle: one for all
  List objects = List::kGiven;
  List event_ids = List::kGiven;
  std::string further_fields;              ///< JSON object, added to the answer and its objects
  std::vector<std::string> absent_fields;  ///< taken out of both
  std::vector<std::string> null_fields;    ///< set to null in both
  std::vector<Contradiction> contradictions;

  bool operator==(const AnswerForm&) const = default;
};

/// The freedoms in how the text of an answer is written down.
struct TextForm {
  enum class Encoding { kNone, kGzip, kDeflate, kGzipAlways, kDeflateAlways };

  std::optional<std::string> content_type;  ///< instead of application/json; empty: none
  Encoding encoding = Encoding::kNone;      ///< kGzip, kDeflate: where the client accepts it
  bool bom = false;
  bool pretty = false;
  std::string leading;
  std::string trailing;
};

struct Limits {
  enum class Says { kReset, kRetryAfter, kRetryAfterDate, kNothing };
  static constexpr std::uint64_t kBatchItems = 100;  ///< of the API's page

  std::optional<std::uint64_t> body_bytes;  ///< 413 above it
  std::uint64_t batch_items = kBatchItems;  ///< 422 above it
  std::uint64_t rate = 0;                   ///< requests a window and key, 429 above it; 0: any
  std::chrono::milliseconds rate_window{60'000};
  Says rate_says = Says::kReset;  ///< how the 429 tells until when
};

/// How the API writes its answers, as far as its page leaves that open, and beyond. The default is
/// what the page shows.
struct Dialect {
  /// Of an item that failed; {index} counts from 0, {number} from 1, {name} is `Order/ORD-1` or the
  /// event's name.
  std::string error_text = "index {index}: {reason}";
  AnswerForm answers;
  TextForm text;
  Limits limits;
  std::chrono::milliseconds answer_delay{0};

  bool has_date = true;
  std::string date;                   ///< instead of a date; empty: the server's
  std::chrono::seconds date_skew{0};  ///< of the server's clock, for all that it tells of the time

  bool close_each = false;                      ///< a connection after its answer
  std::optional<std::uint64_t> idle_timeout_s;  ///< or when it was idle for so long

  std::chrono::system_clock::time_point now() const {
    return std::chrono::system_clock::now() + date_skew;
  }
};

/// A dialect from its document, a JSON object: each field that it names, and `rest` otherwise.
/// Fails with a message that names the field, and for an unknown one the nearest that there is.
Result<Dialect> parse_dialect(const std::string& document, const Dialect& rest = {});

/// The document with the fields of `changes` put over those of `document`; both are documents that
/// parse_dialect() takes.
std::string merge_documents(const std::string& document, const std::string& changes);

}  // namespace flowmyna::stand_in
