// What becomes of a damaged file: salvaged at once or bit by bit, tried again, or kept.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "outbox/disk/disk_room.h"
#include "outbox/disk/set_aside.h"
#include "outbox/file/sqlite_storage.h"
#include "outbox/salvage/salvage.h"

namespace flowmyna {
namespace {

/// Not more often: a machine that damages all its files would fill its disk with them.
constexpr std::chrono::minutes kSalvageEvery{1};

constexpr std::chrono::seconds kSalvagePauseMax{300};
constexpr std::uint64_t kRoomGained = 1U << 20;  // on the disk, since a salvage had too little

/// What a salvage moves before anybody is answered: less than a second's worth on most machines.
constexpr std::uint64_t kSalvagedAtOnce = 32U << 20;

/// How much of what remains in a damaged file is moved at once: as much as the log holds, and never
/// so little that the work is not worth it.
constexpr std::uint64_t kMovedBytesMax = 1U << 20;
constexpr std::uint64_t kMovedBytesMin = 128U << 10;
constexpr std::chrono::seconds kMoveRetry{1};

}  // namespace

std::optional<Error> SqliteStorage::trouble() const {
  if (open_) return std::nullopt;
  return damaged_ ? damaged_->why : Error{Error::Kind::kIo, "the outbox is not open"};
}

/// Tries again at growing intervals, or once the disk has more room.
Result<void> SqliteStorage::set_damaged_aside() {
  const auto at = std::chrono::steady_clock::now();
  const std::uint64_t room = disk_room(options_.path);
  if (!damaged_) damaged_ = Damaged{FilePlace::of(options_.path), {}, at, room};
  if (at < damaged_->next_try && room < damaged_->room + kRoomGained) {
    return tl::make_unexpected(damaged_->why);
  }
  const auto salvaged = try_salvage(at, room);
  if (salvaged) {
    damaged_.reset();
    salvaged_at_ = at;
    was_salvaged_ = true;
    spdlog::error("outbox: {}", describe(*salvaged));
    return {};
  }
  damaged_->why = {
      Error::Kind::kIo,
      "the outbox is damaged, and what can be read of it cannot be moved to a new one: " +
          salvaged.error().message + ". Until then nothing is accepted"};
  damaged_->room = room;
  damaged_->next_try = at + damaged_->pause;
  damaged_->pause = std::min(2 * damaged_->pause, kSalvagePauseMax);
  const bool is_full = salvaged.error().kind == Error::Kind::kFull;
  return fail(is_full ? Error::Kind::kFull : Error::Kind::kIo, damaged_->why.message);
}

Result<Salvaged> SqliteStorage::try_salvage(std::chrono::steady_clock::time_point at,
                                            std::uint64_t room) {
  if (salvaged_at_ && at - *salvaged_at_ < kSalvageEvery) {
    return fail(Error::Kind::kIo,
                "the outbox " + options_.path +
                    " was damaged again right away: check the disk and the memory of "
                    "this machine");
  }
  if (room <= room_for_settling()) {
    return fail(Error::Kind::kFull, "the disk has no room for it; make room");
  }
  spdlog::warn("outbox: reading what can be read of {}", options_.path);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  SalvageOptions options;
  options.now_unix_s = std::chrono::floor<std::chrono::seconds>(now).count();
  options.is_at_start = !knows_seals_;
  options.room_bytes = room - room_for_settling();
  options.at_once_bytes = kSalvagedAtOnce;
  options.seen = seen_.read();
  return flowmyna::salvage(options_.path, options);
}

/// When there are more than the limit, damaged files that could be read completely are deleted, the
/// oldest first.
Result<void> SqliteStorage::prune_damaged() {
  kept_.clear();
  const std::vector<std::string> files = damaged_files(options_.path);
  std::size_t kept = files.size();
  for (const std::string& file : files) {
    const auto is_read = open_->damage.was_read_whole(file);
    if (!is_read) return tl::make_unexpected(is_read.error());
    const bool is_needed = remains_ && remains_->file == file;
    if (kept <= options_.damaged_max || !*is_read || is_needed) {
      kept_.push_back(file);
      continue;
    }
    spdlog::warn(
        "outbox: deleting {}: everything in it could be read, and no more than {} are kept", file,
        options_.damaged_max);
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    std::filesystem::remove(file + "-wal", ignored);
    --kept;
  }
  return {};
}

/// What can be moved next of a damaged file: into pages that are free, and on a disk that has more
/// room than settling needs.
std::uint64_t SqliteStorage::room_to_move() const {
  const std::uint64_t room = disk_room(options_.path);
  return sizes_.free + room - std::min(room, room_for_settling());
}

bool SqliteStorage::may_move_remains() const {
  return open_ && remains_ && std::chrono::steady_clock::now() >= next_move_ &&
         room_to_move() >= kMovedBytesMin;
}

/// Room for the log, and for what is to be set aside.
std::uint64_t SqliteStorage::room_for_settling() const {
  return 2 * quota_.kept_log_bytes() + (reserve_.is_there() ? 0 : quota_.set_aside_bytes());
}

Result<void> SqliteStorage::move_remains() {
  if (auto begun = begin(); !begun) return begun;
  const auto moved =
      move_more(open_->connection, *remains_, std::min(room_to_move(), kMovedBytesMax));
  if (!moved) {
    rollback();
    next_move_ = std::chrono::steady_clock::now() + kMoveRetry;
    move_failure_ = moved.error().message;
    const bool can_wait = moved.error().kind != Error::Kind::kCorrupt;
    return can_wait ? Result<void>{} : tl::make_unexpected(moved.error());
  }
  const Receipt behind = static_cast<Receipt>(remains_->after) + 1;
  auto done = commit();
  if (done) done = load();
  if (!done) return done;
  move_failure_.clear();
  returned_ = returned_ == 0 ? behind : std::min(returned_, behind);
  if (*moved) spdlog::error("outbox: {}", describe(**moved));
  return {};
}

Error SqliteStorage::waits_for_remains() const {
  std::string text =
      "the outbox was damaged, and what can be read of it is being moved and delivered from " +
      remains_->file + "; nothing is accepted until all of it has been moved";
  if (room_to_move() < kSalvagedAtOnce)
    text += "; there is no room on the disk for all of it: make room";
  if (!move_failure_.empty()) text += " (" + move_failure_ + ")";
  return {Error::Kind::kIo, text};
}

Error SqliteStorage::keeps_too_many() const {
  return {Error::Kind::kIo, std::to_string(kept_.size()) +
                                " damaged outbox files are kept, with operations that could not be "
                                "read: move " +
                                kept_.front() +
                                " and its log away, or raise outbox.max_damaged; until then what "
                                "was accepted is delivered, and nothing more is accepted"};
}

/// A plan that was made before the file was damaged may contain operations that have not been moved
/// here yet. If they were settled now, they would be moved later, and delivered a second time.
Result<void> SqliteStorage::expect_here(const Seal& seal) {
  for (const ItemMembers& item : seal.items) {
    for (const Receipt receipt : item) {
      if (static_cast<std::int64_t>(receipt) <= remains_->after) continue;
      const auto is_here = open_->operations.has(receipt);
      if (!is_here) return tl::make_unexpected(is_here.error());
      if (*is_here) continue;
      return fail(Error::Kind::kInvalid, "operation " + std::to_string(receipt) +
                                             " has not been moved from the damaged outbox yet");
    }
  }
  return {};
}

}  // namespace flowmyna
