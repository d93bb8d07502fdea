// The log beside a reader that is slow, hangs, goes away, or has no room.

#include "agent/process/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 120s;

/// A logger over a sink, whose lines are "level: message".
spdlog::logger logger_to(const std::shared_ptr<LogSink>& sink) {
  spdlog::logger logger("test", sink);
  logger.set_pattern("%l: %v");
  return logger;
}

/// A pipe that holds two pages; with one it would be full as soon as there is anything in it.
struct SmallPipe {
  SmallPipe() {
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 8192);
  }
  ~SmallPipe() {
    stop_reading();
    close(ends[1]);
  }
  void stop_reading() {
    if (ends[0] >= 0) close(std::exchange(ends[0], -1));
  }
  int ends[2];
};

/// All lines that come until one is `last`.
std::vector<std::string> lines_until(int fd, const std::string& last) {
  std::vector<std::string> lines(1);
  std::vector<char> buffer(1000);
  for (;;) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) {
      ADD_FAILURE() << "the log ended before \"" << last << '"';
      return lines;
    }
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
      if (c != '\n') {
        lines.back() += c;
      } else if (lines.back() == last) {
        return lines;
      } else {
        lines.emplace_back();
      }
    }
  }
}

/// Counts the writes that fail in a way of which the kernel sends a signal to the thread.
class FailedWrites {
 public:
  explicit FailedWrites(int number) : number_(number) {
    count_ = 0;
    before_ = signal(number, [](int) { ++count_; });
  }
  ~FailedWrites() { signal(number_, before_); }
  void wait_for(int count) const {
    while (count_ < count) std::this_thread::yield();
  }

 private:
  static inline std::atomic<int> count_;
  int number_;
  sighandler_t before_;
};

bool is_full(int fd) {
  pollfd writable{fd, POLLOUT, 0};
  return poll(&writable, 1, 0) == 0;
}

TEST(LogSink, LinesOfManyThreadsArriveWholeAndEachThreadsInOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const std::string padding(500, '.');
  SmallPipe pipe;
  const auto sink = LogSink::open(pipe.ends[1], 64UL << 20U);
  auto logger = logger_to(sink);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kLines; ++i) logger.info("{} {} {}", thread, i, padding);
    });
  }
  for (auto& thread : threads) thread.join();
  logger.info(std::string(10'000, 'x'));  // more than a pipe takes at once
  logger.warn("end");
  std::vector<int> next(kThreads);
  const auto lines = lines_until(pipe.ends[0], "warning: end");
  ASSERT_EQ(lines.size(), kThreads * kLines + 2U);
  for (std::size_t i = 0; i < kThreads * kLines; ++i) {
    int thread = 0;
    int number = 0;
    ASSERT_EQ(std::sscanf(lines[i].c_str(), "info: %d %d", &thread, &number), 2) << lines[i];
    EXPECT_EQ(number, next[static_cast<std::size_t>(thread)]++);
    EXPECT_TRUE(lines[i].ends_with(padding));
  }
  EXPECT_EQ(lines[kThreads * kLines], "info: " + std::string(10'000, 'x'));
  EXPECT_TRUE(sink->finish(kPatience));
}

TEST(LogSink, WhatNobodyReadsIsCountedWhereItIsMissing) {
  constexpr std::size_t kLines = 5000;
  SmallPipe pipe;
  const auto sink = LogSink::open(pipe.ends[1], 100'000);
  auto logger = logger_to(sink);
  for (std::size_t i = 0; i < kLines; ++i) logger.info("line {}", i);
  EXPECT_FALSE(sink->finish(0ms)) << "nobody has read it";
  const std::string last = "info: line " + std::to_string(kLines - 1);
  std::size_t next = 0;
  std::size_t gaps = 0;
  for (const std::string& line : lines_until(pipe.ends[0], last)) {
    std::size_t number = 0;
    if (std::sscanf(line.c_str(), "warning: %zu line", &number) == 1) {
      next += number;
      ++gaps;
    } else {
      ASSERT_EQ(std::sscanf(line.c_str(), "info: line %zu", &number), 1) << line;
      EXPECT_EQ(number, next++);
    }
  }
  EXPECT_EQ(next, kLines);
  EXPECT_GT(gaps, 0U);
  EXPECT_TRUE(sink->finish(kPatience));
}

TEST(LogSink, ALineThatIsLongerThanTheQueueIsWrittenAllTheSame) {
  SmallPipe pipe;
  const auto sink = LogSink::open(pipe.ends[1], 100);
  auto logger = logger_to(sink);
  const std::string text(2000, 'x');
  logger.info(text);
  EXPECT_TRUE(sink->finish(kPatience));
  EXPECT_EQ(lines_until(pipe.ends[0], "info: " + text).size(), 1U);
}

TEST(LogSink, WhatIsSaidAtTheEndComesLastAndBare) {
  SmallPipe pipe;
  const auto sink = LogSink::open(pipe.ends[1]);
  auto logger = logger_to(sink);
  logger.info("one");
  sink->say("bare\n");
  EXPECT_TRUE(sink->finish(kPatience));
  EXPECT_EQ(lines_until(pipe.ends[0], "bare"), (std::vector<std::string>{"info: one", "bare"}));
}

TEST(LogSink, AReaderWhoComesBackIsToldWhatItMissed) {
  const FailedWrites failed(SIGPIPE);
  const TemporaryDirectory directory;
  const std::string name = directory.file("log");
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  const int first = open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int writer = open(name.c_str(), O_WRONLY | O_CLOEXEC);
  close(first);
  const auto sink = LogSink::open(writer);
  auto logger = logger_to(sink);
  logger.info("one");
  logger.info("two");
  failed.wait_for(2);
  const int second = open(name.c_str(), O_RDWR | O_CLOEXEC);
  logger.info("three");
  const auto lines = lines_until(second, "info: three");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("warning: 2 lines of this log are missing here")) << lines[0];
  EXPECT_TRUE(sink->finish(kPatience));
  close(second);
  close(writer);
}

TEST(LogSink, NoLineIsJoinedToOneThatCouldNotBeEnded) {
  const FailedWrites failed(SIGXFSZ);
  const TemporaryDirectory directory;
  const std::string name = directory.file("log");
  const int file = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{10, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto sink = LogSink::open(file);
  auto logger = logger_to(sink);
  logger.info("is cut here");
  failed.wait_for(1);
  setrlimit(RLIMIT_FSIZE, &limit);
  logger.info("next");
  EXPECT_TRUE(sink->finish(kPatience));
  close(file);
  std::ostringstream text;
  text << std::ifstream(name).rdbuf();
  EXPECT_TRUE(text.str().starts_with("info: is c\nwarning: 1 line of this log is missing here"))
      << text.str();
  EXPECT_TRUE(text.str().ends_with("\ninfo: next\n")) << text.str();
}

TEST(LogSink, ASharedDescriptorKeepsItsFlags) {
  SmallPipe pipe;
  const int before = fcntl(pipe.ends[1], F_GETFL);
  const auto sink = LogSink::open(pipe.ends[1]);
  auto logger = logger_to(sink);
  for (int i = 0; i < 2000 || !is_full(pipe.ends[1]); ++i) logger.info("line {}", i);
  EXPECT_EQ(fcntl(pipe.ends[1], F_GETFL), before);
  logger.info("end");
  lines_until(pipe.ends[0], "info: end");
  EXPECT_TRUE(sink->finish(kPatience));
}

}  // namespace
}  // namespace flowmyna::test
