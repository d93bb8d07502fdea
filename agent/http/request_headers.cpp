#include <strings.h>

#include "agent/http/http_connection.h"

namespace flowmyna {
namespace {

bool is(std::string_view key, std::string_view name) {
  return key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0;
}

/// The first one counts, and a second one that differs makes the length of the body ambiguous
/// (RFC 9112, section 6.3: request smuggling).
void set_framing(std::optional<std::string_view>& slot, std::string_view value,
                 RequestHeaders& headers) {
  if (slot && *slot != value) headers.conflicting_framing = true;
  slot = slot.value_or(value);
}

/// A header whose value is a list may come in parts (RFC 9110, section 5.3).
void append_element(std::string& list, std::string_view value) {
  if (!list.empty()) list += ", ";
  list += value;
}

MHD_Result note_header(void* closure, MHD_ValueKind, const char* key, std::size_t key_bytes,
                       const char* text, std::size_t text_bytes) {
  auto& headers = *static_cast<RequestHeaders*>(closure);
  const std::string_view name(key, key_bytes);
  const std::string_view value =
      text == nullptr ? std::string_view{} : std::string_view(text, text_bytes);
  switch (name.size()) {
    case 4:
      if (is(name, "host")) headers.host = value;
      break;
    case 6:
      if (is(name, "prefer")) append_element(headers.prefer, value);
      if (is(name, "origin")) headers.has_origin = true;
      if (is(name, "expect")) headers.expects_continue = true;
      break;
    case 12:
      if (is(name, "content-type")) headers.content_type = value;
      break;
    case 13:
      if (is(name, "authorization")) headers.authorization = value;
      break;
    case 14:
      if (is(name, "content-length")) set_framing(headers.content_length, value, headers);
      break;
    case 17:
      if (is(name, "transfer-encoding")) set_framing(headers.transfer_encoding, value, headers);
      break;
    case 18:
      if (is(name, "x-flowmyna-api-key")) headers.api_key = value;
      break;
    default:
      break;
  }
  return MHD_YES;
}

}  // namespace

RequestHeaders RequestHeaders::read(MHD_Connection* connection) {
  RequestHeaders headers;
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &note_header, &headers);
  if (headers.content_length && headers.transfer_encoding) headers.conflicting_framing = true;
  return headers;
}

}  // namespace flowmyna
