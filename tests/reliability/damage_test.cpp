// Damaged outbox files: thousands of flips, cuts and replacements. Whatever the file has become,
// the outbox opens, what is sent of it is exactly what was accepted, in order and once, what stands
// on pages that are whole arrives, the rest is counted, and the damaged file is kept.
// A longer campaign is the same program: FLOWMYNA_DAMAGE_ROUNDS=1000 damage_test

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>

#include "reliability/damage.h"
#include "reliability/environment.h"
#include "reliability/specimen.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

struct Counts {
  int rounds = 0;
  int unnoticed = 0;  ///< nothing that is read was hit
  int set_aside = 0;
  int refused = 0;  ///< taken for a file of a newer version, and left as it is
  unsigned long long delivered = 0, held = 0, lost = 0;
  unsigned long long again = 0;  ///< settled before; the log that said so is damaged
};

/// Stands for the agent: sends what was sealed, then the backlog, and settles it.
class Drain {
 public:
  Drain(SqliteStorage& storage, const Specimen& specimen, const Damage& damage)
      : storage_(storage), specimen_(specimen), damage_(damage) {}

  void run() {
    for (const Seal& seal : ask<std::vector<Seal>>([&] { return storage_.seals(); })) {
      resend(seal);
    }
    const Receipt given = accept(storage_, {"while it is drained"});
    if (!damage_.log_is_damaged) {
      EXPECT_GT(given, specimen_.accepted()) << "a receipt is given twice";
    }
    Receipt after = 0;
    while (true) {
      ReadLimits some = limits(200, 256U << 10);
      some.after = after;
      const auto window = ask<Window>([&] { return storage_.read(some); });
      if (window.empty()) break;
      Settlement settlement;
      for (const auto& row : window.rows()) {
        EXPECT_GT(row.receipt, after) << "order";
        after = row.receipt;
        deliver(row.receipt, window.stored(row));
        settlement.delivered.push_back(row.receipt);
      }
      settle(settlement);
    }
    if (!storage_.shrink()) must(storage_.salvage());
  }

  const std::set<Receipt>& delivered() const { return delivered_; }
  std::uint64_t again() const { return again_; }

 private:
  /// As the vault does it: what finds damage is asked again of what was salvaged.
  template <class T, class Ask>
  T ask(const Ask& ask) {
    Result<T> answer = ask();
    if (!answer && answer.error().kind == Error::Kind::kCorrupt) {
      must(storage_.salvage());
      answer = ask();
    }
    if (!answer) throw std::runtime_error(answer.error().message);
    return *std::move(answer);
  }

  void settle(const Settlement& settlement) {
    auto done = try_settle(settlement);
    if (!done && done.error().kind == Error::Kind::kCorrupt) {
      storage_.rollback();
      must(storage_.salvage());
      done = try_settle(settlement);
    }
    must(done);
  }
  Result<void> try_settle(const Settlement& settlement) {
    auto done = storage_.begin();
    if (done) done = storage_.settle(settlement);
    if (done) done = storage_.commit();
    if (done) done = storage_.tend();
    return done;
  }

  void resend(const Seal& seal) {
    std::vector<Receipt> members;
    for (const ItemMembers& item : seal.items) {
      members.insert(members.end(), item.begin(), item.end());
    }
    Settlement settlement;
    settlement.id = seal.id;
    auto window = storage_.fetch(members);
    if (!window && window.error().kind == Error::Kind::kCorrupt) {
      must(storage_.salvage());
      window = storage_.fetch(members);
    }
    if (window) {
      for (const auto& row : window->rows()) deliver(row.receipt, window->stored(row));
      settlement.delivered = members;
    } else {
      EXPECT_EQ(window.error().kind, Error::Kind::kInvalid) << window.error().message;
    }
    settle(settlement);
  }

  void deliver(Receipt receipt, std::string_view stored) {
    if (receipt > specimen_.accepted() || stored.find("while it is") != stored.npos) return;
    const auto known = specimen_.operations().find(receipt);
    ASSERT_NE(known, specimen_.operations().end()) << receipt << " was never accepted";
    EXPECT_TRUE(known->second.ever.contains(std::string(stored))) << receipt << " was changed";
    EXPECT_TRUE(delivered_.insert(receipt).second) << receipt << " is delivered twice";
    if (!known->second.is_pending) {
      ++again_;
      EXPECT_TRUE(damage_.log_is_damaged) << receipt << " was settled before";
    }
  }

  SqliteStorage& storage_;
  const Specimen& specimen_;
  const Damage& damage_;
  std::set<Receipt> delivered_;
  std::uint64_t again_ = 0;
};

bool touches(const PageSet& some, const PageSet& others) {
  return std::ranges::any_of(some, [&](auto page) { return others.contains(page); });
}

class DamageTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override {
    spdlog::set_level(spdlog::level::info);
    std::printf(
        "%d damaged outboxes: %d set aside, %d unnoticed, %d refused as of a newer version; %llu "
        "operations delivered, %llu held, %llu lost, %llu delivered again behind a damaged log\n",
        counts_.rounds, counts_.set_aside, counts_.unnoticed, counts_.refused, counts_.delivered,
        counts_.held, counts_.lost, counts_.again);
  }

  using Hurt = std::function<Damage(const std::string& path)>;
  void round(const Specimen& specimen, const Hurt& hurt) {
    const TemporaryDirectory place;
    const std::string path = place.file("outbox.db");
    specimen.copy_to(path);
    std::ofstream(path + ".reserve") << "an agent was here";
    const Damage done = hurt(path);
    SCOPED_TRACE(done.what);
    ++counts_.rounds;
    const std::string before = bytes_of(path);
    auto storage = SqliteStorage::open({path, 64U << 20, false});
    if (!storage && storage.error().kind == Error::Kind::kUnsupported) {
      EXPECT_TRUE(done.version_is_hit);
      EXPECT_TRUE(bytes_of(path) == before);
      ++counts_.refused;
      return;
    }
    ASSERT_TRUE(storage) << storage.error().message;
    ASSERT_FALSE((*storage)->trouble()) << (*storage)->trouble()->message;
    const bool is_new = !(*storage)->stats().damaged_file.empty();
    Drain drain(**storage, specimen, done);
    drain.run();
    count(**storage, drain);
    if (done.log_is_damaged || is_misled(specimen, done, is_new)) return;
    expect_the_rest_arrived(**storage, drain, specimen, done);
    expect_true_receipts(**storage, drain, specimen);
  }

  void count(const SqliteStorage& storage, const Drain& drain) {
    const OutboxStats stats = storage.stats();
    EXPECT_EQ(stats.pending(), 0U);
    EXPECT_EQ(stats.accepted, stats.delivered + stats.dead + stats.dropped + stats.lost);
    counts_.delivered += drain.delivered().size();
    counts_.lost += stats.lost;
    counts_.again += drain.again();
    ++(stats.damaged_file.empty() ? counts_.unnoticed : counts_.set_aside);
    if (stats.damaged_file.empty()) {
      EXPECT_EQ(stats.lost, 0U);
    } else {
      EXPECT_TRUE(fs::exists(stats.damaged_file));
    }
  }

  /// Whoever goes on with a file overwrites what it takes for free.
  static bool is_misled(const Specimen& specimen, const Damage& done, bool is_new) {
    return !is_new && (done.pages.contains(1) || touches(done.pages, specimen.map().free));
  }

  /// No receipt tells what is not so: where the damage took what tells, nobody knows.
  void expect_true_receipts(SqliteStorage& storage, const Drain& drain, const Specimen& specimen) {
    for (const auto& [receipt, content] : specimen.operations()) {
      auto told = storage.state(receipt);
      if (!told && told.error().kind == Error::Kind::kCorrupt) {
        must(storage.salvage());
        told = storage.state(receipt);
      }
      ASSERT_TRUE(told) << told.error().message;
      if (*told == ReceiptState::kMaybeLost) continue;
      if (content.state != ReceiptState::kPending) {
        EXPECT_EQ(*told, content.state) << receipt;
        continue;
      }
      const bool is_delivered =
          drain.delivered().contains(content.row == 0 ? receipt : content.row);
      EXPECT_EQ(*told, is_delivered ? ReceiptState::kDelivered : ReceiptState::kDead) << receipt;
    }
  }

  /// What stands on whole pages was delivered, or waits for a person if it is an event.
  void expect_the_rest_arrived(SqliteStorage& storage, const Drain& drain, const Specimen& specimen,
                               const Damage& done) {
    for (const auto& [receipt, pages] : specimen.map().pages_of) {
      if (drain.delivered().contains(receipt) || touches(pages, done.pages)) continue;
      const auto state = storage.state(receipt);
      EXPECT_TRUE(specimen.operations().at(receipt).is_event) << receipt << " is missing";
      EXPECT_TRUE(state && *state == ReceiptState::kDead) << receipt << " is missing";
      ++counts_.held;
    }
  }

  const TemporaryDirectory directory;
  // What happens once in a thousand rounds is for the campaign, with other seeds.
  std::mt19937_64 random{seed_of_this_run(42)};
  Counts counts_;
};

TEST_F(DamageTest, EachPageOfTheDatabaseAndTheLogInTurn) {
  const Specimen hot(directory.file(""), 400, true);
  const Specimen closed(directory.file(""), 400, false);
  for (const Specimen* specimen : {&hot, &closed}) {
    for (std::uint32_t page = 1; page <= specimen->pages(); ++page) {
      round(*specimen, [&](auto& path) { return damage_page(path, page, random); });
    }
  }
  for (std::uint32_t frame = 0; frame < hot.frames(); frame += 2) {
    round(hot, [&](auto& path) { return damage_frame(path, frame, random); });
  }
}

TEST_F(DamageTest, FlipsCutsAndReplacementsByChance) {
  const Specimen specimens[] = {{directory.file(""), 400, true},
                                {directory.file(""), 400, false},
                                {directory.file("large-"), 4'000, true},
                                {directory.file("large-"), 4'000, false}};
  const int rounds = number_from("FLOWMYNA_DAMAGE_ROUNDS", 40);
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    round(specimens[random() % 4], [&](auto& path) { return damage(path, random); });
  }
}

}  // namespace
}  // namespace flowmyna::test
