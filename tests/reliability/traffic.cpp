#include "reliability/traffic.h"

#include <chrono>
#include <set>

namespace flowmyna::test {
namespace {

constexpr std::size_t kWriters = 4;

/// What a writer asks for over and over; the number is in every name.
std::string counter(std::size_t writer) {
  return "W" + std::to_string(writer);
}

Json upsert(const std::string& id, std::uint64_t n) {
  return {{"type", "T"}, {"id", id}, {"properties", {{"n", n}}}};
}

struct Arrived {
  std::map<std::string, std::uint64_t> objects;  // by id: n
  struct Event {
    std::uint64_t found = 0;
    std::set<std::string> keys;
    std::size_t times = 0;
  };
  std::map<std::string, Event> events;
};

Arrived arrived_at(const Rig& rig) {
  Arrived arrived;
  const Json state = rig.sim("/sim/state");
  for (const Json& object : state["objects"]) {
    arrived.objects[object["id"]] = object["properties"].value("n", std::uint64_t{0});
  }
  for (const Json& event : state["events"]) {
    auto& known = arrived.events[event["event"]];
    ++known.times;
    if (event["key"].is_string()) known.keys.insert(event["key"]);
    // The first one counts: the same one again finds what came after it as well.
    if (known.times == 1) known.found = event["objects"][0]["found"].value("n", std::uint64_t{0});
  }
  return arrived;
}

}  // namespace

std::map<std::string, std::uint64_t> values_at(const Rig& rig) {
  return arrived_at(rig).objects;
}

struct Traffic::Call {
  std::string path;
  Json body;
  std::vector<std::string> objects;  // that it makes
  std::string event;                 // that it records
  bool sets_value = false;           // of the writer's own object
  std::size_t operations = 1;
};

Traffic::Call Traffic::make_call(std::size_t writer, std::uint64_t number) {
  const std::string own = counter(writer);
  const std::string name = own + "-" + std::to_string(number);
  Call call;
  if (writer == kWriters - 1) {  // the one that writes batches
    call.path = "/api/public/v1/object/batch";
    call.body["objects"].push_back(upsert(own, number));
    for (const char* letter : {"a", "b", "c", "d"}) {
      call.objects.push_back(name + letter);
      call.body["objects"].push_back(upsert(call.objects.back(), number));
    }
    call.sets_value = true;
    call.operations = 5;
  } else if (number % 3 == 0) {
    call.path = "/api/public/v1/event";
    call.event = name;
    call.body["event"] = name;
    call.body["objects"].push_back({{"type", "T"}, {"id", own}});
  } else if (number % 3 == 1) {
    call.path = "/api/public/v1/object/upsert";
    call.body = upsert(own, number);
    call.sets_value = true;
  } else {
    call.path = "/api/public/v1/object/upsert";
    call.body = upsert(name, number);
    call.objects.push_back(name);
  }
  return call;
}

void Traffic::start() {
  stop();
  stopping_ = is_dark_ = false;
  writers_.resize(kWriters);
  for (std::size_t i = 0; i < kWriters; ++i) threads_.emplace_back([this, i] { write(i); });
}

void Traffic::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Traffic::write(std::size_t index) {
  auto connection = rig_.connect();
  while (!stopping_) {
    if (write_once(index, *connection)) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // as a polite one would
  }
}

void Traffic::step() {
  writers_.resize(kWriters);
  auto connection = rig_.connect();
  for (std::size_t i = 0; i < kWriters; ++i) write_once(i, *connection);
}

bool Traffic::write_once(std::size_t index, Http& connection) {
  Writer& writer = writers_[index];
  const std::uint64_t number = writer.next++;
  const Call call = make_call(index, number);
  const HttpReply reply = connection.post(call.path, call.body.dump());
  if (is_dark_) return false;
  const std::lock_guard lock(mutex_);
  if (reply.status == 200) {
    answered_ += call.operations;
    note(writer, call, number);
  } else {
    ++refusals_[reply.status];
  }
  return reply.status == 200;
}

void Traffic::note(Writer& writer, const Call& call, std::uint64_t number) {
  writer.objects.insert(writer.objects.end(), call.objects.begin(), call.objects.end());
  if (!call.event.empty()) writer.events[call.event] = writer.last_value;
  if (call.sets_value) writer.last_value = number;
}

std::map<int, std::size_t> Traffic::refusals() const {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

Comparison Traffic::compare() const {
  Arrived arrived = arrived_at(rig_);
  Comparison result;
  result.answered = answered_;
  const auto wrong = [&](std::size_t& count, const std::string& what) {
    if (count++ == 0) result.example += what + "; ";
  };
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    const Writer& writer = writers_[i];
    for (const std::string& id : writer.objects) {
      if (!arrived.objects.contains(id)) wrong(result.missing, "object " + id + " is missing");
    }
    const std::uint64_t value = arrived.objects[counter(i)];
    if (value < writer.last_value) {
      wrong(result.regressed, counter(i) + " is " + std::to_string(value) + ", not " +
                                  std::to_string(writer.last_value));
    }
    for (const auto& [name, least] : writer.events) {
      const auto event = arrived.events.find(name);
      if (event == arrived.events.end()) {
        wrong(result.missing, "event " + name + " is missing");
      } else if (event->second.found < least) {
        wrong(result.regressed, "event " + name + " found " + std::to_string(event->second.found) +
                                    ", not " + std::to_string(least));
      }
    }
  }
  for (const auto& [name, event] : arrived.events) {
    if (event.times > 1) ++result.twice;
    if (event.keys.size() > 1) wrong(result.twice_under_other_key, "event " + name + " twice");
  }
  return result;
}

}  // namespace flowmyna::test
