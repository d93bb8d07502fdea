#include "agent/watch/file_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <fstream>

#include "agent/http/listen.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return directory.file(name); }
  void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  void watch(const fs::path& file) {
    watcher.emplace(*FileWatch::open("a file", "look"));
    watcher->set_file(file);
  }
  /// Waits for it; false when nothing comes for ten seconds.
  bool has_news() {
    pollfd polled{watcher->fd(), POLLIN, 0};
    while (poll(&polled, 1, 10'000) > 0) {
      if (watcher->drain()) return true;
    }
    return false;
  }
  /// Whatever has happened so far is no news.
  bool is_quiet() {
    pollfd polled{watcher->fd(), POLLIN, 0};
    while (poll(&polled, 1, 0) > 0) {
      if (watcher->drain()) return false;
    }
    return true;
  }

  TemporaryDirectory directory;
  std::optional<FileWatch> watcher;
};

TEST_F(FileWatchTest, AFileThatIsWrittenInPlaceIsNews) {
  write(path("key"), "one");
  watch(path("key"));
  write(path("key"), "two");
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, ASocketThatIsTakenAwayOrPutThereIsNews) {
  const auto bind_socket = [&] { return *listen_unix(path("s"), 0600, ""); };
  std::optional<ListeningSocket> socket = bind_socket();
  watch(path("s"));
  fs::remove(path("s"));
  EXPECT_TRUE(has_news());
  socket.emplace(bind_socket());
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, AFileThatIsReplacedIsNews) {
  write(path("key"), "one");
  watch(path("key"));
  write(path("new"), "two");
  fs::rename(path("new"), path("key"));
  EXPECT_TRUE(has_news());
  write(path("new"), "three");
  fs::rename(path("new"), path("key"));
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, AFileThatAppearsWithItsDirectoryIsNews) {
  watch(path("later/key"));
  fs::create_directory(path("later"));
  write(path("later/key"), "one");
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, SeveralDirectoriesOfItsMayBeMissing) {
  watch(path("a/b/key"));
  fs::create_directory(path("a"));
  EXPECT_TRUE(has_news());
  fs::create_directory(path("a/b"));
  EXPECT_TRUE(has_news());
  write(path("a/b/key"), "one");
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, AFileThatTakesADirectorysPlaceIsNews) {
  fs::create_directory(path("key"));
  watch(path("key"));
  fs::remove(path("key"));
  write(path("key"), "one");
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, AFileThatIsMadeReadableIsNews) {
  write(path("key"), "one");
  fs::permissions(path("key"), fs::perms::none);
  watch(path("key"));
  fs::permissions(path("key"), fs::perms::owner_read);
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, ALinkOnTheWayThatIsReplacedIsNews) {
  fs::create_directories(path("one"));
  fs::create_directories(path("two"));
  write(path("one/key"), "one");
  write(path("two/key"), "two");
  fs::create_directory_symlink("one", path("data"));
  fs::create_symlink("data/key", path("key"));
  watch(path("key"));
  fs::create_directory_symlink("two", path("data.new"));
  fs::rename(path("data.new"), path("data"));
  EXPECT_TRUE(has_news());
  write(path("two/key"), "three");  // it is the new way that is watched now
  EXPECT_TRUE(has_news());
}

TEST_F(FileWatchTest, OtherFilesBesideItAreNone) {
  write(path("key"), "one");
  watch(path("key"));
  write(path("other"), "two");
  fs::remove(path("other"));
  EXPECT_TRUE(is_quiet());
}

TEST_F(FileWatchTest, ALookFindsWhatInotifyDoesNotReport) {
  write(path("key"), "one");
  watch(path("key"));
  EXPECT_FALSE(watcher->look());
  write(path("key"), "another");
  EXPECT_TRUE(watcher->look());
  EXPECT_FALSE(watcher->look());
}

}  // namespace
}  // namespace flowmyna::test
