#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/arrival.h"
#include "core/dead_letter.h"
#include "core/encoded_operations.h"
#include "core/outbox_reader.h"

namespace flowmyna {

/// How far a backup has come.
struct BackupProgress {
  bool is_checking = false;  ///< all is copied, and read once more
  std::uint64_t done = 0;    ///< bytes that are copied, then operations that are checked
  std::uint64_t of = 0;
  bool is_ready = false;         ///< whole and checked: it can be read
  std::uint64_t file_bytes = 0;  ///< once it is ready
};

/// What became of the operation with a receipt, exactly. What nobody can know has a state of its
/// own, which says why.
enum class ReceiptState : std::uint8_t {
  kUnknown,  ///< there is none
  kPending,
  kDelivered,
  kDead,
  kDropped,
  kMaybeLost,    ///< with a damaged outbox, or it was of a file that an older copy has replaced
  kMaybeFolded,  ///< into what is not delivered, by a version that did not write down which it was
};

/// Operations on their way into the outbox, and who waits for the answer.
class Append {
 public:
  Append(EncodedOperations accepted, std::int64_t now_unix_s)
      : operations(std::move(accepted)), accepted_unix_s(now_unix_s) {}
  virtual ~Append() = default;
  Append(const Append&) = delete;
  Append& operator=(const Append&) = delete;

  /// Called once, as any `done` of the outbox: with the receipt of the first operation (the others
  /// follow without a gap) after all of them are committed and synced, or with why none is.
  virtual void done(Result<Receipt> first) = 0;

  const EncodedOperations operations;
  const std::int64_t accepted_unix_s;
};

/// What can be looked up in the outbox, on its own thread (`Outbox::ask`).
class OutboxQueries {
 public:
  virtual ~OutboxQueries() = default;
  /// A name of this outbox that no other has, for as long as its file lives.
  virtual Result<std::string> id() = 0;
  /// An operation that was folded into another has the state of that one.
  virtual Result<ReceiptState> state(Receipt receipt) = 0;
  virtual Result<DeadLetters> dead_letters(const LetterLimits& limits) = 0;
  /// The letter that holds this operation, first or not, or what it was folded into.
  virtual Result<std::optional<DeadLetter>> dead_letter_of(Receipt receipt) = 0;
  virtual Result<Arrived> arrived(std::string_view export_id, std::string_view source) = 0;
};

/// The outbox as writers and people see it.
class Outbox : public virtual OutboxReader {
 public:
  /// Has a question answered on the outbox's thread. It may be put twice: where something is
  /// damaged, what can be read of it is saved first.
  template <class T>
  void ask(std::function<Result<T>(OutboxQueries&)> question, Done<T> done);

  virtual void append(std::unique_ptr<Append> operations) = 0;

  /// Puts operations of dead letters back into the backlog, at their own receipts: so they keep the
  /// order of acceptance with what still waits, and come after what was delivered meanwhile. They
  /// are separate again, so what was merged may be merged anew. The caller has to tell delivery,
  /// also after a failure: an I/O error leaves open whether they are back.
  virtual void retry_dead_letters(LetterLimits limits, Done<RetriedLetters> done) = 0;
  /// Gives operations of dead letters up for good; they are counted and their receipts remembered.
  virtual void drop_dead_letters(LetterLimits limits, Done<DeadLetters> done) = 0;

  /// Takes in a piece of an export. kInvalid when another piece is due, kFull and kTooLarge as for
  /// an append; then nothing of it is there.
  virtual void arrive(Arrival piece, Done<void> done) = 0;

  /// A copy of the whole outbox, made while it is in use. The caller that begins it continues it
  /// step by step, and then reads it; `id` names it, and is the caller's choice. There is one at a
  /// time (kBusy), and it is given up when nobody has continued it for a minute. kFull when the
  /// disk has no room for it, kInvalid when there is none of that id.
  virtual void begin_backup(std::string id, Done<void> done) = 0;
  virtual void continue_backup(std::string id, Done<BackupProgress> done) = 0;
  /// A piece of the file; empty at its end.
  virtual void read_backup(std::string id, std::uint64_t from, Done<std::string> done) = 0;
  virtual void end_backup(std::string id, Done<void> done) = 0;

 protected:
  using LookUp = std::function<Result<void>(OutboxQueries&)>;
  virtual void look_up(LookUp look, Done<void> done) = 0;
};

template <class T>
void Outbox::ask(std::function<Result<T>(OutboxQueries&)> question, Done<T> done) {
  auto answer = std::make_shared<Result<T>>();
  look_up(
      [question = std::move(question), answer](OutboxQueries& outbox) {
        *answer = question(outbox);
        return answer->map([](const T&) {});
      },
      [answer, done = std::move(done)](const Result<void>& looked) {
        done(looked ? std::move(*answer) : tl::make_unexpected(looked.error()));
      });
}

}  // namespace flowmyna
