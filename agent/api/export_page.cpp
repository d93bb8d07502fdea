#include "agent/api/export_page.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "core/export_lines.h"

namespace flowmyna {
namespace {

// One read's share of the outbox's thread: about a millisecond.
constexpr std::size_t kPageOperations = 1000;
constexpr std::size_t kPageLetters = 200;
constexpr std::size_t kPageBytes = 1U << 20;

class Page {
 public:
  Page(const ExportView& view, Window pending, DeadLetters letters)
      : view_(view), pending_(std::move(pending)), letters_(std::move(letters)) {
    if (pending_.more) through_ = std::min(through_, pending_.rows().back().receipt);
    if (letters_.more) through_ = std::min(through_, letters_.letters.back().id);
  }

  Result<std::string> render() {
    for (const DeadLetter& letter : letters_.letters) {
      if (letter.id > through_) break;
      if (auto done = add_pending_before(letter.id); !done)
        return tl::make_unexpected(done.error());
      add(letter);
    }
    if (auto done = add_pending_before(through_ + 1); !done) {
      return tl::make_unexpected(done.error());
    }
    const bool more = through_ < view_.through;
    return out_ + R"({"through":)" + std::to_string(through_) + R"(,"more":)" +
           (more ? "true" : "false") + R"(,"damaged":)" + std::to_string(damaged_) + "}\n";
  }

 private:
  Result<void> add_pending_before(Receipt end) {
    for (; next_ < pending_.size() && pending_.rows()[next_].receipt < end; ++next_) {
      const Window::Row& row = pending_.rows()[next_];
      const auto operation = Operation::parse(pending_.stored(row));
      if (!operation) {
        return fail(Error::Kind::kCorrupt,
                    "operation " + std::to_string(row.receipt) + " cannot be read");
      }
      append_pending_line(out_, row, *operation, key_of(row.receipt));
    }
    return {};
  }

  void add(const DeadLetter& letter) {
    std::vector<Operation> operations;
    for (const Window::Row& row : letter.operations.rows()) {
      auto operation = Operation::parse(letter.operations.stored(row));
      if (operation) operations.push_back(*std::move(operation));
    }
    if (!letter.damaged.empty() || operations.size() != letter.operations.size()) {
      ++damaged_;
    } else {
      append_letter_line(out_, letter, operations);
    }
  }

  std::string_view key_of(Receipt receipt) const {
    const auto& sent = view_.maybe_sent;
    const auto it =
        std::ranges::lower_bound(sent, receipt, {}, [](const auto& e) { return e.first; });
    return it != sent.end() && it->first == receipt ? std::string_view(it->second)
                                                    : std::string_view();
  }

  const ExportView& view_;
  const Window pending_;
  const DeadLetters letters_;
  Receipt through_ = view_.through;
  std::size_t next_ = 0;
  std::uint64_t damaged_ = 0;
  std::string out_;
};

}  // namespace

void read_export_page(Outbox& outbox, const ExportView& view, Receipt after,
                      Done<std::string> done) {
  ReadLimits limits;
  limits.after = after;
  limits.operations_max = kPageOperations;
  limits.bytes_max = kPageBytes;
  outbox.read(
      std::move(limits), [&outbox, view, after, done = std::move(done)](Result<Window> window) {
        if (!window) {
          done(tl::make_unexpected(window.error()));
          return;
        }
        LetterLimits letters;
        letters.after = after;
        letters.through =
            window->more ? std::min(window->rows().back().receipt, view.through) : view.through;
        letters.letters_max = kPageLetters;
        letters.bytes_max = kPageBytes;
        auto pending = std::make_shared<Window>(*std::move(window));
        outbox.ask<DeadLetters>(
            [letters](OutboxQueries& stored) { return stored.dead_letters(letters); },
            [view, pending, done](Result<DeadLetters> found) {
              done(found ? Page(view, std::move(*pending), *std::move(found)).render()
                         : tl::make_unexpected(found.error()));
            });
      });
}

}  // namespace flowmyna
