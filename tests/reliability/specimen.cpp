#include "reliability/specimen.h"

#include <filesystem>

#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kQuota = 64U << 20;

/// Mostly small, some of half a page, some of several pages.
std::size_t size_of_value(int number) {
  if (number % 97 == 0) return 12'000;
  return number % 13 == 0 ? 1'900 : 40;
}

}  // namespace

Specimen::Specimen(const std::string& begin, int operations, bool is_hot)
    : path_(begin + (is_hot ? "hot.db" : "closed.db")) {
  const std::string working = begin + "working.db";
  {
    const auto storage = open_storage(working, kQuota);
    for (int part = 0; part < 4; ++part) {
      accept(*storage, operations / 4);
      settle(*storage);
      must(storage->tend());
    }
    fold(*storage);
    test::seal(*storage, 1'000, {{accepted_ - 20}, {accepted_ - 19}});
    must(storage->begin());
    // The events among the newest ones, under a key of their own.
    must(storage->seal({1'001, Kind::kEvent, kKey, {{accepted_ - accepted_ % 5}}}));
    must(storage->commit());
    note_pending(*storage);
    if (is_hot) {
      fs::copy_file(working, path_);
      fs::copy_file(working + "-wal", path_ + "-wal");
    }
  }
  const auto root = integer(working, "SELECT rootpage FROM sqlite_schema WHERE name='operation'");
  map_ = map_btree(bytes_of(working), static_cast<std::uint32_t>(root));
  if (!is_hot) fs::copy_file(working, path_);
  for (const char* suffix : {"", ".lock", ".reserve"}) fs::remove(working + suffix);
}

void Specimen::copy_to(const std::string& path) const {
  fs::copy_file(path_, path);
  if (fs::exists(path_ + "-wal")) fs::copy_file(path_ + "-wal", path + "-wal");
}

std::uint32_t Specimen::pages() const {
  return static_cast<std::uint32_t>(fs::file_size(path_) / 4096);
}

std::uint32_t Specimen::frames() const {
  return static_cast<std::uint32_t>(fs::file_size(path_ + "-wal") / (4096 + 24));
}

void Specimen::accept(SqliteStorage& storage, int count) {
  must(storage.begin());
  for (int i = 0; i < count; ++i) {
    const int number = ++next_;
    const std::string object = "Order/" + std::to_string(number % 50);
    const Properties value = {
        {"v", '"' + std::to_string(number) + std::string(size_of_value(number), 'x') + '"'}};
    OperationList backlog;
    const bool is_event = number % 5 == 0;
    if (is_event) {
      backlog.event({{object, value}}, "E" + std::to_string(number));
    } else {
      backlog.upsert(object, value);
    }
    const Receipt receipt = storage.append(backlog.encoded_operations(), 17).value();
    Content& content = operations_[receipt];
    content.is_event = is_event;
    content.ever.insert(std::string(backlog.encoded_operations()[0]));
    accepted_ = receipt;
  }
  must(storage.commit());
}

/// A third of what waits is delivered, some dies, and some of that is dropped.
void Specimen::settle(SqliteStorage& storage) {
  const auto window = storage.read(limits(10'000));
  Settlement settlement;
  for (std::size_t i = 0; i < window->size() / 3; ++i) {
    const Receipt receipt = window->rows()[i].receipt;
    if (i % 20 == 7) {
      settlement.dead.push_back({{receipt}, 422, "no", 1, 99});
    } else {
      settlement.delivered.push_back(receipt);
    }
  }
  test::settle(storage, settlement);
  must(storage.begin());
  LetterLimits few;
  few.letters_max = 3;
  (void)storage.drop_dead_letters(few).value();
  must(storage.commit());
}

/// Neighbouring upserts, as if they were of one object.
void Specimen::fold(SqliteStorage& storage) {
  const auto window = storage.read(limits(10'000));
  must(storage.begin());
  for (std::size_t i = 10; i + 1 < window->size() && i < 200; i += 10) {
    const Receipt first = window->rows()[i].receipt;
    const Receipt second = window->rows()[i + 1].receipt;
    if (operations_[first].is_event || operations_[second].is_event) continue;
    const std::string folded(window->stored(window->rows()[i + 1]));
    must(storage.fold({first, {second}}, folded));
    operations_[first].ever.insert(folded);
    operations_[second].row = first;
  }
  must(storage.commit());
}

void Specimen::note_pending(SqliteStorage& storage) {
  const auto window = storage.read(limits(100'000));
  for (const auto& row : window->rows()) operations_[row.receipt].is_pending = true;
  for (auto& [receipt, content] : operations_) content.state = storage.state(receipt).value();
}

}  // namespace flowmyna::test
