#include "bench/ceiling.h"

#include "bench/bare_database.h"
#include "bench/message.h"
#include "bench/round_server.h"

namespace flowmyna::bench {
namespace {

constexpr std::string_view kMessageEnd = "}}";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    R"({"success":true})";

}  // namespace

Result<void> serve_ceiling(const std::string& socket, const std::string& path) {
  auto database = BareDatabase::open(path);
  if (!database) return tl::make_unexpected(database.error());
  auto bound = stand_in::bind_unix(socket);
  if (!bound) return tl::make_unexpected(bound.error());
  if (auto listening = stand_in::start_listening(*bound); !listening) return listening;
  auto server = RoundServer::open(*std::move(bound));
  if (!server) return tl::make_unexpected(server.error());

  const std::size_t row_bytes = stored_row(1).size();
  std::vector<RoundServer::ConnectionId> to_answer;
  while (!server->has_ended()) {
    to_answer.clear();
    for (const auto& [connection, bytes] : server->wait(-1)) {
      if (!bytes->ends_with(kMessageEnd)) continue;
      auto done = to_answer.empty() ? database->begin() : Result<void>{};
      if (done) done = database->insert(std::string_view(*bytes).substr(bytes->size() - row_bytes));
      if (!done) return done;
      to_answer.push_back(connection);
      bytes->clear();
    }
    if (to_answer.empty()) continue;
    if (auto committed = database->commit(); !committed) return committed;
    for (const auto connection : to_answer) server->send(connection, kAnswer);
  }
  return {};
}

}  // namespace flowmyna::bench
