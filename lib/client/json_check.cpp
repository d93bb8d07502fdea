#include "client/json_check.h"

#include <algorithm>
#include <cstddef>

#include "core/decode.h"
#include "core/json_error.h"

namespace flowmyna::client {
namespace {

// What stands around an application's values in an answer of the agent, or in an item.
constexpr std::size_t kOuterDepth = 10;
constexpr std::string_view kSpace = " \t\r\n";

std::size_t skip_space(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kSpace, at), text.size());
}

bool starts_with(std::string_view text, char bracket) {
  const std::size_t first = skip_space(text, 0);
  return first < text.size() && text[first] == bracket;
}

/// Where the string that begins at `at` ends. Here and below the text is known to be JSON, so that
/// quotes and brackets tell everything.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

std::size_t end_of_list(std::string_view text, std::size_t at) {
  std::size_t open = 0;
  do {
    at = text.find_first_of("\"[]{}", at);
    if (text[at] == '"') {
      at = end_of_string(text, at);
      continue;
    }
    const bool opens = text[at] == '[' || text[at] == '{';
    open = opens ? open + 1 : open - 1;
    ++at;
  } while (open > 0);
  return at;
}

std::size_t end_of_value(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case '"':
      return end_of_string(text, at);
    case '[':
    case '{':
      return end_of_list(text, at);
    default:
      return text.find_first_of(" \t\r\n,]}", at);
  }
}

/// The parts of the object or array that `text` is.
std::vector<JsonPart> split(std::string_view text) {
  std::vector<JsonPart> parts;
  std::size_t at = skip_space(text, 0);
  const bool is_object = text[at] == '{';
  at = skip_space(text, at + 1);
  while (text[at] != ']' && text[at] != '}') {
    if (text[at] == ',') at = skip_space(text, at + 1);
    JsonPart& part = parts.emplace_back();
    if (is_object) {
      const std::size_t end = end_of_string(text, at);
      part.name = text.substr(at + 1, end - at - 2);
      at = skip_space(text, skip_space(text, end) + 1);
    }
    const std::size_t end = end_of_value(text, at);
    part.value = text.substr(at, end - at);
    at = skip_space(text, end);
  }
  return parts;
}

}  // namespace

bool is_json(std::string_view text) {
  return !find_json_error(text, Decoder::kMaxDepth);
}

std::optional<std::vector<JsonPart>> json_parts(std::string_view text) {
  if (!starts_with(text, '{') && !starts_with(text, '[')) return std::nullopt;
  if (find_grammar_error(text, Decoder::kMaxDepth + kOuterDepth)) return std::nullopt;
  return split(text);
}

std::optional<std::vector<std::string_view>> member_names(std::string_view text) {
  if (!starts_with(text, '{')) return std::nullopt;
  const auto parts = json_parts(text);
  if (!parts) return std::nullopt;
  std::vector<std::string_view> names;
  for (const JsonPart& part : *parts) names.push_back(part.name);
  return names;
}

}  // namespace flowmyna::client
