#include "outbox/disk/reserve.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <vector>

#include "outbox/sqlite/log_file.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

constexpr std::uint64_t kBytes = 1U << 20;

TEST(ReserveTest, ItTakesRealBlocksAndGivesThemUp) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("reserve");
  Reserve reserve(path, kBytes);
  EXPECT_FALSE(reserve.is_held());
  ASSERT_TRUE(reserve.take());
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_GE(static_cast<std::uint64_t>(found.st_blocks) * 512, kBytes);
  reserve.give_up([] { return false; });
  EXPECT_FALSE(reserve.is_held());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(reserve.take());  // the disk of this test has room
}

TEST(ReserveTest, WhatTheDiskDoesNotHaveIsNotHeldAndLeavesNothingBehind) {
  const TemporaryDirectory directory;
  Reserve reserve(directory.file("reserve"), 1ULL << 60);
  EXPECT_FALSE(reserve.take());
  EXPECT_FALSE(reserve.take());
  EXPECT_FALSE(std::filesystem::exists(directory.file("reserve")));
  EXPECT_FALSE(Reserve(directory.file("none/reserve"), kBytes).take());
}

TEST(ReserveTest, IsGivenUpAPartAtATimeUntilThereIsEnoughAlsoThatOfAnEarlierProcess) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("reserve");
  ASSERT_TRUE(Reserve(path, kBytes).take());
  Reserve reserve(path, kBytes);
  std::vector<std::uintmax_t> left;
  reserve.give_up([&] {
    left.push_back(std::filesystem::file_size(path));
    return left.size() == 2;
  });
  EXPECT_EQ(left, (std::vector<std::uintmax_t>{kBytes / 8 * 7, kBytes / 8 * 6}));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ReserveTest, WhatOnlyTheKernelKnowsToBeUsedUpIsAskedForOnceASecond) {
  // As a user's disk quota: there is room, but not for this user.
  struct Limit {
    Limit() {
      getrlimit(RLIMIT_FSIZE, &before);
      const rlimit few{kBytes / 2, before.rlim_max};
      EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &few), 0);
      signal(SIGXFSZ, SIG_IGN);
    }
    ~Limit() {
      setrlimit(RLIMIT_FSIZE, &before);
      signal(SIGXFSZ, SIG_DFL);
    }
    rlimit before{};
  };
  const TemporaryDirectory directory;
  Reserve reserve(directory.file("reserve"), kBytes);
  const Reserve::Time begin = std::chrono::steady_clock::now();
  {
    const Limit limit;
    EXPECT_FALSE(reserve.take(begin));
    EXPECT_FALSE(reserve.take(begin + std::chrono::seconds(1)));
  }
  EXPECT_FALSE(reserve.take(begin + std::chrono::milliseconds(1999)));
  EXPECT_TRUE(reserve.take(begin + std::chrono::seconds(2)));
}

TEST(LogFileTest, RewritingChangesNoByteAndAMissingFileIsFine) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log");
  EXPECT_TRUE(rewrite_file(path));
  EXPECT_FALSE(std::filesystem::exists(path));
  std::string content;
  for (int i = 0; i < 700'001; ++i) content += static_cast<char>(i * 31 / 7);
  std::ofstream(path, std::ios::binary) << content;
  EXPECT_TRUE(rewrite_file(path));
  EXPECT_TRUE(bytes_of(path) == content);
  std::filesystem::create_directory(directory.file("a directory"));
  const auto refused = rewrite_file(directory.file("a directory"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::kIo);
}

TEST(LogFileTest, APlaceIsThatOfTheFileAndNotOfItsName) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log");
  EXPECT_TRUE(FilePlace::of(path).is_nowhere());
  std::ofstream(path) << "one";
  const FilePlace place = FilePlace::of(path);
  EXPECT_FALSE(place.is_nowhere());
  std::filesystem::rename(path, path + ".away");
  std::ofstream(path) << "two";
  EXPECT_FALSE(FilePlace::of(path) == place);
  EXPECT_TRUE(FilePlace::of(path + ".away") == place);
}

}  // namespace
}  // namespace flowmyna::test
