#include "outbox/vault.h"

#include <pthread.h>

#include "outbox/arrival.h"
#include "outbox/clock_pass.h"
#include "outbox/vault_queue.h"

namespace flowmyna {
namespace {

// What a reader takes at once: less than a millisecond's worth, which is what writers wait for.
constexpr std::size_t kReadRows = 1000;

}  // namespace

Vault::Vault(std::unique_ptr<Storage> storage, std::function<void()> on_append,
             PlanOptions planning, std::function<void()> on_idle,
             std::function<void(Receipt)> on_returned)
    : storage_(std::move(storage)),
      on_append_(std::move(on_append)),
      on_idle_(std::move(on_idle)),
      on_returned_(std::move(on_returned)),
      stats_(storage_->stats()),
      compactor_(std::move(planning)),
      broken_(storage_->trouble()),
      thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "vault");
}

void Vault::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  loop_.wake();
  thread_.join();
}

void Vault::append(std::unique_ptr<Append> operations) {
  if (!enqueue([&] { appends_.push_back(std::move(operations)); })) {
    operations->done(tl::make_unexpected(kStoppingError));
  }
}

void Vault::write(Write write) {
  if (!enqueue([&] { writes_.push_back(std::move(write)); })) {
    write.done(tl::make_unexpected(kStoppingError));
  }
}

void Vault::seal(std::vector<Seal> seals, Done<void> done) {
  write({[seals = std::move(seals)](Storage& storage) -> Result<void> {
           for (const Seal& seal : seals) {
             if (auto sealed = storage.seal(seal); !sealed) return sealed;
           }
           return {};
         },
         std::move(done)});
}

void Vault::settle(std::vector<Settlement> settlements, Done<void> done) {
  write({[settlements = std::move(settlements)](Storage& storage) -> Result<void> {
           for (const Settlement& settlement : settlements) {
             if (auto settled = storage.settle(settlement); !settled) return settled;
           }
           return {};
         },
         std::move(done)});
}

void Vault::correct_clock(ClockCorrection correction, Done<void> done) {
  write({[correction](Storage& storage) { return correct_step(storage, correction); },
         std::move(done)});
}

/// A write that has something to tell once it is durable.
template <class T>
void Vault::change(std::function<Result<T>(Storage&)> apply, Done<T> done) {
  auto told = std::make_shared<Result<T>>();
  write({[apply = std::move(apply), told](Storage& storage) -> Result<void> {
           *told = apply(storage);
           return *told ? Result<void>{} : tl::make_unexpected(told->error());
         },
         [told, done = std::move(done)](const Result<void>& written) {
           done(written ? std::move(*told) : tl::make_unexpected(written.error()));
         }});
}

void Vault::retry_dead_letters(LetterLimits limits, Done<RetriedLetters> done) {
  change<RetriedLetters>(
      [this, limits](Storage& storage) {
        compactor_.reset();  // they come back where it has looked already
        return storage.retry_dead_letters(limits);
      },
      std::move(done));
}

void Vault::drop_dead_letters(LetterLimits limits, Done<DeadLetters> done) {
  change<DeadLetters>([limits](Storage& storage) { return storage.drop_dead_letters(limits); },
                      std::move(done));
}

void Vault::compact(CompactLimits limits, Done<Compacted> done) {
  auto result = std::make_shared<Compacted>();
  Write chore;
  chore.apply = [this, limits = std::move(limits), result](Storage& storage) -> Result<void> {
    auto step = compactor_.step(storage, limits);
    if (!step) return tl::make_unexpected(step.error());
    *result = *std::move(step);
    return {};
  };
  chore.done = [this, result, done](const Result<void>& applied) {
    if (!applied) compactor_.revert();
    done(applied ? Result<Compacted>(std::move(*result)) : tl::make_unexpected(applied.error()));
  };
  add_chore(std::move(chore));
}

void Vault::add_chore(Write chore) {
  if (!enqueue([&] { chores_.push_back(std::move(chore)); })) {
    chore.done(tl::make_unexpected(kStoppingError));
  }
}

void Vault::arrive(Arrival piece, Done<void> done) {
  auto objection = std::make_shared<std::optional<Error>>();
  Write chore;
  chore.apply = [piece = std::move(piece), objection](Storage& storage) -> Result<void> {
    auto found = objection_to(storage, piece);
    if (!found) return tl::make_unexpected(found.error());
    *objection = *std::move(found);
    return *objection ? Result<void>{} : take_in(storage, piece);
  };
  chore.done = [this, objection, done](const Result<void>& applied) {
    if (applied && !*objection && on_append_) on_append_();
    done(applied && *objection ? tl::make_unexpected(**objection) : applied);
  };
  add_chore(std::move(chore));
}

void Vault::give_up(GiveUp what, Done<std::uint64_t> done) {
  change<std::uint64_t>(
      [what = std::move(what)](Storage& storage) -> Result<std::uint64_t> {
        for (const RequestId seal : what.seals) {
          Settlement nothing;
          nothing.id = seal;
          if (auto settled = storage.settle(nothing); !settled) {
            return tl::make_unexpected(settled.error());
          }
        }
        return storage.give_up(what.receipts);
      },
      std::move(done));
}

/// A window in the making. Between two pieces of it writers have their turn, if there are any.
struct Vault::Reading {
  ReadLimits limits;
  Done<Window> done;
  Window window = {};

  ReadLimits next_piece() const {
    ReadLimits piece = limits;
    if (!window.empty()) piece.after = window.rows().back().receipt;
    piece.operations_max = std::min(limits.operations_max - window.size(), kReadRows);
    piece.bytes_max = limits.bytes_max - std::min(limits.bytes_max, window.bytes());
    return piece;
  }
  /// Whether the window is complete with it.
  bool take(Window piece) {
    if (window.empty()) {
      window = std::move(piece);
      if (window.more) window.reserve(limits.operations_max, limits.bytes_max);
    } else if (window.bytes() + piece.bytes() > limits.bytes_max) {
      window.more = true;  // a row that is larger than what is left comes all the same
      return true;
    } else {
      window.append(piece);
    }
    return !window.more || window.size() >= limits.operations_max ||
           window.bytes() >= limits.bytes_max;
  }
};

void Vault::read(ReadLimits limits, Done<Window> done) {
  go_on_reading(std::make_shared<Reading>(Reading{std::move(limits), std::move(done)}));
}

void Vault::go_on_reading(std::shared_ptr<Reading> reading) {
  query<bool>(
      [this, reading](Storage& storage) -> Result<bool> {
        do {
          auto piece = storage.read(reading->next_piece());
          if (!piece) return tl::make_unexpected(piece.error());
          if (reading->take(*std::move(piece))) return true;
          loop_.wait(std::chrono::milliseconds{0});
        } while (writers_waiting() == 0);
        return false;
      },
      [this, reading](const Result<bool>& is_complete) {
        if (!is_complete) return reading->done(tl::make_unexpected(is_complete.error()));
        if (!*is_complete) return go_on_reading(reading);
        reading->done(std::move(reading->window));
      });
}

void Vault::fetch(std::vector<Receipt> receipts, Done<Window> done) {
  query<Window>(
      [receipts = std::move(receipts)](Storage& storage) { return storage.fetch(receipts); },
      std::move(done));
}

void Vault::seals(Done<std::vector<Seal>> done) {
  query<std::vector<Seal>>([](Storage& storage) { return storage.seals(); }, std::move(done));
}

void Vault::look_up(LookUp look, Done<void> done) {
  query<void>([look = std::move(look)](Storage& storage) { return look(storage); },
              std::move(done));
}

OutboxStats Vault::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace flowmyna
