#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "outbox/vault.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {

/// An append whose writer waits for the answer.
class WaitingAppend final : public Append {
 public:
  explicit WaitingAppend(EncodedOperations accepted) : Append(std::move(accepted), 1) {}
  void done(Result<Receipt> first) override { promise_.set_value(std::move(first)); }
  std::future<Result<Receipt>> answer() { return promise_.get_future(); }

 private:
  std::promise<Result<Receipt>> promise_;
};

using Answer = std::future<Result<Receipt>>;

inline Answer write(Vault& vault, const std::vector<std::string>& ids) {
  auto append = std::make_unique<WaitingAppend>(upserts(ids));
  auto answer = append->answer();
  vault.append(std::move(append));
  return answer;
}

/// The receipt, or the error's message.
inline std::string text(const Result<Receipt>& answer) {
  return answer ? std::to_string(*answer) : answer.error().message;
}

/// Calls something that answers through a callback; what it answered, once it did.
template <class T>
class Asked {
 public:
  Done<T> done() {
    return [promise = promise_](Result<T> result) { promise->set_value(std::move(result)); };
  }
  Result<T> wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<Result<T>>> promise_ = std::make_shared<std::promise<Result<T>>>();
};

inline std::string everything(Vault& vault) {
  Asked<Window> asked;
  vault.read(limits(100'000), asked.done());
  return text(asked.wait());
}

}  // namespace flowmyna::test
