// A power cut right after a damaged outbox was exchanged for what was salvaged from it: both are on
// the disk, whole and under their new names.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "outbox/disk/set_aside.h"
#include "outbox/salvage/salvage.h"
#include "reliability/loop_disk.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

class SetAside : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_LOOP_DISK();
    disk.emplace(directory.file("image"), directory.file("disk"));
    path = directory.file("disk/outbox.db");
    const auto storage = open_storage(path);
    accept(*storage, std::vector<std::string>(2'000, std::string(200, 'o')));
  }
  void cut_power() {
    disk->cut_power();
    disk->unmount();
    disk->mount();
  }
  const TemporaryDirectory directory;
  std::optional<LoopDisk> disk;
  std::string path;
};

TEST_F(SetAside, IsOnTheDiskWhenItIsDone) {
  SalvageOptions options;
  options.now_unix_s = 1'700'000'000;
  const auto salvaged = salvage(path, options);
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  cut_power();
  EXPECT_FALSE(is_being_set_aside(path));
  ASSERT_TRUE(fs::exists(path));
  EXPECT_EQ(integer(path, "SELECT count(*) FROM damage"), 1) << "the old file is in its place";
  EXPECT_EQ(integer(path, "SELECT count(*) FROM operation"), 2'000);
  EXPECT_EQ(integrity(path), "ok");
  EXPECT_EQ(integer(salvaged->file, "SELECT count(*) FROM operation"), 2'000);
}

/// An exchange that a crash interrupted, and that the next start ends.
TEST_F(SetAside, IsOnTheDiskWhenTheNextStartEndsIt) {
  const std::string salvaged = path + ".salvaged-20231114T221320Z";
  fs::copy_file(path, salvaged);
  sync();
  must(finish_set_aside(path));
  cut_power();
  EXPECT_FALSE(is_being_set_aside(path)) << "its name is the one from before";
  EXPECT_EQ(integer(path, "SELECT count(*) FROM operation"), 2'000);
  EXPECT_TRUE(fs::exists(path + ".damaged-20231114T221320Z"));
}

}  // namespace
}  // namespace flowmyna::test
