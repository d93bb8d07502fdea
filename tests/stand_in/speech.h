#pragma once

#include <string_view>

#include "stand_in/dialect.h"
#include "stand_in/exchange.h"

namespace flowmyna::stand_in {

/// Rewrites a good answer of the API as the dialect has it: fields, lists, contradictions.
void speak(const AnswerForm& form, Reply& reply);

/// Writes any answer down as the dialect has it: text, encoding, headers, connection.
/// `accept_encoding`: the client's header.
void write_down(const Dialect& dialect, std::string_view accept_encoding, Reply& reply);

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7)
std::string format_http_date(std::chrono::system_clock::time_point time);

}  // namespace flowmyna::stand_in
