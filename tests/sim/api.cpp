#include "sim/api.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "sim/answers.h"
#include "sim/json_text.h"
#include "sim/validation.h"

namespace flowmyna::sim {
namespace {

struct Endpoint {
  std::string_view path;
  std::string_view method;
  std::optional<Shape> shape;  ///< absent: health
};

constexpr std::array<Endpoint, 5> kEndpoints = {{
    {"/object/upsert", "POST", Shape::kObject},
    {"/object/batch", "POST", Shape::kObjectBatch},
    {"/event", "POST", Shape::kEvent},
    {"/event/batch", "POST", Shape::kEventBatch},
    {"/health", "GET", std::nullopt},
}};

/// "/object/batch" for a path below the API's; any other path as it is.
std::string_view endpoint_path(std::string_view path) {
  return path.starts_with(kApiPath) ? path.substr(kApiPath.size()) : path;
}

const Endpoint* find_endpoint(std::string_view path) {
  if (!path.starts_with(kApiPath)) return nullptr;
  const auto at = std::find_if(kEndpoints.begin(), kEndpoints.end(), [&](const Endpoint& known) {
    return known.path == endpoint_path(path);
  });
  return at == kEndpoints.end() ? nullptr : &*at;
}

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  const bool has_scheme = authorization.size() > kScheme.size() &&
                          ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) == 0;
  return has_scheme ? authorization.substr(kScheme.size()) : std::string_view();
}

bool equals(const std::optional<std::string>& wanted, std::string_view text) {
  return !wanted || *wanted == text;
}

bool matches(const FaultRule& rule, Shape shape, const Body& body, const Item& item) {
  if (!is_event(shape)) {
    return !rule.match_event && equals(rule.match_type, item.type.text) &&
           equals(rule.match_id, item.id.text);
  }
  if (!equals(rule.match_event, item.event.text)) return false;
  const auto objects = body.objects_of(item);
  return std::any_of(objects.begin(), objects.end(), [&rule](const NamedObject& object) {
    return equals(rule.match_type, object.type.text) && equals(rule.match_id, object.id.text);
  });
}

std::string reason_for(const FaultRule& rule, std::uint32_t index) {
  if (!rule.errors_indexed) return rule.reason;
  return "index " + std::to_string(index) + ": " + rule.reason;
}

/// The answer when one bad item spoils the whole request.
Reply refuse_all(const FaultRule& rule, Shape shape, std::uint32_t index) {
  if (rule.mode == RejectMode::kBatch400) return plain_error(400, reason_for(rule, index));
  if (!rule.errors_indexed) return plain_error(422, rule.reason);
  return schema_error(problem_with_item(shape, index, rule.reason, "value_error"));
}

Reply broken_json(const JsonProblem& problem) {
  std::string list = R"([{"loc":["body",)" + std::to_string(problem.offset) +
                     R"(],"msg":"JSON decode error","type":"json_invalid","ctx":{"error":)";
  append_quoted(list, problem.message);
  return schema_error(list + "}}]");
}

}  // namespace

bool is_well_formed_key(std::string_view key) {
  constexpr std::string_view kPrefix = "fm_live_";
  constexpr std::size_t kKeyLength = 40;
  return key.size() == kKeyLength && key.starts_with(kPrefix) &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_';
         });
}

Api::Api(const SimulatorOptions& options, World& world, FaultTable& faults, RequestLog& log)
    : options_(options),
      world_(world),
      faults_(faults),
      log_(log),
      rate_limit_(options.rate_limit, options.rate_window),
      shuffle_(options.shuffle_seed.value_or(0)) {}

bool Api::admit(Exchange& exchange) {
  const std::uint64_t now = ++in_flight_;
  std::uint64_t max = in_flight_max_;
  while (now > max && !in_flight_max_.compare_exchange_weak(max, now)) {
  }
  exchange.faults = faults_.decide(endpoint_path(exchange.path));
  if (exchange.faults.main && exchange.faults.main->rule.kind == FaultKind::kDown) {
    log(exchange, {0, 0, "down"}, 0);
    return false;
  }
  if (exchange.faults.apply_late) exchange.delay_before = exchange.faults.delay;
  return true;
}

void Api::finished(const Exchange&) {
  --in_flight_;
}

void Api::respond(Exchange& exchange) {
  Outcome outcome;
  const FaultDecision& faults = exchange.faults;
  Reply& reply = exchange.reply;
  if (!faults.main || faults.main->rule.processed.value_or(false)) {
    reply = serve(exchange, outcome);
  }
  if (faults.main) {
    spoil(faults.main->rule, reply);
    outcome.fault = name_of(faults.main->rule.kind);
  } else if (outcome.fault.empty() && faults.delay.count() > 0) {
    outcome.fault = name_of(FaultKind::kSlow);
  }
  reply.delay =
      options_.latency + (faults.apply_late ? std::chrono::milliseconds(0) : faults.delay);
  const bool unanswered = reply.ending == Ending::kCut || reply.ending == Ending::kHanging;
  log(exchange, outcome, unanswered ? 0 : reply.status);
}

Reply Api::serve(Exchange& exchange, Outcome& outcome) {
  const Endpoint* endpoint = find_endpoint(exchange.path);
  if (endpoint == nullptr) return plain_error(404, "Not Found");
  if (exchange.method != endpoint->method) {
    Reply reply = plain_error(405, "Method Not Allowed");
    reply.headers.emplace_back("Allow", endpoint->method);
    return reply;
  }
  std::string key;
  if (!knows_key(exchange, key)) return plain_error(401, "Invalid or missing API key");
  Headers limits;
  Reply reply;
  if (!rate_limit_.admit(key, limits)) {
    reply = plain_error(429, "Rate limit exceeded");
  } else {
    reply = endpoint->shape ? write(*endpoint->shape, exchange, outcome) : health_answer();
  }
  reply.headers.insert(reply.headers.end(), limits.begin(), limits.end());
  return reply;
}

bool Api::knows_key(const Exchange& exchange, std::string& key) const {
  key = bearer(exchange.authorization);
  if (exchange.authorization.empty()) key = exchange.api_key;
  return is_well_formed_key(key) &&
         std::find(options_.keys.begin(), options_.keys.end(), key) != options_.keys.end();
}

Reply Api::write(Shape shape, Exchange& exchange, Outcome& outcome) {
  if (too_large(exchange)) {
    outcome.fault = name_of(FaultKind::kMaxBody);
    return plain_error(413, "Request Entity Too Large");
  }
  if (exchange.body.empty()) return schema_error(problem_with_body("Field required", "missing"));
  thread_local BodyReader reader;
  thread_local Body body;
  if (const auto problem = reader.read(shape, exchange.body, body)) return broken_json(*problem);
  outcome.items = body.items.size();
  if (const std::string problems = validate(shape, body); !problems.empty()) {
    return schema_error(problems);
  }
  const Rejection rejection = reject(shape, body, exchange.faults);
  if (rejection.fault) {
    outcome.fault = name_of(FaultKind::kRejectItems);
    const FaultRule& rule = rejection.fault->rule;
    if (rule.mode != RejectMode::kPartial || !is_batch(shape)) {
      return refuse_all(rule, shape, rejection.indices.front());
    }
  }
  outcome.applied = outcome.items - rejection.indices.size();
  return apply(shape, body, rejection, exchange);
}

bool Api::too_large(const Exchange& exchange) {
  const auto& rules = exchange.faults.conditional;
  return std::any_of(rules.begin(), rules.end(), [&](const SharedFault& fault) {
    return fault->rule.kind == FaultKind::kMaxBody && exchange.body.size() > fault->rule.bytes &&
           faults_.strike(*fault);
  });
}

Api::Rejection Api::reject(Shape shape, const Body& body, const FaultDecision& decision) {
  for (const SharedFault& fault : decision.conditional) {
    if (fault->rule.kind != FaultKind::kRejectItems) continue;
    Rejection rejection;
    for (std::uint32_t i = 0; i < body.items.size(); ++i) {
      if (matches(fault->rule, shape, body, body.items[i])) rejection.indices.push_back(i);
    }
    if (rejection.indices.empty() || !faults_.strike(*fault)) continue;
    rejection.fault = fault;
    return rejection;
  }
  return {};
}

std::vector<std::uint32_t> Api::order_of(std::size_t items, const Rejection& rejection) {
  std::vector<std::uint32_t> all(items);
  std::iota(all.begin(), all.end(), 0U);
  std::vector<std::uint32_t> order;
  order.reserve(items);
  std::set_difference(all.begin(), all.end(), rejection.indices.begin(), rejection.indices.end(),
                      std::back_inserter(order));
  if (options_.shuffle_seed) {
    const std::lock_guard lock(shuffle_mutex_);
    std::shuffle(order.begin(), order.end(), shuffle_);
  }
  return order;
}

Reply Api::apply(Shape shape, const Body& body, const Rejection& rejection,
                 const Exchange& exchange) {
  std::vector<std::uint32_t> order = order_of(body.items.size(), rejection);
  std::vector<std::string> errors;
  for (const std::uint32_t index : rejection.indices) {
    errors.push_back(reason_for(rejection.fault->rule, index));
  }
  if (!is_event(shape)) {
    thread_local std::vector<UpsertResult> results;
    world_.apply_upserts(body, order, results);
    std::sort(order.begin(), order.end());
    return is_batch(shape) ? upsert_batch_answer(body, order, results, errors)
                           : upsert_answer(body.items.front(), results.front());
  }
  const std::string now = format_time(std::chrono::system_clock::now());
  std::shared_ptr<const std::string> key;
  if (!exchange.idempotency_key.empty()) {
    key = std::make_shared<const std::string>(exchange.idempotency_key);
  }
  thread_local std::vector<std::uint64_t> numbers;
  world_.apply_events(body, order, now, key, numbers);
  std::sort(order.begin(), order.end());
  if (is_batch(shape)) return event_batch_answer(order, numbers, errors);
  const Item& item = body.items.front();
  return event_answer(item, numbers.front(),
                      item.timestamp.kind == Kind::kString ? item.timestamp.text : now);
}

void Api::log(const Exchange& exchange, const Outcome& outcome, unsigned status) {
  LogEntry entry;
  entry.time = std::chrono::system_clock::now();
  entry.method = exchange.method;
  entry.path = exchange.path;
  entry.content_type = exchange.content_type;
  entry.idempotency_key = exchange.idempotency_key;
  entry.status = status;
  entry.items = outcome.items;
  entry.applied = outcome.applied;
  entry.fault = outcome.fault;
  entry.body_bytes = exchange.body.size();
  entry.body_hash = hash_of(exchange.body);
  if (options_.log_bodies) entry.body = exchange.body;
  const std::string time = format_time(entry.time);
  const std::uint64_t number = log_.add(std::move(entry));
  if (!options_.print_requests) return;
  const std::string key =
      exchange.idempotency_key.empty() ? "" : " key=" + exchange.idempotency_key;
  const std::string fault = outcome.fault.empty() ? "" : " fault=" + outcome.fault;
  std::printf("%s #%llu %s %s -> %u, %llu of %llu items applied, %zu bytes%s%s\n", time.c_str(),
              static_cast<unsigned long long>(number), exchange.method.c_str(),
              exchange.path.c_str(), status, static_cast<unsigned long long>(outcome.applied),
              static_cast<unsigned long long>(outcome.items), exchange.body.size(), key.c_str(),
              fault.c_str());
  std::fflush(stdout);
}

}  // namespace flowmyna::sim
