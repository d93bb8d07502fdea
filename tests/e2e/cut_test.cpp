// A connection that is cut at every byte of a request and of an answer. Whatever the byte: nothing
// is lost, no object goes back to an older state, and an event is recorded twice only where the API
// had it and its answer was cut; then with the same key and the same bytes, and counted.
//
// The sweeps take every FLOWMYNA_CUT_STRIDEth byte; 1 unless set.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "e2e/cut_proxy.h"
#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

constexpr const char* kBase = "/api/public/v1";
constexpr const char* kObjects = "/object/batch";
constexpr const char* kEvents = "/event/batch";

// Waits as short as they may be. What a power cut would do is not the question here.
constexpr const char* kQuick =
    "delivery.retry_initial = \"10ms\"\n"
    "delivery.retry_max = \"20ms\"\n"
    "delivery.linger = \"0s\"\n"
    "outbox.durability = \"relaxed\"\n";

std::size_t stride() {
  const char* text = std::getenv("FLOWMYNA_CUT_STRIDE");
  return text == nullptr ? 1 : std::strtoul(text, nullptr, 10);
}

std::uint16_t port_of_url(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

/// One agent and the stand-in, with the proxy between them.
class CutRig {
 public:
  CutRig() : proxy_(port_of_url(rig_.api_url())) {
    rig_.set_api_url("http://127.0.0.1:" + std::to_string(proxy_.port()) + kBase);
    rig_.start_agent(kQuick);
    agent_ = rig_.connect();
  }

  CutProxy& proxy() { return proxy_; }
  const Rig& rig() const { return rig_; }

  void write(const std::string& path, const std::string& body) {
    const HttpReply reply = agent_->post(kBase + path, body);
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
  }

  /// The status once everything is settled.
  Json settled() {
    Json status;
    rig_.wait_until("everything is settled", [&] {
      status = Json::parse(agent_->get("/agent/v1/status").body);
      return status["outbox"]["pending"] == 0;
    });
    return status["delivery"];
  }

  /// What was logged since the last call.
  WireLog log() {
    WireLog log = WireLog::read(rig_, logged_);
    logged_ = std::max(logged_, log.last_number());
    return log;
  }

 private:
  Rig rig_;
  CutProxy proxy_;
  std::unique_ptr<Http> agent_;
  std::uint64_t logged_ = 0;
};

struct Sweep {
  std::string name;
  const char* path;
  Cut::Side side;
  Cut::Ending ending;
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const Sweep& sweep, std::ostream* out) {
  *out << sweep.name;
}

class CutAtEveryByte : public testing::TestWithParam<Sweep> {
 protected:
  bool is_of_events() const { return GetParam().path == kEvents; }

  /// Two items in one request. Every value has one length, so all requests of a sweep have one.
  void write_pair() {
    const std::string n = number();
    cuts_.write(GetParam().path, is_of_events()
                                     ? R"({"events":[{"event":"A)" + n + event_end() +
                                           R"({"event":"B)" + n + event_end(R"(]})")
                                     : R"({"objects":[{"type":"T","id":"a","properties":{"n":")" +
                                           n + R"("}},{"type":"T","id":"b","properties":{"n":")" +
                                           n + R"("}}]})");
  }
  std::string event_end(const char* then = ",") const {
    return R"(","objects":[{"type":"T","id":")" + object() + R"("}]})" + then;
  }
  /// A newer state of an object that the pair is about, and an event that has to find it.
  void write_newer() {
    cuts_.write("/object/upsert", R"({"type":"T","id":")" + object() +
                                      R"(","properties":{"n":"newer )" + number() + R"("}})");
    cuts_.write("/event", R"({"event":"C)" + number() + event_end(""));
  }

  std::string number() const {
    const std::string digits = std::to_string(round_);
    return std::string(6 - digits.size(), '0') + digits;
  }
  std::string object() const { return is_of_events() ? "x" + number() : "a"; }

  // What else there is to vary goes round with the cuts, so that each byte's neighbours have it.
  Cut cut_at(std::size_t bytes) const {
    const auto meanwhile = round_ / 2 % 2 == 0 ? Cut::Meanwhile::kSilent : Cut::Meanwhile::kGone;
    return {GetParam().path, GetParam().side, bytes, GetParam().ending, meanwhile};
  }
  /// Or else on a new connection: on a used one libcurl would like to repeat a request by itself.
  bool on_used_connection() const {
    return (round_ % 2 == 0) == (GetParam().ending == Cut::Ending::kFin);
  }

  void cut_once(std::size_t bytes);
  void check_state(std::size_t copies_max);

  CutRig cuts_;
  CutProxy::Sizes sizes_;
  std::size_t round_ = 0;
  std::size_t duplicates_ = 0;  // as the agent counts
  std::size_t recorded_twice_ = 0;
};

void CutAtEveryByte::cut_once(std::size_t bytes) {
  ++round_;
  CutProxy& proxy = cuts_.proxy();
  const bool on_used = on_used_connection();
  if (!on_used) proxy.close_idle();
  const Cut cut = cut_at(bytes);
  proxy.arm(cut);
  ASSERT_NO_FATAL_FAILURE(write_pair());
  const auto struck = proxy.wait_for_cut();
  ASSERT_TRUE(struck) << "the cut did not happen";
  ASSERT_EQ(struck->request_bytes, sizes_.request);
  ASSERT_EQ(struck->was_reused, on_used);
  ASSERT_NO_FATAL_FAILURE(write_newer());
  proxy.release();
  const Json delivery = cuts_.settled();
  ASSERT_EQ(delivery["accepted"], delivery["delivered"]);

  // An answer that came whole, and after which the connection was closed in good order, counts.
  const bool had_all = cut.side == Cut::Side::kAnswer && bytes == sizes_.answer;
  const bool is_sure = had_all && cut.ending == Cut::Ending::kFin;
  const std::size_t counted = delivery["duplicates_possible"].get<std::size_t>() - duplicates_;
  duplicates_ += counted;
  if (is_sure || !is_of_events()) {
    ASSERT_EQ(counted, 0);
  } else if (!had_all) {
    ASSERT_EQ(counted, 2);
  }
  const bool had_request =
      cut.side == Cut::Side::kAnswer || (bytes == sizes_.request && is_of_events());
  ASSERT_NO_FATAL_FAILURE(check_state(had_request && counted > 0 ? 2 : 1));
}

/// What the API has of this round, and how it got there.
void CutAtEveryByte::check_state(std::size_t copies_max) {
  const Json state = cuts_.rig().sim("/sim/state?type=T&id=" + object());
  ASSERT_EQ(state["objects"][0]["properties"]["n"], "newer " + number());
  std::map<std::string, std::size_t> copies;
  for (const Json& event : state["events"]) {
    const std::string name = event["event"];
    if (!name.ends_with(number())) continue;  // of an earlier round
    ++copies[name.substr(0, 1)];
    const Json expected =
        name.starts_with('C') ? Json({{"n", "newer " + number()}}) : Json::object();
    ASSERT_EQ(event["objects"][0]["found"], expected) << name;
  }
  ASSERT_EQ(copies["C"], 1);
  const WireLog log = cuts_.log();
  ASSERT_NO_FATAL_FAILURE(log.expect_resends_are_equal());
  if (!is_of_events()) {
    const Json other = cuts_.rig().sim("/sim/state?type=T&id=b");
    ASSERT_EQ(other["objects"][0]["properties"]["n"], number());
    return;
  }
  ASSERT_EQ(copies["A"], copies["B"]);
  ASSERT_GE(copies["A"], 1);
  ASSERT_LE(copies["A"], copies_max);
  recorded_twice_ += copies["A"] == 2 ? 1 : 0;
  // The pair, perhaps a second time with its key, and the event that was written later.
  const auto events = log.to(kEvents);
  ASSERT_EQ(events.size(), copies["A"] + 1);
  ASSERT_TRUE(copies["A"] == 1 || events[0].key == events[1].key);
}

TEST_P(CutAtEveryByte, LosesNothingUndoesNothingAndRepeatsNoEventWithoutCounting) {
  ASSERT_NO_FATAL_FAILURE(write_pair());  // creates what later answers call updated
  cuts_.settled();
  sizes_ = cuts_.proxy().sizes(GetParam().path);
  cuts_.log();
  const bool in_request = GetParam().side == Cut::Side::kRequest;
  const std::size_t all = in_request ? sizes_.request : sizes_.answer;
  ASSERT_GT(all, 0);
  for (std::size_t bytes = 0; bytes <= all; bytes += stride()) {
    SCOPED_TRACE("cut after " + std::to_string(bytes) + " of " + std::to_string(all) + " bytes");
    ASSERT_NO_FATAL_FAILURE(cut_once(bytes));
  }
  if (stride() == 1 && is_of_events() && !in_request) {
    EXPECT_GE(recorded_twice_, all) << "the API was to have had every one of these";
  }
  std::printf(
      "%s: %zu cuts in %zu bytes; %zu requests; events recorded twice in %zu, counted %zu\n",
      GetParam().name.c_str(), round_, all, cuts_.proxy().sends(GetParam().path), recorded_twice_,
      duplicates_);
}

INSTANTIATE_TEST_SUITE_P(
    Sweep, CutAtEveryByte,
    testing::ValuesIn(std::vector<Sweep>{
        {"UpsertRequestFin", kObjects, Cut::Side::kRequest, Cut::Ending::kFin},
        {"UpsertRequestReset", kObjects, Cut::Side::kRequest, Cut::Ending::kReset},
        {"UpsertAnswerFin", kObjects, Cut::Side::kAnswer, Cut::Ending::kFin},
        {"UpsertAnswerReset", kObjects, Cut::Side::kAnswer, Cut::Ending::kReset},
        {"EventRequestFin", kEvents, Cut::Side::kRequest, Cut::Ending::kFin},
        {"EventRequestReset", kEvents, Cut::Side::kRequest, Cut::Ending::kReset},
        {"EventAnswerFin", kEvents, Cut::Side::kAnswer, Cut::Ending::kFin},
        {"EventAnswerReset", kEvents, Cut::Side::kAnswer, Cut::Ending::kReset},
    }),
    [](const auto& sweep) { return sweep.param.name; });

}  // namespace
}  // namespace flowmyna::test
