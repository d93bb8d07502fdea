#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/decode.h"
#include "core/outbox.h"

namespace flowmyna {

/// The answers to writes: the API's shape, plus `queued` and the receipts. Everything but the
/// receipts is known before the commit, so it is written then, on the thread of the writer; the
/// outbox's thread only adds the numbers. No JSON tree: this is the hot path.

/// `{…,"queued":true,"receipt":`; the receipt and `}` are missing. Written into `room`, which is
/// empty.
std::string single_answer_head(std::string room, std::string_view stored, std::int64_t unix_ms);

/// `{…,"queued":true,"receipts":[`; the receipts and `]}` are missing.
std::string batch_answer_head(Kind kind, const DecodedBatch& batch, std::int64_t unix_ms);

/// Completes the heads.
std::string single_answer(std::string head, Receipt receipt);
std::string batch_answer(std::string head, Receipt first, std::size_t count);

}  // namespace flowmyna
