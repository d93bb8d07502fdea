#include "core/partial_failure.h"

#include <algorithm>

#include "core/answer_body.h"
#include "core/error_names.h"

namespace flowmyna {
namespace {

/// The positions that errors name, as written.
struct Positions {
  ItemSet named;
  bool is_complete = false;  ///< each failed item has one of its own
};

Positions positions_of(const BatchAnswer& answer) {
  Positions out;
  for (const std::string& error : answer.errors) {
    if (const auto index = split_item_error(error).index) out.named.insert(*index);
  }
  out.is_complete = answer.errors.size() == answer.failed && out.named.size() == answer.failed;
  return out;
}

/// Which items failed, where that needs no position.
std::optional<ItemSet> known_failures(const BatchAnswer& answer, std::size_t items) {
  if (answer.processed > 0) return answer.missing;
  ItemSet all;
  for (std::size_t i = 0; i < items; ++i) all.insert(all.end(), i);
  return all;
}

/// Whether what the answer says can be, if it counts from `first`.
bool can_count_from(std::size_t first, const Positions& positions,
                    const std::optional<ItemSet>& failures, std::size_t items) {
  const auto& named = positions.named;
  if (!named.empty() && (*named.begin() < first || *named.rbegin() - first >= items)) return false;
  if (!failures || !positions.is_complete) return true;
  return std::ranges::equal(named, *failures,
                            [&](auto position, auto item) { return position == item + first; });
}

IndexBase learn(const Positions& positions, const std::optional<ItemSet>& failures,
                std::size_t items) {
  const bool zero = can_count_from(0, positions, failures, items);
  const bool one = can_count_from(1, positions, failures, items);
  if (zero && one) return IndexBase::kUnknown;
  if (!zero && !one) return IndexBase::kUnreliable;
  return zero ? IndexBase::kZero : IndexBase::kOne;
}

/// The errors by the positions that they name, counted from `first`.
ItemErrors shifted(const BatchAnswer& answer, std::size_t first) {
  ItemErrors out;
  for (const std::string& error : answer.errors) {
    out.emplace(*split_item_error(error).index - first, error);
  }
  return out;
}

std::optional<ItemErrors> errors_by_position(const BatchAnswer& answer, const Positions& positions,
                                             IndexBase base) {
  const bool is_known = base == IndexBase::kZero || base == IndexBase::kOne;
  if (!is_known || !positions.is_complete) return std::nullopt;
  return shifted(answer, base == IndexBase::kOne ? 1 : 0);
}

bool are_of(const ItemErrors& errors, const ItemSet& items) {
  return std::ranges::equal(errors, items, {}, &ItemErrors::value_type::first);
}

/// Which item each error is about, if that is known and contradicts nothing.
std::optional<ItemErrors> attribute(const JudgedRequest& request, const BatchAnswer& answer,
                                    const Positions& positions,
                                    const std::optional<ItemSet>& failures, IndexBase base) {
  if (answer.errors.size() != answer.failed) return std::nullopt;
  auto errors = errors_by_position(answer, positions, base);
  if (!errors) errors = errors_by_name(request, answer.errors);
  if (errors && failures && !are_of(*errors, *failures)) return std::nullopt;
  return errors;
}

ItemSet items_of(const ItemErrors& errors) {
  ItemSet out;
  for (const auto& [item, error] : errors) out.insert(item);
  return out;
}

std::string join(const std::vector<std::string>& errors) {
  std::string out;
  for (const auto& error : errors) out += (out.empty() ? "" : "; ") + error;
  return excerpt(out.empty() ? "no reason given" : out);
}

Verdict separate(Kind kind, const std::string& errors) {
  Verdict out;
  out.action = Verdict::Action::kSeparate;
  out.outcome_unknown = kind == Kind::kEvent;
  out.reason = std::string("partial failure that does not say which ") +
               (kind == Kind::kEvent ? "events" : "objects") + " it is about: " + errors;
  return out;
}

Verdict settle(std::size_t items, const ItemSet& failures, const std::optional<ItemErrors>& errors,
               const std::string& all_errors) {
  Verdict out;
  out.action = Verdict::Action::kSettle;
  out.reason = all_errors;
  out.items.assign(items, Verdict::Item::kDelivered);
  out.reasons.assign(items, "");
  for (const std::size_t item : failures) {
    out.items[item] = Verdict::Item::kFailed;
    out.reasons[item] = errors ? excerpt(errors->at(item)) : all_errors;
  }
  return out;
}

}  // namespace

Verdict judge_partial(const JudgedRequest& request, const BatchAnswer& answer, IndexBase base) {
  const Positions positions = positions_of(answer);
  auto failures = known_failures(answer, request.items);
  const IndexBase learned = learn(positions, failures, request.items);
  const auto errors = attribute(request, answer, positions, failures, combine(base, learned));
  if (!failures && errors) failures = items_of(*errors);

  const std::string all_errors = join(answer.errors);
  Verdict out = failures ? settle(request.items, *failures, errors, all_errors)
                         : separate(request.kind, all_errors);
  out.index_base = learned;
  return out;
}

}  // namespace flowmyna
