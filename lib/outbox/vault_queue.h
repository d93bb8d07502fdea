#pragma once

#include "outbox/vault.h"

namespace flowmyna {

/// How the files of the vault queue something up for its thread.

inline const Error kStoppingError{Error::Kind::kStopping, "the agent is stopping"};

/// Calls `add` under the lock and wakes the thread; false, without a call, once stopping.
template <class Add>
bool Vault::enqueue(Add add) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    add();
  }
  loop_.wake();
  return true;
}

template <class T>
void Vault::query(std::function<Result<T>(Storage&)> ask, Done<T> done) {
  Read read = [this, ask = std::move(ask), done] {
    Result<T> answer = broken_ ? tl::make_unexpected(*broken_) : ask(*storage_);
    if (!broken_ && !answer && answer.error().kind == Error::Kind::kCorrupt) {
      recover(answer.error());
      answer = broken_ ? tl::make_unexpected(*broken_) : ask(*storage_);
    }
    done(std::move(answer));
  };
  if (!enqueue([&] { reads_.push_back(std::move(read)); })) {
    done(tl::make_unexpected(kStoppingError));
  }
}

}  // namespace flowmyna
