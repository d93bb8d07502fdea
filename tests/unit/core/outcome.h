#pragma once

#include <string>
#include <string_view>

#include "core/decode.h"
#include "tests/unit/core/padded_body.h"

namespace flowmyna::test {

inline constexpr std::string_view kNow = "2026-01-02T03:04:05.678Z";

inline std::string sent_json(std::string_view stored) {
  std::string out;
  const auto operation = Operation::parse(stored);
  if (operation) operation->append_json(out);
  return out;
}

inline std::string refused(const Refusal& refusal) {
  return std::to_string(refusal.status) + " " + refusal.detail;
}

/// What becomes of a body, to be read: the JSON that goes to the API, or status and detail.
inline std::string outcome(Kind kind, std::string_view body) {
  Decoder decoder;
  const PaddedBody padded(body);
  const auto result = decoder.single(kind, padded.view(), {kNow});
  return result ? sent_json((*result)[0]) : refused(result.error());
}

/// The same for a batch, item by item: `0: …` when accepted, `1! …` when not, accepted ones first.
inline std::string outcome_of_items(const tl::expected<DecodedBatch, Refusal>& result) {
  if (!result) return refused(result.error());
  std::string out;
  for (std::size_t i = 0; i < result->accepted.size(); ++i) {
    out += std::to_string(result->accepted_indexes[i]) + ": " + sent_json(result->accepted[i]);
    out += '\n';
  }
  for (const ItemError& error : result->errors) {
    out += std::to_string(error.index) + "! " + error.reason + '\n';
  }
  return out;
}

inline std::string outcome_of_batch(Kind kind, std::string_view body) {
  Decoder decoder;
  const PaddedBody padded(body);
  return outcome_of_items(decoder.batch(kind, padded.view(), {kNow}));
}

inline std::string outcome_of_ndjson(Kind kind, std::string_view body) {
  Decoder decoder;
  const PaddedBody padded(body);
  return outcome_of_items(decoder.ndjson(kind, padded.view(), {kNow}));
}

/// The properties of an upsert with these properties, as they go to the API; or the refusal.
inline std::string sent_properties(std::string_view properties) {
  const std::string head = R"({"type":"T","id":"1","properties":)";
  const std::string out = outcome(Kind::kUpsert, head + std::string(properties) + "}");
  return out.starts_with(head) ? out.substr(head.size(), out.size() - head.size() - 1) : out;
}

}  // namespace flowmyna::test
