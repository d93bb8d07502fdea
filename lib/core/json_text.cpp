#include "core/json_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace flowmyna {
namespace {

bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The letter of the two-character escape of `c`, or 0 when it has none.
char short_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

/// Walks over a text from the front; every `take` moves only when it succeeds.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::size_t take_digits() {
    const auto end = std::ranges::find_if_not(rest_, is_digit);
    const auto count = static_cast<std::size_t>(end - rest_.begin());
    rest_.remove_prefix(count);
    return count;
  }
  /// Exactly `width` digits whose value lies in [low, high].
  std::optional<int> number(std::size_t width, int low, int high) {
    const std::string_view digits = rest_.substr(0, width);
    if (digits.size() < width || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
    int value = 0;
    for (const char digit : digits) value = value * 10 + (digit - '0');
    if (value < low || value > high) return std::nullopt;
    rest_.remove_prefix(width);
    return value;
  }
  bool take_number(std::size_t width, int low, int high) {
    return number(width, low, high).has_value();
  }

 private:
  std::string_view rest_;
};

int days_of(int year, int month) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

bool take_date(Cursor& at) {
  const auto year = at.number(4, 0, 9999);
  const bool extended = year && at.take('-');
  const auto month = year ? at.number(2, 1, 12) : std::nullopt;
  if (!month || (extended && !at.take('-'))) return false;
  return at.take_number(2, 1, days_of(*year, *month));
}

bool take_offset(Cursor& at) {
  if (at.take('Z') || at.take('z')) return true;
  if (!at.take('+') && !at.take('-')) return true;  // a local time: the API decides
  if (!at.take_number(2, 0, 23)) return false;
  if (at.done()) return true;
  at.take(':');
  return at.take_number(2, 0, 59);
}

bool take_time(Cursor& at) {
  if (!at.take_number(2, 0, 23)) return false;
  const bool extended = at.take(':');
  if (!at.take_number(2, 0, 59)) return false;
  const bool has_seconds = extended ? at.take(':') : at.take_number(2, 0, 60);
  if (extended && has_seconds && !at.take_number(2, 0, 60)) return false;
  if (has_seconds && (at.take('.') || at.take(',')) && at.take_digits() == 0) return false;
  return take_offset(at);
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto follows = [&](std::size_t i, std::uint8_t low, std::uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (!follows(1, low, high)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!follows(i, 0x80, 0xbf)) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool needs_escape(std::string_view text) {
  return std::ranges::any_of(text, is_special);
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr std::array<char, 17> kHex = {"0123456789abcdef"};
  for (const char c : text) {
    if (!is_special(c)) {
      out.push_back(c);
    } else if (const char letter = short_escape(c)) {
      out.push_back('\\');
      out.push_back(letter);
    } else {
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text);
  out.push_back('"');
  return out;
}

std::string unescape(std::string_view canonical) {
  static constexpr std::string_view kLetters = "bfnrt";
  static constexpr std::string_view kControls = "\b\f\n\r\t";
  const auto hex = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  out.reserve(canonical.size());
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    if (canonical[i] != '\\' || i + 1 == canonical.size()) {
      out.push_back(canonical[i]);
      continue;
    }
    const char letter = canonical[++i];
    if (letter == 'u' && i + 4 < canonical.size()) {
      out.push_back(static_cast<char>(hex(canonical[i + 3]) * 16 + hex(canonical[i + 4])));
      i += 4;
    } else if (const auto at = kLetters.find(letter); at != std::string_view::npos) {
      out.push_back(kControls[at]);
    } else {
      out.push_back(letter);
    }
  }
  return out;
}

bool is_json_number(std::string_view text) {
  Cursor at(text);
  at.take('-');
  if (!at.take('0') && at.take_digits() == 0) return false;
  if (at.take('.') && at.take_digits() == 0) return false;
  if (at.take('e') || at.take('E')) {
    if (!at.take('+')) at.take('-');
    if (at.take_digits() == 0) return false;
  }
  return at.done();
}

bool is_iso8601(std::string_view text) {
  Cursor at(text);
  if (!take_date(at)) return false;
  if (at.done()) return true;
  if (!at.take('T') && !at.take('t') && !at.take(' ')) return false;
  return take_time(at) && at.done();
}

}  // namespace flowmyna
