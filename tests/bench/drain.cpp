#include "bench/drain.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/stream_socket.h"

namespace flowmyna::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLook = std::chrono::milliseconds(5);
constexpr auto kPatience = std::chrono::minutes(5);  // without any progress
constexpr std::size_t kFillBatch = 1000;

}  // namespace

Result<void> fill(const Server& agent, Messages messages, std::uint64_t operations) {
  if (auto paused = ask(agent.socket, "POST", "/agent/v1/pause"); !paused) {
    return tl::make_unexpected(paused.error());
  }
  LoadOptions options;
  options.socket = agent.socket;
  options.operations = operations;
  options.patience = std::chrono::seconds(60);
  const auto filled = run_load(options, *http_wire(messages, kFillBatch));
  if (!filled) return tl::make_unexpected(filled.error());
  if (filled->operations >= operations) return {};
  return fail(Error::Kind::kFull, "the agent did not take the backlog: " + agent.process.log());
}

Result<std::uint64_t> delivered_by(const Server& agent) {
  const auto status = ask(agent.socket, "GET", "/agent/v1/status");
  if (!status) return tl::make_unexpected(status.error());
  const auto json = nlohmann::json::parse(*status, nullptr, false);
  if (json.is_discarded()) return fail(Error::Kind::kInvalid, "no status: " + *status);
  return json["delivery"]["delivered"].get<std::uint64_t>();
}

Result<DrainResult> drain(const Server& agent, std::uint64_t operations) {
  const auto before = delivered_by(agent);
  if (!before) return tl::make_unexpected(before.error());
  const auto resumed_at = Clock::now();
  for (const char* route : {"/agent/v1/resume", "/agent/v1/flush"}) {
    if (auto done = ask(agent.socket, "POST", route); !done) {
      return tl::make_unexpected(done.error());
    }
  }
  DrainResult result;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  auto begun = resumed_at;
  auto progress_at = begun;
  while (last < operations) {
    const auto delivered = delivered_by(agent);
    if (!delivered) return tl::make_unexpected(delivered.error());
    const auto now = Clock::now();
    if (*delivered - *before > last) progress_at = now;
    last = *delivered - *before;
    if (first == 0 && last >= operations / 10 && last <= operations / 2) {
      first = last;
      begun = now;
    }
    const Memory memory = agent.process.memory();
    result.anonymous_bytes_max = std::max(result.anonymous_bytes_max, memory.anonymous);
    result.resident_bytes_max = std::max(result.resident_bytes_max, memory.resident);
    if (now - progress_at > kPatience) {
      return fail(Error::Kind::kUnreachable, "nothing is delivered: " + agent.process.log());
    }
    std::this_thread::sleep_for(kLook);
  }
  const std::chrono::duration<double> elapsed = progress_at - begun;
  if (elapsed.count() > 0) {
    result.operations_per_s = static_cast<double>(last - first) / elapsed.count();
  }
  return result;
}

}  // namespace flowmyna::bench
