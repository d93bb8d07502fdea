#pragma once

namespace flowmyna::stand_in {

// What --help says before and after the options.

inline constexpr const char* kDescription =
    "A stand-in for the FlowMyna API, for tests, demos and integrators.\n"
    "It behaves as the vendor documents, shows what it received under /sim/, fails on demand, and\n"
    "answers in any dialect that the documentation leaves open.";

inline constexpr const char* kFooter = R"(
Try it:
  flowmyna-sim --port 8080 --admin 8081 --print-requests
  curl http://127.0.0.1:8080/api/public/v1/object/upsert \
       -H 'Authorization: Bearer fm_live_demo0000demo0000demo0000demo0000' \
       -H 'Content-Type: application/json' -d '{"type":"Order","id":"O-1","properties":{"n":1}}'
  curl http://127.0.0.1:8081/sim/state
  curl http://127.0.0.1:8081/sim/faults -d '[{"fault":"refused","for_ms":5000}]'
  curl -X DELETE http://127.0.0.1:8081/sim/faults
  curl -X PUT http://127.0.0.1:8081/sim/dialect -d '{"errors":"null","encoding":"gzip"}'
  flowmyna-sim --dialect '{"limits":{"batch_items":50}}' --faults '[{"fault":"down","count":1}]'

Faults say when something goes wrong: a list of rules {"fault": NAME, …}.
  refused       the listening socket is closed; give "for_ms" or clear it over the admin address
  down          accepts, then closes            hang          reads, never answers
  slow          "delay_ms", "per_item_ms", "per_kib_ms", "apply":"before"|"after" the delay
  unauthorized, forbidden, not_found
  status        "status":N with "detail":TEXT|null, "page":true|TEXT or "body", and "headers",
                "reset_in_s", "retry_after_s", "retry_after_date_s" (from the server's now)
  reject_items  "mode":"batch_422"|"batch_400"|"partial", "reason", "errors":"indexed"|"plain" or
                "error_text" (as in the dialect), "count_each":N (each item fails N times)
  html_200, truncated, garbage, empty_200, wrong_shape   spoilt answers
  lost_answer   applied, then closed            max_body      "bytes": 413 above so many
  dialect       "dialect":{…} over the one in force
All take "for_ms"; all but refused take "path" (such as "/object/batch", or a list), "count",
"skip", "probability" with "seed"; all that read the request take
  "match":{"type","id","event","property","value","items_over","bytes_over"}
which strikes a request with such an item (and of reject_items says which items fail).
"processed":true|false|"half" applies a request before hang, status, lost_answer, spoilt answers.
  [{"fault":"status","status":403,"page":true,"match":{"type":"Order","id":"O-1"}}]
  [{"fault":"status","status":500,"processed":"half","path":"/event/batch","count":1}]
  [{"fault":"reject_items","mode":"partial","match":{"event":"Paid"},"for_ms":5000}]

The dialect says how answers are written: a JSON object; what it does not name is as documented.
  "errors"           "empty", "null" or "absent" when nothing failed
  "failure_errors"   "given", "null", "absent", "empty", "single" or "shuffled" when something did
  "error_text"       "index {index}: {reason}"; {number} counts from 1, {name} is Order/O-1 or the
                     event's name
  "objects", "event_ids"   "given", "null", "absent" or "shuffled"
  "further_fields"   {"request_id":"r-1"}, added to the answer and its objects
  "absent_fields", "null_fields"   such as ["message","created"], of both
  "contradictions"   list of success_false, processed_short, processed_long, failed_long,
                     listed_foreign, listed_twice, listed_null, listed_fewer, listed_more,
                     errors_without_failure
  "content_type"     "Application/JSON; Charset=UTF-8", or null: none
  "encoding"         "none", "gzip", "deflate" (if accepted), "gzip_always", "deflate_always"
  "bom", "pretty"    true;   "leading", "trailing"   white space
  "limits"           {"body_bytes":N, "batch_items":N, "rate":N, "rate_window_ms":N,
                     "rate_says":"reset"|"retry_after"|"retry_after_date"|"nothing"}
  "answer_delay_ms"  for every answer
  "date"             false: none; a text: that;   "date_skew_s"   of the server's clock
  "close_each"       true: a connection after its answer;   "idle_timeout_s"   when it is idle

Exit codes: 0 ended by a signal, 2 a wrong option or an address that cannot be used.)";

}  // namespace flowmyna::stand_in
