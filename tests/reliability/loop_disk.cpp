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
#include <map>
#include <thread>

#include "e2e/child_process.h"

namespace flowmyna::test {
namespace {

// From the kernel's fs/ext4/ext4.h; no header for programs has them.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kNoLogFlush = 2;

constexpr auto kPatience = std::chrono::minutes(1);

constexpr const char* kOverlay = "overlay";

std::string temporary_directory() {
  std::string path = std::filesystem::temp_directory_path() / "flowmyna-disk-XXXXXX";
  return mkdtemp(path.data());
}

/// How a file system of a type is made. None sets blocks aside for root, who is the one to fill it,
/// and nothing is left for the kernel to initialise later, which would write at moments of its own.
struct Type {
  int mebibytes;
  std::vector<std::string> make;
  std::string mount_options;
};

const Type& type_of(const std::string& name) {
  static const std::map<std::string, Type> types = {
      {"ext4",
       {64,
        {"mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"},
        "loop,errors=remount-ro"}},
      {"btrfs", {128, {"mkfs.btrfs", "-q", "-f"}, "loop"}},
      {"xfs", {320, {"mkfs.xfs", "-q", "-f"}, "loop"}},
      {"f2fs", {128, {"mkfs.f2fs", "-q"}, "loop"}},
      {"vfat", {128, {"mkfs.vfat", "-F", "32"}, "loop"}},
  };
  // As in a container: what is written lands in the file system above, here an ext4.
  return types.at(name == kOverlay ? "ext4" : name);
}

/// A file system in `image`; what went wrong, or nothing.
std::string make(const std::string& image, const std::string& mount_point, const std::string& name,
                 int mebibytes) {
  std::ofstream(image, std::ios::binary);
  std::filesystem::resize_file(image, static_cast<std::uintmax_t>(mebibytes) << 20);
  std::vector<std::string> command = type_of(name).make;
  command.push_back(image);
  return failure_of(command) + failure_of({"mkdir", "-p", mount_point});
}

/// Where the layers of an overlay at `mount_point` are.
std::string layers_of(const std::string& mount_point) {
  return mount_point + ".layers";
}

std::string mount_image(const std::string& image, const std::string& mount_point,
                        const std::string& name) {
  const std::string& options = type_of(name).mount_options;
  if (name != kOverlay) return failure_of({"mount", "-t", name, "-o", options, image, mount_point});
  const std::string layers = layers_of(mount_point);
  const std::string upper = layers + "/upper";
  const std::string lower = layers + "/lower";
  const std::string work = layers + "/work";
  std::string failure = failure_of({"mkdir", "-p", layers});
  if (failure.empty()) failure = mount_image(image, layers, "ext4");
  if (failure.empty()) failure = failure_of({"mkdir", "-p", upper, lower, work});
  if (!failure.empty()) return failure;
  return failure_of({"mount", "-t", name, "-o",
                     "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work, name,
                     mount_point});
}

/// Whether this kernel knows the type, or has a module that does.
bool kernel_knows(const std::string& type) {
  std::ifstream types("/proc/filesystems");
  for (std::string word; types >> word;) {
    if (word == type) return true;
  }
  return failure_of({"modprobe", "-q", type}).empty();
}

bool shut_down(const std::string& mount_point) {
  const int root = open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::uint32_t how = kNoLogFlush;
  const bool done = root >= 0 && ioctl(root, kExt4Shutdown, &how) == 0;
  if (root >= 0) close(root);
  return done;
}

/// Takes this process into a mount namespace of its own; why it cannot, or nothing.
std::string leave_namespace() {
  if (geteuid() != 0) return "only root may mount a disk that can be broken";
  static const bool is_done = unshare(CLONE_NEWNS) == 0 &&
                              ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return is_done ? "" : "no mount namespace";
}

/// Tries everything once.
std::string find_out(const std::string& type, int mebibytes, bool may_be_shut_down) {
  if (const std::string why = leave_namespace(); !why.empty()) return why;
  const std::string directory = temporary_directory();
  const std::string disk = directory + "/disk";
  std::string why = make(directory + "/image", disk, type, mebibytes);
  if (why.empty()) why = mount_image(directory + "/image", disk, type);
  if (why.empty() && may_be_shut_down && !shut_down(disk)) {
    why = std::string("no EXT4_IOC_SHUTDOWN: ") + std::strerror(errno);
  }
  umount2(disk.c_str(), MNT_DETACH);
  if (type == kOverlay) umount2(layers_of(disk).c_str(), MNT_DETACH);
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
  static const std::string why = find_out("ext4", 8, true);
  return why;
}

std::string LoopDisk::why_not(const std::string& type) {
  return find_out(type, type_of(type).mebibytes, false);
}

bool LoopDisk::is_unknown(const std::string& type) {
  return !kernel_knows(type);
}

LoopDisk::LoopDisk(std::string image, std::string mount_point, const std::string& type)
    : image_(std::move(image)), mount_point_(std::move(mount_point)), type_(type) {
  EXPECT_EQ(make(image_, mount_point_, type_, type_of(type).mebibytes), "");
  mount();
}

LoopDisk::~LoopDisk() {
  umount2(mount_point_.c_str(), MNT_DETACH);
  if (type_ == kOverlay) umount2(layers_of(mount_point_).c_str(), MNT_DETACH);
}

void LoopDisk::mount() {
  ASSERT_EQ(mount_image(image_, mount_point_, type_), "");
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
  static constexpr std::array<char, 1U << 20> kZeros{};
  for (const std::size_t size : {kZeros.size(), std::size_t{4096}}) {
    while (write(file, kZeros.data(), size) > 0) continue;
  }
  EXPECT_EQ(errno, ENOSPC) << std::strerror(errno);
  close(file);
}

void LoopDisk::use_up_inodes() const {
  const std::string directory = mount_point_ + "/somebody-elses-files/";
  ASSERT_EQ(mkdir(directory.c_str(), 0700), 0) << std::strerror(errno);
  int file = 0;
  for (int i = 0; file >= 0; ++i) {
    file = open((directory + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
  }
  EXPECT_EQ(errno, ENOSPC) << std::strerror(errno);
}

void LoopDisk::make_room() const {
  ASSERT_EQ(unlink((mount_point_ + "/somebody-elses").c_str()), 0) << std::strerror(errno);
}

}  // namespace flowmyna::test
