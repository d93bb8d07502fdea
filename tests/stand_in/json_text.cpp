#include "stand_in/json_text.h"

#include <cstdint>

namespace flowmyna::stand_in {
namespace {

constexpr std::uint32_t kHighSurrogateFirst = 0xD800;
constexpr std::uint32_t kLowSurrogateFirst = 0xDC00;
constexpr std::uint32_t kSurrogateLast = 0xDFFF;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_hex4(const char* at, const char* limit) {
  if (limit - at < 4) return false;
  for (int i = 0; i < 4; ++i) {
    if (hex_digit(at[i]) < 0) return false;
  }
  return true;
}

std::uint32_t hex4(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<std::uint32_t>(hex_digit(at[i]));
  return value;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto byte = [&out](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | (point >> 6));
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | (point >> 12));
    byte(0x80 | ((point >> 6) & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | (point >> 18));
    byte(0x80 | ((point >> 12) & 0x3F));
    byte(0x80 | ((point >> 6) & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

char simple_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // quote, backslash, slash
  }
}

/// Length of the escape at `at` (which points to the backslash), 0 when it is none.
std::ptrdiff_t escape_length(const char* at, const char* limit) {
  if (limit - at < 2) return 0;
  if (at[1] == 'u') return is_hex4(at + 2, limit) ? 6 : 0;
  return std::string_view("\"\\/bfnrt").find(at[1]) == std::string_view::npos ? 0 : 2;
}

/// Decodes the \u escape at content[i] with its low half, if it has one; gives the bytes used.
std::size_t decode_unicode(std::string_view content, std::size_t i, Unescaped& out) {
  std::uint32_t point = hex4(content.data() + i + 2);
  std::size_t used = 6;
  if (point >= kHighSurrogateFirst && point < kLowSurrogateFirst &&
      content.substr(i + used, 2) == "\\u") {
    const std::uint32_t low = hex4(content.data() + i + used + 2);
    if (low >= kLowSurrogateFirst && low <= kSurrogateLast) {
      point = 0x10000 + ((point - kHighSurrogateFirst) << 10) + (low - kLowSurrogateFirst);
      used += 6;
    }
  }
  if (point >= kHighSurrogateFirst && point <= kSurrogateLast) out.lone_surrogate = true;
  append_utf8(out.text, point);
  return used;
}

void append_hex_escape(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 0xF];
}

}  // namespace

std::optional<JsonString> scan_string(const char* at, const char* limit) {
  const char* const begin = at;
  bool escaped = false;
  while (at < limit) {
    const auto c = static_cast<unsigned char>(*at);
    if (c == '"') {
      return JsonString{{begin, static_cast<std::size_t>(at - begin)}, escaped};
    }
    if (c < 0x20) return std::nullopt;
    if (c != '\\') {
      ++at;
      continue;
    }
    const std::ptrdiff_t length = escape_length(at, limit);
    if (length == 0) return std::nullopt;
    escaped = true;
    at += length;
  }
  return std::nullopt;
}

bool is_number(std::string_view token) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t first = i;
    while (i < token.size() && is_digit(token[i])) ++i;
    return i - first;
  };
  if (i < token.size() && token[i] == '-') ++i;
  const bool leading_zero = i < token.size() && token[i] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (i < token.size() && token[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < token.size() && (token[i] == 'e' || token[i] == 'E')) {
    ++i;
    if (i < token.size() && (token[i] == '+' || token[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == token.size();
}

Unescaped unescape(std::string_view content) {
  Unescaped out;
  out.text.reserve(content.size());
  std::size_t i = 0;
  while (i < content.size()) {
    if (content[i] != '\\') {
      out.text += content[i++];
    } else if (content[i + 1] == 'u') {
      i += decode_unicode(content, i, out);
    } else {
      out.text += simple_escape(content[i + 1]);
      i += 2;
    }
  }
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool surrogate =
        c == 0xED && i + 2 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xA0;
    if (surrogate) {
      const auto second = static_cast<unsigned char>(text[i + 1]);
      const auto third = static_cast<unsigned char>(text[i + 2]);
      append_hex_escape(out, 0xD000U | ((second & 0x3FU) << 6) | (third & 0x3FU));
      i += 2;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      append_hex_escape(out, c);
    } else {
      out += text[i];
    }
  }
  out += '"';
}

std::size_t count_characters(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
  }
  return count;
}

}  // namespace flowmyna::stand_in
