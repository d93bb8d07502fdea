#include "outbox/disk/lock_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

class LockFileTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

std::string refusal(const Result<LockFile>& lock) {
  if (lock) return "granted";
  return lock.error().message;
}

TEST_F(LockFileTest, ASecondOneIsRefusedByTheNameOfTheFirst) {
  const auto first = LockFile::acquire(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->sign());
  const auto second = LockFile::acquire(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::kBusy);
  EXPECT_EQ(second.error().message, "another agent (pid " + std::to_string(getpid()) +
                                        ") uses the outbox " + path +
                                        ": stop it, or set outbox.path to another directory");
}

TEST_F(LockFileTest, ItIsFreeAgainOnceItsHolderIsGoneAndTheFileStays) {
  { const auto first = LockFile::acquire(path); }
  EXPECT_TRUE(std::filesystem::exists(path + ".lock"));
  EXPECT_EQ(refusal(LockFile::acquire(path)), "granted");
}

TEST_F(LockFileTest, MovingItKeepsItHeld) {
  auto first = LockFile::acquire(path);
  {
    const LockFile moved = std::move(*first);
    EXPECT_NE(refusal(LockFile::acquire(path)), "granted");
  }
  EXPECT_EQ(refusal(LockFile::acquire(path)), "granted");
}

TEST_F(LockFileTest, AnotherProcessIsNamedAndItsDeathFreesTheLock) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto held = LockFile::acquire(path);
    if (held) (void)held->sign();
    (void)!write(ready[1], "x", 1);
    while (held) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_NE(refusal(LockFile::acquire(path)).find("(pid " + std::to_string(child) + ")"),
            std::string::npos);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(refusal(LockFile::acquire(path)), "granted");
  close(ready[0]);
  close(ready[1]);
}

TEST_F(LockFileTest, ALongerPidFromBeforeIsOverwrittenWhole) {
  std::ofstream(path + ".lock") << "4194304123456789\n";
  const auto lock = LockFile::acquire(path);
  ASSERT_TRUE(lock->sign());
  std::string text;
  std::getline(std::ifstream(path + ".lock"), text);
  EXPECT_EQ(text, std::to_string(getpid()));
}

TEST_F(LockFileTest, AHolderThatLeftNoPidIsUnknown) {
  const auto lock = LockFile::acquire(path);
  std::filesystem::resize_file(path + ".lock", 0);
  EXPECT_NE(refusal(LockFile::acquire(path)).find("(pid unknown)"), std::string::npos);
}

TEST_F(LockFileTest, OnlyItsOwnerMayReadOrWriteIt) {
  const auto lock = LockFile::acquire(path);
  struct stat status {};
  ASSERT_EQ(stat((path + ".lock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LockFileTest, WithoutItsDirectoryTheErrorSaysWhatToCheck) {
  const auto lock = LockFile::acquire(directory.file("none/outbox.db"));
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, Error::Kind::kIo);
  EXPECT_EQ(lock.error().message,
            "cannot open " + directory.file("none/outbox.db.lock") +
                ": No such file or directory; check the disk and who may write to the outbox's "
                "directory");
}

TEST_F(LockFileTest, ASymbolicLinkIsNotFollowed) {
  std::filesystem::create_symlink(directory.file("elsewhere"), path + ".lock");
  EXPECT_FALSE(LockFile::acquire(path));
  EXPECT_FALSE(std::filesystem::exists(directory.file("elsewhere")));
}

}  // namespace
}  // namespace flowmyna::test
