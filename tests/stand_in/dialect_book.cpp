#include "stand_in/dialect_book.h"

namespace flowmyna::stand_in {

DialectBook::DialectBook(Dialect rest)
    : rest_(std::move(rest)), dialect_(std::make_shared<const Dialect>(rest_)) {}

Result<void> DialectBook::start_with(const std::string& document) {
  const std::lock_guard lock(mutex_);
  if (auto set = set_locked(document); !set) return set;
  first_ = document;
  return {};
}

Result<void> DialectBook::replace(const std::string& document) {
  const std::lock_guard lock(mutex_);
  return set_locked(document);
}

Result<void> DialectBook::amend(const std::string& changes) {
  if (auto checked = parse_dialect(changes); !checked) {
    return tl::make_unexpected(checked.error());
  }
  const std::lock_guard lock(mutex_);
  return set_locked(merge_documents(document_, changes));
}

void DialectBook::restore() {
  const std::lock_guard lock(mutex_);
  set_locked(first_);
}

Result<void> DialectBook::set_locked(const std::string& document) {
  auto dialect = parse_dialect(document, rest_);
  if (!dialect) return tl::make_unexpected(dialect.error());
  dialect_ = std::make_shared<const Dialect>(std::move(*dialect));
  document_ = document;
  return {};
}

std::shared_ptr<const Dialect> DialectBook::for_request(
    const std::vector<SharedFault>& rules) const {
  const std::lock_guard lock(mutex_);
  if (rules.empty()) return dialect_;
  std::string document = document_;
  for (const SharedFault& fault : rules) {
    document = merge_documents(document, fault->rule.dialect);
  }
  // Both were checked when they were posted.
  return std::make_shared<const Dialect>(parse_dialect(document, rest_).value_or(rest_));
}

std::string DialectBook::show() const {
  const std::lock_guard lock(mutex_);
  return document_;
}

}  // namespace flowmyna::stand_in
