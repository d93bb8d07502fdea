#include "client/http_exchange.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace flowmyna::client {
namespace {

struct Head {
  int status = 0;
  std::size_t bytes = 0;  ///< status line, fields and the empty line
  std::optional<std::uint64_t> content_length;
  std::uint64_t retry_after_seconds = 0;
  bool keep_alive = true;
};

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool read_status_line(std::string_view line, Head& head) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return false;
  const auto status = to_number(line.substr(9, 3));
  head.status = static_cast<int>(status.value_or(0));
  head.keep_alive = line[7] != '0';
  return head.status >= 100;
}

bool read_field(std::string_view line, Head& head) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (equals_ignoring_case(name, "content-length")) {
    head.content_length = to_number(value);
    return head.content_length.has_value();
  }
  if (equals_ignoring_case(name, "transfer-encoding")) return false;
  if (equals_ignoring_case(name, "connection"))
    head.keep_alive = !equals_ignoring_case(value, "close");
  if (equals_ignoring_case(name, "retry-after"))
    head.retry_after_seconds = to_number(value).value_or(0);
  return true;
}

/// Nothing when `text`, which holds a whole head, is not one.
std::optional<Head> read_head(std::string_view text) {
  Head head;
  head.bytes = text.size();
  text.remove_suffix(2);  // the empty line
  for (bool first = true; !text.empty(); first = false) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    if (!(first ? read_status_line(line, head) : read_field(line, head))) return std::nullopt;
    text.remove_prefix(end + 2);
  }
  return head;
}

LostExchange lost(StreamState state) {
  switch (state) {
    case StreamState::kTimedOut:
      return {true, true, "no answer in time"};
    case StreamState::kReset:
      return {false, false, "the agent closed the connection without reading the request"};
    case StreamState::kClosed:
      return {true, false, "the agent closed the connection without an answer"};
    default:
      return {true, false, "the connection failed"};
  }
}

LostExchange broken() {
  return {true, false, "the answer is not the HTTP that flowmyna-agent speaks"};
}

/// Reads answers until the final one; interim ones (1xx) are skipped.
class AnswerReader {
 public:
  AnswerReader(UnixStream& stream, Deadline deadline) : stream_(stream), deadline_(deadline) {}

  tl::expected<Exchanged, LostExchange> read() {
    while (true) {
      auto head = this->head();
      if (!head) return tl::make_unexpected(head.error());
      buffer_.erase(0, head->bytes);
      if (head->status >= 200) return finish(*head);
    }
  }

 private:
  tl::expected<Head, LostExchange> head() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kMaxHeadBytes) return tl::make_unexpected(broken());
      if (auto failed = more()) return tl::make_unexpected(*failed);
    }
    const auto head = read_head(std::string_view(buffer_).substr(0, end + 4));
    if (!head) return tl::make_unexpected(broken());
    return *head;
  }

  tl::expected<Exchanged, LostExchange> finish(const Head& head) {
    const std::uint64_t length =
        head.status == 204 ? 0 : head.content_length.value_or(kMaxBodyBytes + 1);
    if (length > kMaxBodyBytes) return tl::make_unexpected(broken());
    while (buffer_.size() < length) {
      if (auto failed = more()) return tl::make_unexpected(*failed);
    }
    if (buffer_.size() > length) return tl::make_unexpected(broken());
    // A day is more than any agent asks for; it keeps the number small enough for every clock.
    const auto retry_after = std::min<std::uint64_t>(head.retry_after_seconds, 86'400);
    return Exchanged{{head.status, std::move(buffer_), std::chrono::seconds(retry_after)},
                     head.keep_alive};
  }

  std::optional<LostExchange> more() {
    const bool begun = !buffer_.empty();
    const auto state = stream_.receive(buffer_, deadline_);
    if (state == StreamState::kOk) return std::nullopt;
    LostExchange failed = lost(state);
    // Once an answer has begun, the agent has dealt with the request, whatever it left unread.
    failed.maybe_processed = failed.maybe_processed || begun;
    return failed;
  }

  UnixStream& stream_;
  Deadline deadline_;
  std::string buffer_;
};

}  // namespace

std::string wire_bytes(const Request& request) {
  std::string bytes = request.method + ' ' + request.path + " HTTP/1.1\r\nHost: agent\r\n";
  if (!request.body.empty() || request.method != "GET") {
    bytes += "Content-Type: " + request.content_type + "\r\n";
    bytes += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  if (request.wait.count() > 0) {
    bytes += "Prefer: wait=" + std::to_string(request.wait.count()) + "\r\n";
  }
  bytes += "\r\n";
  bytes += request.body;
  return bytes;
}

tl::expected<Exchanged, LostExchange> exchange(UnixStream& stream, const Request& request,
                                               Deadline deadline) {
  const auto sent = stream.send(wire_bytes(request), deadline);
  if (sent == StreamState::kTimedOut) {
    return tl::make_unexpected(LostExchange{false, true, "the agent does not read the request"});
  }
  auto answer = AnswerReader(stream, deadline).read();
  // A refusal may come before the body is read to its end (413, 429), so an answer is looked for
  // even when sending failed. Without one, a request that was cut short had no effect.
  if (!answer && sent != StreamState::kOk) answer.error().maybe_processed = false;
  return answer;
}

}  // namespace flowmyna::client
