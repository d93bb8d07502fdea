#include "stand_in/request_log.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "stand_in/json_text.h"

namespace flowmyna::stand_in {
namespace {

/// Bodies kept at most, so that a long run with --log-bodies does not eat the machine.
constexpr std::uint64_t kBodyBytesMax = 256U << 20;

/// The body as a JSON string; what is no UTF-8 arrives as U+FFFD, so that the log stays JSON.
void append_text(std::string& out, std::string_view text) {
  std::string safe;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = c < 0x80         ? 1
                               : (c >> 5) == 6  ? 2
                               : (c >> 4) == 14 ? 3
                               : (c >> 3) == 30 ? 4
                                                : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k) {
      whole = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
    }
    if (whole) {
      safe.append(text.substr(i, length));
    } else {
      safe += "\xEF\xBF\xBD";
    }
    i += whole ? length : 1;
  }
  append_quoted(out, safe);
}

void append_entry(std::string& out, const LogEntry& entry) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(entry.body_hash));
  const auto text = [&out](std::string_view name, std::string_view value) {
    out += name;
    append_text(out, value);
  };
  out += R"({"n":)" + std::to_string(entry.number);
  text(R"(,"time":)", format_time(entry.time));
  text(R"(,"method":)", entry.method);
  text(R"(,"path":)", entry.path);
  text(R"(,"content_type":)", entry.content_type);
  if (entry.idempotency_key.empty()) {
    out += R"(,"key":null)";
  } else {
    text(R"(,"key":)", entry.idempotency_key);
  }
  out += R"(,"status":)" + std::to_string(entry.status);
  out += R"(,"items":)" + std::to_string(entry.items);
  out += R"(,"applied":)" + std::to_string(entry.applied);
  out += entry.applied > 0 ? R"(,"processed":true)" : R"(,"processed":false)";
  if (entry.fault.empty()) {
    out += R"(,"fault":null)";
  } else {
    text(R"(,"fault":)", entry.fault);
  }
  out += R"(,"body_bytes":)" + std::to_string(entry.body_bytes);
  text(R"(,"body_hash":)", hash.data());
  if (!entry.body.empty()) text(R"(,"body":)", entry.body);
  out += '}';
}

}  // namespace

std::uint64_t hash_of(std::string_view body) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = static_cast<std::time_t>(since.count() / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(since.count() % 1000));
  return std::string(text.data(), length) + fraction.data();
}

std::string line_of(const LogEntry& entry) {
  std::string line = format_time(entry.time) + " " + entry.method + " " + entry.path + " -> " +
                     std::to_string(entry.status) + ", " + std::to_string(entry.applied) + " of " +
                     std::to_string(entry.items) + " items applied, " +
                     std::to_string(entry.body_bytes) + " bytes";
  if (!entry.idempotency_key.empty()) line += " key=" + entry.idempotency_key;
  if (!entry.fault.empty()) line += " fault=" + entry.fault;
  return line;
}

std::uint64_t RequestLog::add(LogEntry entry) {
  const std::lock_guard lock(mutex_);
  entry.number = ++requests_;
  items_ += entry.applied;
  body_bytes_ += entry.body.size();
  entries_.push_back(std::move(entry));
  while (entries_.size() > entries_max_ || (body_bytes_ > kBodyBytesMax && entries_.size() > 1)) {
    body_bytes_ -= entries_.front().body.size();
    entries_.pop_front();
    ++dropped_;
  }
  return requests_;
}

void RequestLog::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  body_bytes_ = 0;
  requests_ = 0;
  items_ = 0;
  dropped_ = 0;
}

std::uint64_t RequestLog::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::uint64_t RequestLog::items() const {
  const std::lock_guard lock(mutex_);
  return items_;
}

std::string RequestLog::show(std::uint64_t since) const {
  const std::lock_guard lock(mutex_);
  std::string out = R"({"requests":[)";
  bool first = true;
  for (const LogEntry& entry : entries_) {
    if (entry.number <= since) continue;
    if (!first) out += ',';
    first = false;
    append_entry(out, entry);
  }
  out += R"(],"dropped":)" + std::to_string(dropped_) + "}";
  return out;
}

}  // namespace flowmyna::stand_in
