// The vault's part in a backup: its steps are reads, so writers and settlements go before each.

#include "outbox/vault_queue.h"

namespace flowmyna {
namespace {

using std::chrono::steady_clock;

/// A caller that makes a backup asks for each step at once; the copy of one that is gone is given
/// up after this time, so that it does not fill the disk.
constexpr std::chrono::minutes kBackupKept{1};

tl::unexpected<Error> none_of_that_id() {
  return fail(Error::Kind::kInvalid, "this backup no longer exists: begin another one");
}

}  // namespace

/// On the vault's thread. It stays for another while.
bool Vault::has_backup(const std::string& id) {
  if (id.empty() || id != backup_.id) return false;
  backup_.until = steady_clock::now() + kBackupKept;
  return true;
}

std::optional<std::chrono::milliseconds> Vault::backup_due_in() const {
  if (backup_.id.empty()) return std::nullopt;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(backup_.until - steady_clock::now());
  return std::max(left, std::chrono::milliseconds{0});
}

void Vault::drop_old_backup() {
  if (backup_.id.empty() || steady_clock::now() < backup_.until) return;
  storage_->end_backup();
  backup_.id.clear();
}

void Vault::begin_backup(std::string id, Done<void> done) {
  query<void>(
      [this, id = std::move(id)](Storage& storage) -> Result<void> {
        drop_old_backup();
        if (!backup_.id.empty()) {
          return fail(Error::Kind::kBusy,
                      "a backup is being made already; try again once it is done");
        }
        auto begun = storage.begin_backup();
        if (begun) backup_ = {id, steady_clock::now() + kBackupKept};
        return begun;
      },
      std::move(done));
}

void Vault::continue_backup(std::string id, Done<BackupProgress> done) {
  query<BackupProgress>(
      [this, id = std::move(id)](Storage& storage) -> Result<BackupProgress> {
        if (!has_backup(id)) return none_of_that_id();
        auto progress = storage.continue_backup();
        if (!progress) backup_.id.clear();
        return progress;
      },
      std::move(done));
}

void Vault::read_backup(std::string id, std::uint64_t from, Done<std::string> done) {
  query<std::string>(
      [this, id = std::move(id), from](Storage& storage) -> Result<std::string> {
        return has_backup(id) ? storage.read_backup(from) : none_of_that_id();
      },
      std::move(done));
}

void Vault::end_backup(std::string id, Done<void> done) {
  query<void>(
      [this, id = std::move(id)](Storage& storage) -> Result<void> {
        if (!has_backup(id)) return none_of_that_id();
        storage.end_backup();
        backup_.id.clear();
        return {};
      },
      std::move(done));
}

}  // namespace flowmyna
