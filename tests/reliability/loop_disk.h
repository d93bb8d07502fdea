#pragma once

#include <string>
#include <vector>

namespace flowmyna::test {

/// A disk that can be broken: a file system of the test's own, in a file that is mounted as a loop
/// device. An ext4, unless another type is asked for, of which not all can be done what is below.
///
/// The mounts live in a mount namespace of this process and its children: when the test ends,
/// however it ends, the kernel takes them and their loop devices away.
class LoopDisk {
 public:
  /// Why this machine cannot have one (no root, no loop device, no ioctl); empty where it can.
  static const std::string& why_not();

  /// The same of a file system of another type ("btrfs", "overlay"), of which nothing is asked but
  /// that it can be made and mounted.
  static std::string why_not(const std::string& type);
  /// This kernel has no file system of that type: no set-up of the machine would help.
  static bool is_unknown(const std::string& type);

  /// Makes the file system in `image` and mounts it at `mount_point`, which is made as well.
  LoopDisk(std::string image, std::string mount_point, const std::string& type = "ext4");
  /// Unmounts, also while files are open.
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  void mount();
  /// Polls while something is still open; fails the test after a minute.
  void unmount();

  /// From now on the disk holds what had reached it, and nothing else will: data and journal that
  /// were not synced are lost (EXT4_IOC_SHUTDOWN without a flush of the journal). Every write
  /// fails until it is mounted again, which replays the journal.
  void cut_power() const;
  /// What the kernel does when it finds the file system damaged: from now on it is read-only.
  void make_read_only() const;
  /// e2fsck, while it is not mounted. Without it a file system that was made read-only stays so.
  void repair() const;

  /// Fills what is left with one file, until the kernel says ENOSPC.
  void fill() const;
  /// Removes that file.
  void make_room() const;
  /// Makes files until there is no inode left, though there is room.
  void use_up_inodes() const;

 private:
  std::string image_;
  std::string mount_point_;
  std::string type_;
};

/// Runs a program that is found through PATH, to its end; gives what it printed when it failed,
/// and nothing otherwise.
std::string failure_of(const std::vector<std::string>& command);

}  // namespace flowmyna::test

/// Ends the test as skipped, and says why, where this machine has no loop disks (of this type).
/// Where FLOWMYNA_NO_SKIP is set, as CI does, it fails instead: there nothing may pass unseen.
/// What the kernel does not have is skipped there as well.
#define NEEDS_FILE_SYSTEM(type)                               \
  if (::flowmyna::test::LoopDisk::is_unknown(type)) {         \
    GTEST_SKIP() << "SKIPPED: this kernel has no " << (type); \
  }                                                           \
  NEEDS_LOOP_DISK(type)

#define NEEDS_LOOP_DISK(...)                                                                     \
  if (const std::string& why = ::flowmyna::test::LoopDisk::why_not(__VA_ARGS__); !why.empty()) { \
    if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "must not skip: " << why;          \
    GTEST_SKIP() << "SKIPPED: " << why;                                                          \
  }
