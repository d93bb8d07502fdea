#include "outbox/disk/database_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

/// A process that has done something and then lives until this object is gone.
class Other {
 public:
  explicit Other(const std::function<void()>& doing) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      doing();
      (void)!write(ready[1], "x", 1);
      while (true) pause();
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
  }
  ~Other() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

  std::string pid() const { return "pid " + std::to_string(pid_); }

 private:
  pid_t pid_ = -1;
};

class DatabaseLockTest : public testing::Test {
 protected:
  DatabaseLockTest() { std::ofstream(path) << "something"; }

  std::string refusal() {
    const auto lock = DatabaseLock::acquire(path, false);
    if (lock) return "granted";
    EXPECT_EQ(lock.error().kind, Error::Kind::kBusy);
    return lock.error().message;
  }
  bool names(const std::string& message, const Other& other) {
    return message.find(other.pid() + ")") != std::string::npos;
  }

  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

TEST_F(DatabaseLockTest, WhoHoldsItIsNamedAlsoBeforeSqliteHasLockedAnything) {
  const Other other([&] { static auto held = DatabaseLock::acquire(path, false); });
  const std::string message = refusal();
  EXPECT_TRUE(names(message, other)) << message;
  EXPECT_NE(message.find("set outbox.path"), std::string::npos) << message;
}

TEST_F(DatabaseLockTest, AnyProgramThatHasALockOfSqlitesIsNamed) {
  for (const off_t at : {0x40000000, 0x40000001, 0x40000002, 0x400001ff}) {
    const Other other([&] {
      struct flock lock {};
      lock.l_type = F_RDLCK;
      lock.l_start = at;
      lock.l_len = 1;
      fcntl(open(path.c_str(), O_RDWR), F_SETLK, &lock);
    });
    const std::string message = refusal();
    EXPECT_TRUE(names(message, other)) << message;
  }
  EXPECT_EQ(refusal(), "granted");
}

TEST_F(DatabaseLockTest, ItsHoldersDeathFreesItAndMovingKeepsIt) {
  {
    const Other other([&] { static auto held = DatabaseLock::acquire(path, false); });
  }
  auto lock = DatabaseLock::acquire(path, false);
  ASSERT_TRUE(lock);
  {
    const DatabaseLock moved = std::move(*lock);
    EXPECT_NE(refusal(), "granted");
  }
  EXPECT_EQ(refusal(), "granted");
}

TEST_F(DatabaseLockTest, AFileThatIsNotThereIsMadeOnlyIfItMayBe) {
  std::filesystem::remove(path);
  EXPECT_EQ(refusal(), "granted");
  EXPECT_FALSE(std::filesystem::exists(path));
  const auto lock = DatabaseLock::acquire(path, true);
  ASSERT_TRUE(lock);
  struct stat made {};
  ASSERT_EQ(stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777U, 0600U);
  EXPECT_EQ(made.st_size, 0);
}

TEST_F(DatabaseLockTest, NothingIsWrittenToAFileThatIsThere) {
  const auto before = std::filesystem::last_write_time(path);
  { const auto lock = DatabaseLock::acquire(path, true); }
  EXPECT_EQ(std::filesystem::last_write_time(path), before);
  EXPECT_EQ(std::filesystem::file_size(path), 9U);
}

TEST_F(DatabaseLockTest, ASymbolicLinkIsNotFollowed) {
  std::filesystem::rename(path, directory.file("elsewhere"));
  std::filesystem::create_symlink(directory.file("elsewhere"), path);
  EXPECT_FALSE(DatabaseLock::acquire(path, true));
}

TEST(NameOfProcess, SaysWhatRunsThere) {
  EXPECT_EQ(name_of_process(getpid()), "outbox_test, pid " + std::to_string(getpid()));
  EXPECT_EQ(name_of_process(0), "of another machine or container");
}

}  // namespace
}  // namespace flowmyna::test
