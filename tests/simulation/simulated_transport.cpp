#include "simulated_transport.h"

#include <algorithm>
#include <charconv>

namespace flowmyna::simulation {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{30'000};

BackOffRule::Wait asked_wait(const Answer& answer, std::int64_t now_unix_s) {
  std::int64_t seconds = 0;
  const std::string& text =
      answer.retry_after.empty() ? answer.rate_limit_reset : answer.retry_after;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (answer.retry_after.empty()) seconds -= now_unix_s;
  return std::chrono::seconds(seconds);
}

}  // namespace

Answer Network::arrive(const Copy& copy, Chance& chance) {
  const bool is_late_one_first = chance.one_in(0.5);
  if (is_late_one_first) release(copy.key);
  Answer answer = api_.process(copy, held_back_.contains(copy.key));
  release(copy.key);
  return answer;
}

void Network::release(const std::string& key) {
  const auto node = held_back_.extract(key);
  if (node.empty()) return;
  for (const Copy& copy : node.mapped()) {
    trace_.note([&] { return "network: a late copy of " + key + " arrives"; });
    api_.process(copy);
  }
}

Fault SimulatedTransport::draw_fault(const Copy& copy) {
  const Fault fault = around_.faults.draw(around_.queue.now());
  if (fault == Fault::kLate && (copy.is_get || around_.holds_unknown)) return Fault::kLostAfter;
  return fault;
}

void SimulatedTransport::send(const OutgoingRequest& request, Done done) {
  auto flight = std::make_shared<Flight>();
  flight->copy = {request.is_get, request.path, request.idempotency_key,
                  request.body == nullptr ? "" : *request.body};
  flight->done = std::move(done);
  flight->body = request.body;
  flight->fault = draw_fault(flight->copy);
  around_.trace.note([&] {
    return "transport: " + flight->copy.path + " " + flight->copy.key + " " + flight->copy.body +
           " (" + std::string(name_of(flight->fault)) + ")";
  });
  flight->sent = around_.rules.sent(flight->copy, around_.queue.now());
  flights_.push_back(flight);

  Chance& chance = around_.chance;
  const milliseconds there = chance.between(milliseconds(1), milliseconds(200));
  milliseconds back = chance.between(milliseconds(1), milliseconds(200));
  // A connection that is reset is noticed at once, a silent network by the timeout.
  if (is_silent(flight->fault) && chance.one_in(0.7)) back += kTimeout;
  around_.queue.after(there, lifetime_.guard([this, flight] { arrive(*flight); }));
  around_.queue.after(there + back, lifetime_.guard([this, flight] { finish(flight); }));
}

bool SimulatedTransport::is_silent(Fault fault) {
  return fault == Fault::kLostBefore || fault == Fault::kLate || fault == Fault::kLostAfter;
}

void SimulatedTransport::network_changed() {
  for (const auto& flight : flights_) {
    if (!flight->has_arrived || !is_silent(flight->fault) || !around_.chance.one_in(0.5)) continue;
    around_.queue.after(milliseconds(1), lifetime_.guard([this, flight] { finish(flight); }));
  }
}

void SimulatedTransport::arrive(Flight& flight) {
  flight.has_arrived = true;
  const auto now_unix_s = around_.queue.clock().true_unix_ms() / 1000;
  const bool is_processed = may_be_processed(flight.fault) && flight.fault != Fault::kLate &&
                            (flight.fault != Fault::kGateway || around_.chance.one_in(0.5));
  if (is_processed) flight.answer = around_.network.arrive(flight.copy, around_.chance);
  if (flight.fault == Fault::kLate) around_.network.hold_back(flight.copy);
  if (flight.fault == Fault::kTruncated) {
    flight.answer.body.resize(around_.chance.index(flight.answer.body.size()));
    if (flight.answer.status == 413) flight.fault = Fault::kNone;  // says all without its body
  } else if (flight.fault != Fault::kNone) {
    flight.answer = fault_answer(flight.fault, around_.chance, now_unix_s);
  }
}

/// Whether the sender can know from this answer if the request was processed.
bool SimulatedTransport::is_sure(const Flight& flight) {
  switch (flight.fault) {
    case Fault::kNone:
      return true;
    case Fault::kLostBefore:
      return false;
    case Fault::kTruncated:
      return flight.answer.status != 200;  // a refusal's status says enough
    default:
      return !may_be_processed(flight.fault);
  }
}

void SimulatedTransport::finish(const std::shared_ptr<Flight>& flight) {
  if (std::erase(flights_, flight) == 0) return;  // ended by a network that changed
  const BootTime now = around_.queue.now();
  around_.trace.note([&] {
    const Answer& answer = flight->answer;
    return "transport: answer to " + flight->copy.path + " " + flight->copy.key + ": " +
           (answer.error.empty() ? std::to_string(answer.status) + " " + answer.body
                                 : answer.error);
  });
  around_.rules.answered(flight->copy, flight->sent, flight->fault,
                         asked_wait(flight->answer, around_.queue.clock().unix_now_ms() / 1000),
                         is_sure(*flight), now);
  around_.findings.expect(flight->body == nullptr || *flight->body == flight->copy.body, [&] {
    return "the body of " + flight->copy.key + " changed while it was under way";
  });
  flight->done(flight->answer);
  around_.after_answer();
}

void SimulatedTransport::crash(BootTime restart) {
  for (const auto& flight : flights_) {
    const bool reaches = !flight->has_arrived && !flight->copy.is_get &&
                         may_be_processed(flight->fault) && around_.chance.one_in(0.5);
    if (!reaches) continue;
    const auto left = restart - around_.queue.now();
    around_.queue.after(
        around_.chance.between(milliseconds(0), std::max(milliseconds(0), left - milliseconds(1))),
        [&network = around_.network, &chance = around_.chance, copy = flight->copy] {
          network.arrive(copy, chance);
        });
  }
}

}  // namespace flowmyna::simulation
