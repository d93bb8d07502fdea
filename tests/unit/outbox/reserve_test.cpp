#include "outbox/reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "outbox/log_file.h"
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
  reserve.give_up();
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
