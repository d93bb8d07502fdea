#include "outbox/disk/outbox_place.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "outbox/disk/disk_error.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

class OutboxPlaceTest : public testing::Test {
 protected:
  OutboxPlaceTest() {
    std::filesystem::create_directory(home);
    chmod(home.c_str(), 0700);
  }
  /// What is wrong with it; "fine" when nothing is.
  std::string said() {
    const auto checked = check_place(path);
    if (checked) return "fine";
    EXPECT_EQ(checked.error().kind, Error::Kind::kInvalid);
    return checked.error().message;
  }

  TemporaryDirectory directory;
  const std::string home = directory.file("home");
  const std::string path = home + "/outbox.db";
};

TEST_F(OutboxPlaceTest, PlainFilesInADirectoryOfOnesOwnAreFine) {
  EXPECT_EQ(said(), "fine") << "before there are any";
  for (const char* suffix : {"", "-wal", ".lock", ".reserve"}) std::ofstream(path + suffix) << "x";
  EXPECT_EQ(said(), "fine");
  chmod(home.c_str(), 0755);
  EXPECT_EQ(said(), "fine");
  ASSERT_EQ(chown(home.c_str(), static_cast<uid_t>(-1), getegid()), 0);
  chmod(home.c_str(), 0770);
  EXPECT_EQ(said(), "fine") << "a group of its own";
}

TEST_F(OutboxPlaceTest, ADirectoryThatOthersMayWriteToIsRefused) {
  chmod(home.c_str(), 0777);
  EXPECT_EQ(said(), "others may write to the outbox's directory " + home +
                        " and could replace the outbox: chmod go-w " + home);
  chmod(home.c_str(), 01777);
  EXPECT_NE(said(), "fine") << "they could put a log there";
}

TEST_F(OutboxPlaceTest, WhatOnlyRootCanSetUp) {
  if (geteuid() != 0) {
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip";
    GTEST_SKIP() << "SKIPPED: only root gives files away";
  }
  chmod(home.c_str(), 0770);
  ASSERT_EQ(chown(home.c_str(), 0, 12345), 0);
  EXPECT_NE(said().find("others may write"), std::string::npos) << "another group";
  ASSERT_EQ(chown(home.c_str(), 12345, 0), 0);
  EXPECT_EQ(said(), "the outbox's directory " + home +
                        " belongs to user 12345, who could replace the outbox: chown it to 0, the "
                        "agent's user, or set outbox.path to another directory");
}

TEST_F(OutboxPlaceTest, WhatIsNoPlainFileIsRefusedByName) {
  const std::string tail = ": move it away, or set outbox.path to another directory";
  for (const std::string& suffix : std::vector<std::string>{"", "-wal", ".lock", ".reserve"}) {
    const std::string name = (suffix.empty() ? "the outbox " : "") + path + suffix;
    std::filesystem::create_symlink(directory.file("elsewhere"), path + suffix);
    EXPECT_EQ(said(), name + " is a symbolic link" + tail);
    std::filesystem::remove(path + suffix);
    std::filesystem::create_directory(path + suffix);
    EXPECT_EQ(said(), name + " is a directory" + tail);
    std::filesystem::remove(path + suffix);
    ASSERT_EQ(mkfifo((path + suffix).c_str(), 0600), 0);
    EXPECT_EQ(said(), name + " is not a regular file" + tail);
    std::filesystem::remove(path + suffix);
  }
}

TEST_F(OutboxPlaceTest, AFileInTheDirectorysPlaceIsRefused) {
  std::filesystem::remove(home);
  std::ofstream(home) << "x";
  EXPECT_EQ(said(), home + " is not a directory: set outbox.path to one");
}

TEST(DiskError, WantOfRoomIsToldFromFailureAndSaysWhatToDo) {
  for (const int code : {ENOSPC, EDQUOT, EFBIG}) {
    errno = code;
    const Error error = disk_error("write x").value();
    EXPECT_EQ(error.kind, Error::Kind::kFull);
    EXPECT_NE(error.message.find(advice_for_want_of_room(code)), std::string::npos);
  }
  errno = EIO;
  const Error error = disk_error("write x").value();
  EXPECT_EQ(error.kind, Error::Kind::kIo);
  EXPECT_EQ(error.message,
            "cannot write x: Input/output error; check the disk and who may write to the outbox's "
            "directory");
}

}  // namespace
}  // namespace flowmyna::test
