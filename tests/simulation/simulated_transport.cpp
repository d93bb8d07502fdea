#include "simulated_transport.h"

#include <algorithm>
#include <charconv>

namespace flowmyna::simulation {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{30'000};

// A slow answer keeps moving, so no timeout ends it.
constexpr milliseconds kSlowMax{300'000};

BackOffRule::Wait asked_wait(const Answer& answer, std::int64_t now_unix_s) {
  std::int64_t seconds = 0;
  const std::string& text =
      answer.retry_after.empty() ? answer.rate_limit_reset : answer.retry_after;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (answer.retry_after.empty()) seconds -= now_unix_s;
  return std::chrono::seconds(seconds);
}

/// Whether the API counts something under `name`.
bool counts(Fault fault, const Answer& answer, std::string_view name) {
  if (fault != Fault::kNone || answer.status != 200) return false;
  const auto at = answer.body.find(name);
  return at != std::string::npos && answer.body[at + name.size()] != '0';
}

}  // namespace

/// A late copy of the request itself may be overtaken by its resend; that of one of which this is a
/// part may not, for who came first could not be told.
Answer Network::arrive(const Copy& copy, Chance& chance, ModelApi::Mood mood) {
  auto late = take_held_back(ModelApi::subjects_of(copy));
  const auto own = std::stable_partition(
      late.begin(), late.end(), [&](const Copy& candidate) { return candidate.key != copy.key; });
  const bool is_own_first = chance.one_in(0.5);
  release({late.begin(), is_own_first ? late.end() : own});
  Answer answer = api_.process(copy, mood, !is_own_first && own != late.end());
  if (!is_own_first) release({own, late.end()});
  return answer;
}

std::vector<Copy> Network::take_held_back(const std::set<std::string>& subjects) {
  std::vector<Copy> taken;
  std::erase_if(held_back_, [&](HeldBack& held) {
    const bool is_about_the_same = std::ranges::any_of(
        held.subjects, [&](const std::string& subject) { return subjects.contains(subject); });
    if (is_about_the_same) taken.push_back(std::move(held.copy));
    return is_about_the_same;
  });
  return taken;
}

void Network::release(const std::vector<Copy>& copies) {
  for (const Copy& copy : copies) {
    trace_.note([&] { return "network: a late copy of " + copy.key + " arrives"; });
    api_.process(copy);
  }
}

void SimulatedTransport::draw_fault(Flight& flight) {
  const BootTime now = around_.queue.now();
  const Copy& copy = flight.copy;
  flight.fault = copy.is_get ? around_.faults.draw_for_health(now) : around_.faults.draw(now);
  if (flight.fault == Fault::kLate && (copy.is_get || around_.holds_unknown)) {
    flight.fault = Fault::kLostAfter;
  }
  if (copy.is_get && flight.fault == Fault::kHalfDone) flight.fault = Fault::kServerError;
  if (copy.is_get && flight.fault == Fault::kContradiction) flight.fault = Fault::kNone;
  if (flight.fault == Fault::kHalfDone) flight.mood = ModelApi::Mood::kHalf;
  if (flight.fault == Fault::kContradiction) flight.mood = ModelApi::Mood::kContradicts;
  if (flight.fault != Fault::kNone) return;
  if (const Trouble* trouble = around_.troubles.met_by(copy, now)) meet(*trouble, flight);
}

void SimulatedTransport::meet(const Trouble& trouble, Flight& flight) {
  using Effect = Trouble::Effect;
  switch (trouble.effect) {
    case Effect::kServerError:
      flight.fault = Fault::kServerError;
      return;
    case Effect::kForbidden:
      flight.fault = Fault::kUnauthorized;
      return;
    case Effect::kPage:
      flight.fault = Fault::kPortal;
      return;
    case Effect::kNotFound:
      flight.fault = Fault::kNotFound;
      return;
    case Effect::kSilence:
      flight.fault = Fault::kLostBefore;
      return;
    case Effect::kHalfDone:
      flight.fault = Fault::kHalfDone;
      flight.mood = ModelApi::Mood::kHalf;
      return;
    case Effect::kRefusesAll:
      flight.mood = ModelApi::Mood::kRefusesAll;
      return;
    case Effect::kFailsAll:
      flight.mood = ModelApi::Mood::kFailsAll;
      return;
  }
}

milliseconds SimulatedTransport::draw_way_back(const Flight& flight) {
  Chance& chance = around_.chance;
  const milliseconds back = chance.between(milliseconds(1), milliseconds(200));
  // A connection that is reset is noticed at once, a silent network by the timeout.
  if (is_silent(flight.fault)) return chance.one_in(0.7) ? back + kTimeout : back;
  if (flight.fault != Fault::kNone || flight.copy.is_get) return back;
  const bool is_slow = around_.faults.draws_slow(around_.queue.now());
  return is_slow ? chance.between(back, kSlowMax) : back;
}

void SimulatedTransport::send(const OutgoingRequest& request, Done done) {
  auto flight = std::make_shared<Flight>();
  flight->copy = {request.is_get, request.path, request.idempotency_key,
                  request.body == nullptr ? "" : *request.body};
  flight->done = std::move(done);
  flight->body = request.body;
  draw_fault(*flight);
  around_.trace.note([&] {
    return "transport: " + flight->copy.path + " " + flight->copy.key + " " + flight->copy.body +
           " (" + std::string(name_of(flight->fault)) +
           (flight->mood == ModelApi::Mood::kUsual ? ")" : ", the API is in a mood)");
  });
  flight->sent = around_.rules.sent(flight->copy, around_.queue.now());
  flights_.push_back(flight);

  Chance& chance = around_.chance;
  const milliseconds there = chance.between(milliseconds(1), milliseconds(200));
  const milliseconds back = draw_way_back(*flight);
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
  if (is_processed) {
    flight.answer = around_.network.arrive(flight.copy, around_.chance, flight.mood);
  }
  if (flight.fault == Fault::kLate) around_.network.hold_back(flight.copy);
  if (flight.fault == Fault::kTruncated && flight.answer.status == 413) {
    flight.fault = Fault::kNone;  // says all without its body
  } else if (flight.fault == Fault::kTruncated) {
    // At least the last of it is gone that is no blank.
    flight.answer.body.resize(around_.chance.index(flight.answer.body.find_last_of('}') + 1));
  } else if (flight.fault == Fault::kContradiction && flight.answer.status != 200) {
    flight.fault = Fault::kNone;  // refused before anything could contradict it
  } else if (flight.fault != Fault::kNone && flight.fault != Fault::kContradiction) {
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
    case Fault::kServerError:  // whatever it says, half of the request may have been processed
    case Fault::kTruncated:
    case Fault::kHalfDone:
    case Fault::kContradiction:
      return false;
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
  around_.rules.answered(
      flight->copy, flight->sent,
      {flight->fault, asked_wait(flight->answer, around_.queue.clock().unix_now_ms() / 1000),
       is_sure(*flight), counts(flight->fault, flight->answer, "\"processed\":"),
       counts(flight->fault, flight->answer, "\"failed\":")},
      now);
  around_.findings.expect(flight->body == nullptr || *flight->body == flight->copy.body, [&] {
    return "the body of " + flight->copy.key + " changed while it was under way";
  });
  const bool took_long = now - flight->sent.at >= kTimeout;
  flight->answer.timed_out = is_silent(flight->fault) && took_long;
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
