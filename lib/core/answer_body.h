#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace flowmyna {

/// Text of unknown origin, made safe for a log line and a terminal: its beginning, in valid UTF-8
/// without control characters.
std::string excerpt(std::string_view text);

/// Whether a value of an answer carries anything: a text, list or object that is not empty. APIs
/// say nothing in several ways: by `null`, by an empty value, or by leaving the member out.
bool says_something(simdjson::dom::element value);

/// A value in words: a text as it is, anything else as JSON.
std::string in_words(simdjson::dom::element value);

/// The body of an answer, read whatever its dialect: a byte order mark and blanks mean nothing, and
/// a number that no type holds is kept as text, since an API may write back what it was sent.
class AnswerBody {
 public:
  /// `bytes` must outlive this.
  explicit AnswerBody(std::string_view bytes);
  AnswerBody(const AnswerBody&) = delete;
  AnswerBody& operator=(const AnswerBody&) = delete;

  /// Whether it is a page for people (HTML). Any other body may be a part of the API's own.
  bool is_page() const;
  /// The JSON object that it is; it lives as long as this.
  const std::optional<simdjson::dom::object>& object() const { return object_; }
  /// Whether it is an error in the API's words: it has a `detail`.
  bool has_detail() const;
  /// Those words, or the beginning of the body where it has none.
  std::string words() const;

 private:
  std::optional<simdjson::dom::element> detail() const;

  std::string_view text_;
  simdjson::dom::parser parser_;
  std::optional<simdjson::dom::object> object_;
};

}  // namespace flowmyna
