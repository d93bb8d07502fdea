#include "stand_in/admin.h"

#include <charconv>

#include "stand_in/replies.h"

namespace flowmyna::stand_in {
namespace {

constexpr std::string_view kHelp = R"({"routes":[
  "GET /sim/state?type=&id=    objects as merged, events with the states that they found",
  "GET /sim/counts             how many objects, events, requests, items, faults",
  "GET /sim/requests?since=N   the request log, from number N+1",
  "GET /sim/faults             the rules in force",
  "POST /sim/faults            adds a JSON list of rules; PUT replaces all; DELETE clears",
  "GET /sim/dialect            the dialect's document",
  "POST /sim/dialect           puts a document over it; PUT replaces it; DELETE: as at the start",
  "POST /sim/reset             forgets objects, events, the log, the faults and the dialect"]}
)";

std::string argument(const Exchange& exchange, const std::string& name) {
  const auto at = exchange.query.find(name);
  return at == exchange.query.end() ? std::string() : at->second;
}

Reply ok(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

}  // namespace

bool Admin::owns(const std::string& path) {
  return path == "/sim" || path.starts_with("/sim/");
}

void Admin::respond(Exchange& exchange, const FaultsChanged& faults_changed) {
  exchange.reply = route(exchange, faults_changed);
}

Reply Admin::route(const Exchange& exchange, const FaultsChanged& faults_changed) {
  const std::string& path = exchange.path;
  const bool get = exchange.method == "GET";
  if (path == "/sim/faults") return set_faults(exchange, faults_changed);
  if (path == "/sim/dialect") return set_dialect(exchange);
  if (path == "/sim/reset" && exchange.method == "POST") {
    reset();
    faults_changed(true);
    return ok(R"({"reset":true})");
  }
  if (path == "/sim/state" && get) return state(exchange);
  if (path == "/sim/counts" && get) return ok(counts());
  if (path == "/sim/requests" && get) return requests(exchange);
  if ((path == "/sim" || path == "/sim/") && get) return ok(std::string(kHelp));
  return plain_error(404, "Not Found; GET /sim lists what there is");
}

Reply Admin::set_faults(const Exchange& exchange, const FaultsChanged& faults_changed) {
  if (exchange.method == "GET") return ok(faults_.show());
  if (exchange.method == "DELETE") {
    faults_.clear();
    faults_changed(true);
    return ok(faults_.show());
  }
  const bool replaces = exchange.method == "PUT";
  if (!replaces && exchange.method != "POST") return plain_error(405, "Method Not Allowed");
  auto rules = parse_fault_rules(exchange.body);
  if (!rules) return plain_error(422, rules.error().message);
  if (replaces) faults_.clear();
  faults_.add(std::move(*rules));
  faults_changed(replaces);
  return ok(faults_.show());
}

Reply Admin::set_dialect(const Exchange& exchange) {
  Result<void> set;
  if (exchange.method == "PUT") {
    set = dialects_.replace(exchange.body);
  } else if (exchange.method == "POST") {
    set = dialects_.amend(exchange.body);
  } else if (exchange.method == "DELETE") {
    dialects_.restore();
  } else if (exchange.method != "GET") {
    return plain_error(405, "Method Not Allowed");
  }
  return set ? ok(dialects_.show()) : plain_error(422, set.error().message);
}

Reply Admin::requests(const Exchange& exchange) const {
  const std::string since = argument(exchange, "since");
  std::uint64_t number = 0;
  const char* const end = since.data() + since.size();
  const auto parsed = std::from_chars(since.data(), end, number);
  if (!since.empty() && (parsed.ec != std::errc() || parsed.ptr != end)) {
    return plain_error(422, "since must be the number of a request");
  }
  return ok(log_.show(number));
}

Reply Admin::state(const Exchange& exchange) const {
  return ok(world_.dump({argument(exchange, "type"), argument(exchange, "id")}));
}

std::string Admin::counts() const {
  const WorldSize size = world_.size();
  return R"({"objects":)" + std::to_string(size.objects) + R"(,"events":)" +
         std::to_string(size.events) + R"(,"requests":)" + std::to_string(log_.requests()) +
         R"(,"items":)" + std::to_string(log_.items()) + R"(,"faults_served":)" +
         std::to_string(faults_.served()) + R"(,"in_flight_max":)" +
         std::to_string(api_.in_flight_max()) + "}";
}

void Admin::reset() {
  faults_.clear();
  dialects_.restore();
  world_.clear();
  log_.clear();
  api_.reset_in_flight_max();
}

}  // namespace flowmyna::stand_in
