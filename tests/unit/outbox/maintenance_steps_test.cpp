// Migration, compaction, vacuum and the checkpoints between them, on a disk that fails or loses its
// power at each of their steps: what waits is the same before and after.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "outbox/compactor.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"
#include "tests/unit/outbox/test_disk.h"

namespace flowmyna::test {
namespace {

constexpr std::uint64_t kQuotaBytes = 8ULL << 20;
constexpr std::size_t kObjects = 4;
constexpr std::size_t kDelivered = 200;
constexpr std::size_t kWaiting = 40;

// The current schema without what later versions brought.
constexpr const char* kToVersion1 = R"sql(
  DROP INDEX dead_by_letter;
  DROP TABLE dropped;
  DROP TABLE folded;
  DROP TABLE fold_map;
  DROP TABLE unmapped;
  DROP TABLE lost;
  DROP TABLE damage;
  ALTER TABLE state DROP COLUMN machine;
  ALTER TABLE state DROP COLUMN epoch;
  ALTER TABLE state DROP COLUMN skipped;
  ALTER TABLE state DROP COLUMN sealed_through;
  ALTER TABLE state DROP COLUMN lost;
  ALTER TABLE state DROP COLUMN dropped;
  ALTER TABLE state DROP COLUMN unsynced_from;
  ALTER TABLE state DROP COLUMN unsynced_through;
  ALTER TABLE state DROP COLUMN outbox;
  DROP TABLE arrival;
  PRAGMA user_version = 1;
)sql";

std::string object(std::size_t i) {
  return "Order/" + std::to_string(i % kObjects);
}

/// An outbox of version 1 with more free space than is kept, and with upserts that can be folded on
/// both sides of an event.
void prepare(const std::string& path) {
  {
    const auto storage = open_storage(path, kQuotaBytes);
    OperationList delivered;
    for (std::size_t i = 0; i < kDelivered; ++i) {
      delivered.upsert(object(i), {{"v", '"' + std::string(2000, 'x') + '"'}});
    }
    must(storage->begin());
    storage->append(delivered.encoded_operations(), 1).value();
    commit(*storage);
    OperationList waiting;
    for (std::size_t i = 0; i < kWaiting; ++i) {
      if (i == kWaiting / 2) waiting.event({{object(0)}, {object(1)}});
      waiting.upsert(object(i),
                     {{"v", std::to_string(i)}, {"w", '"' + std::string(500, 'y') + '"'}});
    }
    must(storage->begin());
    storage->append(waiting.encoded_operations(), 1).value();
    commit(*storage);
    Settlement settlement;
    settlement.id = 1;
    for (Receipt receipt = 1; receipt <= kDelivered; ++receipt) {
      settlement.delivered.push_back(receipt);
    }
    settle(*storage, settlement);
  }
  execute(path, kToVersion1);
}

/// What the API would come to: its objects as each event finds them, and all of them in the end.
std::string content(Storage& storage) {
  const auto window = storage.read(limits());
  if (!window) return window.error().message;
  std::map<std::string, std::string> objects;
  std::string out;
  for (const auto& row : window->rows()) {
    const Operation operation = Operation::parse(window->stored(row)).value();
    if (operation.kind == Kind::kEvent) {
      out += "event finds ";
      for (const auto& named : operation.objects) {
        out += name_of(named.key) + "=" + objects[name_of(named.key)] + " ";
      }
      out += "| ";
    }
    for (const auto& property : operation.properties) {
      if (property.name == "v") objects[name_of(operation.object)] = property.value;
    }
  }
  for (const auto& [name, value] : objects) out += name + "=" + value + " ";
  return out + "| " + text(storage.stats());
}

/// The stages of an outbox's life that this is about.
class Life {
 public:
  explicit Life(std::string path) : path_(std::move(path)) {}

  Result<void> open() {
    auto opened = SqliteStorage::open({path_, kQuotaBytes, true});
    if (!opened) return tl::make_unexpected(opened.error());
    storage_ = *std::move(opened);
    return {};
  }
  Result<void> compact() {
    Compactor compactor{PlanOptions{}};
    if (auto begun = storage_->begin(); !begun) return begun;
    const auto step = compactor.step(*storage_, {{}, 1000, 1U << 30, kDelivered + 2 * kWaiting});
    if (!step) return tl::make_unexpected(step.error());
    if (auto committed = storage_->commit(); !committed) return committed;
    return storage_->tend();
  }
  Result<void> shrink() {
    for (bool more = true; more;) {
      const auto shrunk = storage_->shrink();
      if (!shrunk) return tl::make_unexpected(shrunk.error());
      more = *shrunk;
    }
    return {};
  }
  Result<void> close() {
    storage_.reset();
    return {};
  }

  /// As the vault does after an error.
  void recover(const Error& error) {
    if (!storage_) return;
    storage_->rollback();
    if (error.kind == Error::Kind::kFull) {
      const auto done = storage_->give_up_reserve();
      if (done || done.error().kind == Error::Kind::kFull) return;
    }
    must(storage_->reopen());
  }

 private:
  const std::string path_;
  std::unique_ptr<SqliteStorage> storage_;
};

using Stage = Result<void> (Life::*)();
constexpr Stage kStages[] = {&Life::open, &Life::compact, &Life::shrink, &Life::close};

class MaintenanceSteps : public testing::Test {
 protected:
  MaintenanceSteps() {
    const std::string path = prepared_.file("outbox.db");
    prepare(path);
    const TemporaryDirectory other;
    copy(path, other.file("outbox.db"));
    expected_ = content(*open_storage(other.file("outbox.db"), kQuotaBytes));
    EXPECT_NE(expected_.find("event finds Order/0="), std::string::npos) << expected_;
  }

  static void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to);
  }

  /// Runs `life` on a copy of the prepared outbox with each step failing in turn, until there are
  /// no more steps.
  template <class Run>
  int at_every_step(bool for_good, int write_code, const Run& run) {
    for (int step = 1;; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const TemporaryDirectory directory;
      copy(prepared_.file("outbox.db"), directory.file("outbox.db"));
      TestDisk disk;
      disk.fail_at(step, for_good, write_code);
      run(disk, directory.file("outbox.db"));
      if (HasFatalFailure() || !disk.has_failed()) return step;
    }
  }

  void expect_unchanged(const std::string& path) const {
    const auto storage = open_storage(path, kQuotaBytes);
    EXPECT_EQ(content(*storage), expected_);
    EXPECT_EQ(integrity_after(path), "ok");
  }

 private:
  static std::string integrity_after(const std::string& path) {
    const TemporaryDirectory other;
    for (const char* end : {"", "-wal"}) {
      std::filesystem::copy_file(path + end, other.file("outbox.db") + end);
    }
    return integrity(other.file("outbox.db"));
  }

  const TemporaryDirectory prepared_;
  std::string expected_;
};

TEST_F(MaintenanceSteps, AfterAPowerCutAtAnyOfThemTheSameWaits) {
  const int steps =
      at_every_step(true, SQLITE_IOERR_WRITE, [&](TestDisk& disk, const std::string& path) {
        {
          Life life(path);
          for (const Stage stage : kStages) {
            if (!(life.*stage)()) break;
          }
        }
        const TemporaryDirectory other;
        disk.cut_power(std::filesystem::path(path).parent_path(),
                       std::filesystem::path(other.file("x")).parent_path());
        disk.work_again();
        expect_unchanged(other.file("outbox.db"));
      });
  EXPECT_GT(steps, 50) << "fewer than there must be";
}

class FailingSteps : public MaintenanceSteps, public testing::WithParamInterface<int> {};

TEST_P(FailingSteps, AfterAFailureOfAnyOfThemTheSameWaitsAndAllIsDone) {
  const int steps = at_every_step(false, GetParam(), [&](TestDisk&, const std::string& path) {
    {
      Life life(path);
      for (const Stage stage : kStages) {
        auto done = (life.*stage)();
        if (done) continue;
        life.recover(done.error());
        done = (life.*stage)();
        ASSERT_TRUE(done) << done.error().message;
      }
    }
    expect_unchanged(path);
  });
  EXPECT_GT(steps, 50) << "fewer than there must be";
}

INSTANTIATE_TEST_SUITE_P(Codes, FailingSteps, testing::Values(SQLITE_IOERR_WRITE, SQLITE_FULL),
                         [](const auto& run) {
                           return std::string(run.param == SQLITE_FULL ? "FullDisk" : "IoError");
                         });

}  // namespace
}  // namespace flowmyna::test
