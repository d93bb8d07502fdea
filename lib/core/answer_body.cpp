#include "core/answer_body.h"

#include "core/json_error.h"

namespace flowmyna {
namespace {

namespace dom = simdjson::dom;

// How much of a text is quoted: enough to recognise a portal or a validation error.
constexpr std::size_t kQuoteMax = 300;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// One of U+0080 to U+009F, in which an escape sequence can begin.
bool is_c1_control(std::string_view utf8, std::size_t at) {
  return utf8[at] == '\xc2' && static_cast<unsigned char>(utf8[at + 1]) < 0xa0;
}

bool is_ascii_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string_view without_mark(std::string_view bytes) {
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  return bytes;
}

/// Where the string that begins at `begin` ends, just after its closing quote. Of valid JSON.
std::size_t end_of_string(std::string_view json, std::size_t begin) {
  std::size_t at = begin + 1;
  while (json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return at + 1;
}

std::size_t end_of_number(std::string_view json, std::size_t begin) {
  return std::min(json.find_first_not_of("+-.0123456789eE", begin), json.size());
}

/// Whether a number may be beyond what 64 bits and a double hold.
bool may_be_too_large(std::string_view number) {
  constexpr std::size_t kSafeDigits = 15;
  return number.size() > kSafeDigits || number.find_first_of("eE") != std::string_view::npos;
}

/// `json`, which is valid, with the numbers as text that the parser's tree may refuse.
std::string with_large_numbers_as_text(std::string_view json) {
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const bool is_string = json[at] == '"';
    const bool is_number = json[at] == '-' || (json[at] >= '0' && json[at] <= '9');
    const std::size_t end = is_string   ? end_of_string(json, at)
                            : is_number ? end_of_number(json, at)
                                        : at + 1;
    const std::string_view token = json.substr(at, end - at);
    const bool is_quoted = is_number && may_be_too_large(token);
    if (is_quoted) out += '"';
    out += token;
    if (is_quoted) out += '"';
    at = end;
  }
  return out;
}

}  // namespace

std::string excerpt(std::string_view text) {
  std::string_view quoted = text.substr(0, kQuoteMax);
  while (!simdjson::validate_utf8(quoted.data(), quoted.size())) quoted.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    const bool is_c1 = is_c1_control(quoted, i);
    out.push_back(is_c1 || is_ascii_control(quoted[i]) ? ' ' : quoted[i]);
    if (is_c1) ++i;
  }
  if (text.size() > kQuoteMax) out += "…";
  return out;
}

bool says_something(dom::element value) {
  switch (value.type()) {
    case dom::element_type::STRING:
      return value.get_string_length().value_unsafe() > 0;
    case dom::element_type::ARRAY:
      return dom::array(value).begin() != dom::array(value).end();
    case dom::element_type::OBJECT:
      return dom::object(value).begin() != dom::object(value).end();
    default:
      return false;
  }
}

std::string in_words(dom::element value) {
  std::string_view text;
  return value.get_string().get(text) ? simdjson::minify(value) : std::string(text);
}

AnswerBody::AnswerBody(std::string_view bytes) : text_(without_mark(bytes)) {
  dom::element root;
  auto error = parser_.parse(text_.data(), text_.size()).get(root);
  if (error && !find_json_error(text_)) {
    error = parser_.parse(with_large_numbers_as_text(text_)).get(root);
  }
  dom::object object;
  if (!error && !root.get_object().get(object)) object_ = object;
}

bool AnswerBody::is_page() const {
  const auto first = text_.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text_[first] == '<';
}

std::optional<dom::element> AnswerBody::detail() const {
  dom::element found;
  if (!object_ || (*object_)["detail"].get(found) || !says_something(found)) return std::nullopt;
  return found;
}

bool AnswerBody::has_detail() const {
  return detail().has_value();
}

std::string AnswerBody::words() const {
  const auto found = detail();
  return excerpt(found ? in_words(*found) : text_);
}

}  // namespace flowmyna
