#include "stand_in/api.h"

#include <strings.h>

#include <algorithm>
#include <cstdio>

#include "stand_in/json_text.h"
#include "stand_in/replies.h"
#include "stand_in/speech.h"
#include "stand_in/validation.h"

namespace flowmyna::stand_in {
namespace {

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  const bool has_scheme = authorization.size() > kScheme.size() &&
                          ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) == 0;
  return has_scheme ? authorization.substr(kScheme.size()) : std::string_view();
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

Api::Api(const SimulatorOptions& options, World& world, FaultTable& faults, DialectBook& dialects,
         RequestLog& log)
    : options_(options),
      world_(world),
      faults_(faults),
      dialects_(dialects),
      log_(log),
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

Api::Request Api::read(Exchange& exchange) {
  thread_local BodyReader reader;
  thread_local Body body;
  Request request;
  request.endpoint = find_endpoint(exchange.path);
  request.facts.bytes = exchange.body.size();
  if (request.endpoint == nullptr || !request.endpoint->shape || exchange.body.empty()) {
    return request;
  }
  request.facts.shape = request.endpoint->shape;
  request.problem = reader.read(*request.facts.shape, exchange.body, body);
  if (!request.problem) request.facts.body = &body;
  return request;
}

void Api::respond(Exchange& exchange) {
  Request request = read(exchange);
  FaultDecision& faults = exchange.faults;
  faults_.settle(faults, request.facts);
  request.dialect = dialects_.for_request(faults.dialects);
  const Dialect& dialect = *request.dialect;

  Outcome outcome;
  outcome.items = request.facts.items();
  Reply& reply = exchange.reply;
  if (!faults.main || faults.main->rule.processed != Processed::kNothing) {
    reply = serve(request, exchange, outcome);
    speak(dialect.answers, reply);
  }
  if (faults.main) {
    spoil(faults.main->rule, dialect.now(), reply);
    outcome.fault = name_of(faults.main->rule.kind);
  } else if (outcome.fault.empty() && faults.delay.count() > 0) {
    outcome.fault = name_of(FaultKind::kSlow);
  } else if (outcome.fault.empty() && !faults.dialects.empty()) {
    outcome.fault = name_of(FaultKind::kDialect);
  }
  write_down(dialect, exchange.accept_encoding, reply);
  const auto zero = std::chrono::milliseconds(0);
  reply.delay = dialect.answer_delay + (faults.apply_late ? zero : faults.delay);
  const bool unanswered = reply.ending == Ending::kCut || reply.ending == Ending::kHanging;
  log(exchange, outcome, unanswered ? 0 : reply.status);
}

Reply Api::serve(const Request& request, const Exchange& exchange, Outcome& outcome) {
  if (request.endpoint == nullptr) return plain_error(404, "Not Found");
  if (exchange.method != request.endpoint->method) {
    Reply reply = plain_error(405, "Method Not Allowed");
    reply.headers.emplace_back("Allow", request.endpoint->method);
    return reply;
  }
  std::string key;
  if (!knows_key(exchange, key)) return plain_error(401, "Invalid or missing API key");
  Headers limits;
  Reply reply;
  if (!rate_limit_.admit(key, request.dialect->limits, request.dialect->now(), limits)) {
    reply = plain_error(429, "Rate limit exceeded");
  } else {
    reply = request.endpoint->shape ? write(request, exchange, outcome) : health_answer();
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

Reply Api::write(const Request& request, const Exchange& exchange, Outcome& outcome) {
  const Limits& limits = request.dialect->limits;
  if (request.facts.bytes > limits.body_bytes.value_or(request.facts.bytes)) {
    return plain_error(413, "Request Entity Too Large");
  }
  if (exchange.body.empty()) return schema_error(problem_with_body("Field required", "missing"));
  if (request.problem) return broken_json(*request.problem);
  const Body& body = *request.facts.body;
  const Shape shape = *request.facts.shape;
  if (const std::string problems = validate(shape, body, limits.batch_items); !problems.empty()) {
    return schema_error(problems);
  }
  const Rejection rejection =
      reject_items(faults_, exchange.faults, *request.dialect, request.facts);
  if (rejection.any()) outcome.fault = name_of(FaultKind::kRejectItems);
  if (rejection.whole) return *rejection.whole;
  std::vector<std::uint32_t> order = order_of(body.items.size(), rejection);
  const SharedFault& fault = exchange.faults.main;
  if (fault && fault->rule.processed == Processed::kHalf) order.resize(order.size() / 2);
  outcome.applied = order.size();
  return apply(request, exchange, std::move(order), rejection);
}

std::vector<std::uint32_t> Api::order_of(std::size_t items, const Rejection& rejection) {
  std::vector<std::uint32_t> order;
  order.reserve(items);
  for (std::uint32_t i = 0; i < items; ++i) {
    if (!rejection.errors.contains(i)) order.push_back(i);
  }
  if (options_.shuffle_seed) {
    const std::lock_guard lock(shuffle_mutex_);
    std::shuffle(order.begin(), order.end(), shuffle_);
  }
  return order;
}

Reply Api::apply(const Request& request, const Exchange& exchange, std::vector<std::uint32_t> order,
                 const Rejection& rejection) {
  const Body& body = *request.facts.body;
  const Shape shape = *request.facts.shape;
  std::vector<std::string> errors;
  for (const auto& [index, error] : rejection.errors) errors.push_back(error);
  if (!is_event(shape)) {
    thread_local std::vector<UpsertResult> results;
    world_.apply_upserts(body, order, results);
    std::sort(order.begin(), order.end());
    return is_batch(shape) ? upsert_batch_answer(body, order, results, errors)
                           : upsert_answer(body.items.front(), results.front());
  }
  const std::string now = format_time(request.dialect->now());
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
  std::string line;
  if (options_.print_requests) line = line_of(entry);
  const std::uint64_t number = log_.add(std::move(entry));
  if (line.empty()) return;
  std::printf("#%llu %s\n", static_cast<unsigned long long>(number), line.c_str());
  std::fflush(stdout);
}

}  // namespace flowmyna::stand_in
