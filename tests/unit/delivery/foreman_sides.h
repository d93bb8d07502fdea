#pragma once

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/backlog.h"
#include "core/clock.h"
#include "delivery/transport.h"
#include "tests/contract/memory_storage.h"
#include "tests/unit/core/operation_list.h"

// What stands around a foreman in its unit tests: a clock, an outbox and a network that do nothing
// by themselves.

namespace flowmyna::test {

/// While it lives nothing is logged.
class Silence {
 public:
  Silence() { spdlog::set_level(spdlog::level::off); }
  ~Silence() { spdlog::set_level(before_); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  spdlog::level::level_enum before_ = spdlog::get_level();
};

class HandClock final : public Clock {
 public:
  BootTime boot_now() const override { return now_; }
  std::int64_t unix_now_ms() const override { return 1'700'000'000'000 + now_.count(); }
  bool is_synchronised() const override { return true; }
  BootId boot_id() const override { return 1; }

  void pass(std::chrono::milliseconds time) { now_ += time; }

 private:
  BootTime now_{1'000};
};

/// Has done, and answered, what it is asked to do before the call returns.
class InstantOutbox : public Backlog {
 public:
  /// The receipt of the first.
  Receipt accept(const OperationList& operations) {
    return *write([&] { return storage_.append(operations.encoded_operations(), 0); });
  }
  std::vector<Seal> sealed() { return *storage_.seals(); }
  ReceiptState state_of(Receipt receipt) { return *storage_.state(receipt); }
  /// How often a window of the backlog was asked for.
  std::size_t reads() const { return reads_; }

  OutboxStats stats() const override { return storage_.stats(); }
  void read(ReadLimits limits, Done<Window> done) override {
    ++reads_;
    done(storage_.read(limits));
  }
  void fetch(std::vector<Receipt> receipts, Done<Window> done) override {
    done(storage_.fetch(receipts));
  }
  void seals(Done<std::vector<Seal>> done) override { done(storage_.seals()); }
  void seal(std::vector<Seal> seals, Done<void> done) override {
    done(write([&] { return each(seals, [&](const Seal& seal) { return storage_.seal(seal); }); }));
  }
  void settle(std::vector<Settlement> settlements, Done<void> done) override {
    done(write([&] {
      return each(settlements, [&](const Settlement& one) { return storage_.settle(one); });
    }));
  }
  void give_up(GiveUp what, Done<std::uint64_t> done) override {
    done(write([&] { return storage_.give_up(what.receipts); }));
  }
  // What no test of the foreman alone has needed yet.
  void correct_clock(ClockCorrection, Done<void> done) override { done(not_here()); }
  void compact(CompactLimits, Done<Compacted> done) override { done(not_here()); }

 private:
  static tl::unexpected<Error> not_here() {
    return fail(Error::Kind::kUnsupported, "not of this outbox");
  }
  template <class Work>
  std::invoke_result_t<Work> write(Work work) {
    EXPECT_TRUE(storage_.begin());
    auto done = work();
    EXPECT_TRUE(storage_.commit());
    return done;
  }
  template <class Parts, class Work>
  static Result<void> each(const Parts& parts, Work work) {
    Result<void> done;
    for (const auto& part : parts) done = done ? work(part) : done;
    return done;
  }

  MemoryStorage storage_;
  std::size_t reads_ = 0;
};

inline Answer answer_of(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.content_type = "application/json";
  answer.body = std::move(body);
  return answer;
}
inline Answer healthy() {
  return answer_of(200, R"({"status":"healthy"})");
}
inline Answer server_error() {
  return answer_of(500, R"({"detail":"Internal Server Error"})");
}
inline Answer too_many_requests() {
  return answer_of(429, R"({"detail":"Too Many Requests"})");
}
/// All of it.
inline Answer taken(std::size_t items) {
  return answer_of(200, R"({"success":true,"processed":)" + std::to_string(items) +
                            R"(,"failed":0,"errors":[]})");
}

}  // namespace flowmyna::test
