#include "bench/sink.h"

#include <charconv>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "bench/round_server.h"

namespace flowmyna::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kHealth =
    R"({"status":"healthy","workspace_id":"6b1f0c52-0f5c-4f0e-9b57-2f6a3f2d8c11",)"
    R"("workspace_name":"Sink","dataset_id":"d2a9a4de-71a3-4a39-8d0c-5b8d1f6f7e22",)"
    R"("dataset_name":"Sink","api_key_name":"Sink"})";

/// The size of the request at the front of `bytes`; nothing while it is not all there.
std::optional<std::size_t> request_size(std::string_view bytes) {
  const auto head_end = bytes.find(kHeadEnd);
  if (head_end == bytes.npos) return std::nullopt;
  std::size_t size = head_end + kHeadEnd.size();
  constexpr std::string_view kLength = "Content-Length: ";
  const auto at = bytes.substr(0, head_end).find(kLength);
  std::size_t length = 0;
  if (at != bytes.npos) {
    std::from_chars(bytes.data() + at + kLength.size(), bytes.data() + head_end, length);
  }
  size += length;
  if (bytes.size() < size) return std::nullopt;
  return size;
}

/// Each object of a batch as the agent and the Python outbox write it, type and id first.
std::string batch_answer(std::string_view body) {
  constexpr std::string_view kType = R"({"type":")";
  constexpr std::string_view kId = R"(","id":")";
  std::string objects;
  std::size_t count = 0;
  for (auto at = body.find(kType); at != body.npos; at = body.find(kType, at)) {
    const auto type = at + kType.size();
    const auto type_end = body.find(kId, type);
    const auto id = type_end + kId.size();
    const auto id_end = body.find('"', id);
    if (type_end == body.npos || id_end == body.npos) break;
    objects += count++ == 0 ? "" : ",";
    objects += R"({"object_id":"0b8f0c52-0f5c-4f0e-9b57-2f6a3f2d8c11","object_type":")";
    objects += body.substr(type, type_end - type);
    objects += R"(","external_id":")";
    objects += body.substr(id, id_end - id);
    objects += R"(","created":true})";
    at = id_end;
  }
  return R"({"success":true,"processed":)" + std::to_string(count) + R"(,"failed":0,"objects":[)" +
         objects + R"(],"errors":[]})";
}

std::string answer_to(std::string_view request) {
  const std::string body =
      request.starts_with("GET")
          ? std::string(kHealth)
          : batch_answer(request.substr(request.find(kHeadEnd) + kHeadEnd.size()));
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + std::string(kHeadEnd) + body;
}

/// Answers that wait for their time, in order: all have the same latency.
class Sink {
 public:
  Sink(RoundServer server, const SinkOptions& options)
      : server_(std::move(server)), options_(options) {}

  void serve() {
    while (!server_.has_ended()) {
      const auto& round = server_.wait(wait_ms());
      const auto due = Clock::now() + options_.latency;
      for (const auto& [connection, bytes] : round) {
        while (const auto size = request_size(*bytes)) {
          if (!options_.hangs) {
            late_.push_back(
                {due, connection, answer_to(std::string_view(*bytes).substr(0, *size))});
          }
          bytes->erase(0, *size);
        }
      }
      for (const auto now = Clock::now(); !late_.empty() && late_.front().due <= now;) {
        server_.send(late_.front().connection, late_.front().bytes);
        late_.pop_front();
      }
    }
  }

 private:
  struct Late {
    Clock::time_point due;
    RoundServer::ConnectionId connection = 0;
    std::string bytes;
  };

  int wait_ms() const {
    if (late_.empty()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(late_.front().due - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  RoundServer server_;
  const SinkOptions& options_;
  std::deque<Late> late_;
};

}  // namespace

Result<void> serve_sink(const SinkOptions& options,
                        const std::function<void(std::uint16_t port)>& ready) {
  auto bound = stand_in::bind_loopback(options.port);
  if (!bound) return tl::make_unexpected(bound.error());
  if (auto listening = stand_in::start_listening(*bound); !listening) return listening;
  const std::uint16_t port = stand_in::port_of(*bound);
  auto server = RoundServer::open(*std::move(bound));
  if (!server) return tl::make_unexpected(server.error());
  ready(port);
  Sink(*std::move(server), options).serve();
  return {};
}

}  // namespace flowmyna::bench
