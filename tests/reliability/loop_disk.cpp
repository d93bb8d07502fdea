#include "reliability/loop_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "e2e/child_process.h"

namespace flowmyna::test {
namespace {

// From the kernel's fs/ext4/ext4.h; no header for programs has them.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kNoLogFlush = 2;

constexpr auto kPatience = std::chrono::minutes(1);

std::string temporary_directory() {
  std::string path = std::filesystem::temp_directory_path() / "flowmyna-disk-XXXXXX";
  return mkdtemp(path.data());
}

/// An ext4 in `image`, mounted at `mount_point`; what went wrong, or nothing.
std::string make(const std::string& image, const std::string& mount_point, int mebibytes) {
  std::ofstream(image, std::ios::binary);
  std::filesystem::resize_file(image, static_cast<std::uintmax_t>(mebibytes) << 20);
  // No blocks are set aside for root, who is the one to fill it. Nothing is left for the kernel to
  // initialise later, which would write at moments of its own.
  return failure_of({"mkfs.ext4", "-q", "-F", "-m", "0", "-E",
                     "lazy_itable_init=0,lazy_journal_init=0", image}) +
         failure_of({"mkdir", "-p", mount_point});
}

std::string mount_image(const std::string& image, const std::string& mount_point) {
  return failure_of({"mount", "-o", "loop,errors=remount-ro", image, mount_point});
}

bool shut_down(const std::string& mount_point) {
  const int root = open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::uint32_t how = kNoLogFlush;
  const bool done = root >= 0 && ioctl(root, kExt4Shutdown, &how) == 0;
  if (root >= 0) close(root);
  return done;
}

/// Takes this process into a mount namespace of its own and tries everything once.
std::string find_out() {
  if (geteuid() != 0) return "only root may mount a disk that can be broken";
  if (unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) {
    return std::string("no mount namespace: ") + std::strerror(errno);
  }
  const std::string directory = temporary_directory();
  const std::string disk = directory + "/disk";
  std::string why = make(directory + "/image", disk, 8);
  if (why.empty()) why = mount_image(directory + "/image", disk);
  if (why.empty() && !shut_down(disk)) {
    why = std::string("no EXT4_IOC_SHUTDOWN: ") + std::strerror(errno);
  }
  umount2(disk.c_str(), MNT_DETACH);
  std::filesystem::remove_all(directory);
  return why;
}

}  // namespace

std::string failure_of(const std::vector<std::string>& command) {
  // mkfs and mount live beside the system's daemons, which not every user has in the PATH.
  std::vector<std::string> arguments = {"/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  const std::string directory = temporary_directory();
  std::string said;
  {
    ChildProcess process(arguments, {}, directory + "/log");
    if (process.wait() != 0) said = command.front() + " failed: " + process.log();
  }
  std::filesystem::remove_all(directory);
  return said;
}

const std::string& LoopDisk::why_not() {
  static const std::string why = find_out();
  return why;
}

LoopDisk::LoopDisk(std::string image, std::string mount_point, int mebibytes)
    : image_(std::move(image)), mount_point_(std::move(mount_point)) {
  EXPECT_EQ(make(image_, mount_point_, mebibytes), "");
  mount();
}

LoopDisk::~LoopDisk() {
  umount2(mount_point_.c_str(), MNT_DETACH);
}

void LoopDisk::mount() {
  ASSERT_EQ(mount_image(image_, mount_point_), "");
}

void LoopDisk::unmount() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (umount2(mount_point_.c_str(), 0) != 0) {
    ASSERT_EQ(errno, EBUSY) << std::strerror(errno);
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "somebody keeps the disk busy";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void LoopDisk::cut_power() const {
  ASSERT_TRUE(shut_down(mount_point_)) << std::strerror(errno);
}

void LoopDisk::make_read_only() const {
  struct stat root {};
  ASSERT_EQ(stat(mount_point_.c_str(), &root), 0);
  const auto device =
      std::filesystem::read_symlink("/sys/dev/block/" + std::to_string(major(root.st_dev)) + ":" +
                                    std::to_string(minor(root.st_dev)));
  std::ofstream trigger("/sys/fs/ext4/" + device.filename().string() + "/trigger_fs_error");
  trigger << "broken by a test" << std::flush;
  ASSERT_TRUE(trigger) << std::strerror(errno);
}

void LoopDisk::repair() const {
  // Its exit code tells that there was something to repair.
  (void)failure_of({"e2fsck", "-f", "-y", image_});
}

void LoopDisk::fill() const {
  const std::string path = mount_point_ + "/somebody-elses";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0) << std::strerror(errno);
  static constexpr std::array<char, 4096> kBlock{};
  while (write(file, kBlock.data(), kBlock.size()) == static_cast<ssize_t>(kBlock.size())) {
  }
  EXPECT_EQ(errno, ENOSPC) << std::strerror(errno);
  close(file);
}

void LoopDisk::make_room() const {
  ASSERT_EQ(unlink((mount_point_ + "/somebody-elses").c_str()), 0) << std::strerror(errno);
}

}  // namespace flowmyna::test
