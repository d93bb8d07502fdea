#include "bench/wire.h"

#include <charconv>

namespace flowmyna::bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// The agent's and Python's servers write the name in this way.
std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const auto at = head.find(kName);
  std::size_t length = 0;
  if (at != head.npos) {
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  }
  return length;
}

class HttpWire final : public Wire {
 public:
  HttpWire(Messages messages, std::size_t batch) : messages_(messages), batch_(batch) {
    const bool is_single = batch == 1;
    const std::size_t bytes = is_single ? kMessageBytes : batch * (kMessageBytes + 1);
    head_ = std::string("POST /api/public/v1/object/") + (is_single ? "upsert" : "batch") +
            " HTTP/1.1\r\nHost: agent\r\nContent-Type: application/" +
            (is_single ? "json" : "x-ndjson") + "\r\nContent-Length: " + std::to_string(bytes) +
            std::string(kHeadEnd);
  }

  std::size_t append_request(std::string& out, std::uint64_t first) const override {
    out.append(head_);
    for (std::size_t i = 0; i < batch_; ++i) {
      messages_.append(out, first + i);
      if (batch_ > 1) out.push_back('\n');
    }
    return batch_;
  }

  WireAnswer read_answer(std::string_view received) const override {
    const auto head = received.find(kHeadEnd);
    if (head == received.npos) return {};
    const std::size_t size =
        head + kHeadEnd.size() + content_length(received.substr(0, head + kHeadEnd.size()));
    if (received.size() < size) return {};
    return {size, received.substr(0, head).find(" 200 ") != received.npos};
  }

 private:
  Messages messages_;
  std::size_t batch_;
  std::string head_;
};

class RedisWire final : public Wire {
 public:
  explicit RedisWire(Messages messages) : messages_(messages) {}

  std::size_t append_request(std::string& out, std::uint64_t first) const override {
    static const std::string kHead = "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nm\r\n$" +
                                     std::to_string(kMessageBytes) + "\r\n";
    out.append(kHead);
    messages_.append(out, first);
    out.append("\r\n");
    return 1;
  }

  /// A bulk string, the entry's id; anything else is a refusal.
  WireAnswer read_answer(std::string_view received) const override {
    const auto line = received.find("\r\n");
    if (line == received.npos) return {};
    if (received.front() != '$') return {line + 2, false};
    std::size_t length = 0;
    std::from_chars(received.data() + 1, received.data() + line, length);
    const std::size_t size = line + 2 + length + 2;
    if (received.size() < size) return {};
    return {size, true};
  }

 private:
  Messages messages_;
};

}  // namespace

std::unique_ptr<Wire> http_wire(Messages messages, std::size_t batch) {
  return std::make_unique<HttpWire>(messages, batch);
}

std::unique_ptr<Wire> redis_wire(Messages messages) {
  return std::make_unique<RedisWire>(messages);
}

}  // namespace flowmyna::bench
