#include "stand_in/rejection.h"

#include <vector>

#include "stand_in/replies.h"
#include "stand_in/validation.h"

namespace flowmyna::stand_in {
namespace {

void replace_all(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos;
       at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
}

std::string error_of(const FaultRule& rule, const Dialect& dialect, Shape shape, const Body& body,
                     std::uint32_t index) {
  std::string text = rule.error_text.value_or(dialect.error_text);
  replace_all(text, "{reason}", rule.reason);
  replace_all(text, "{index}", std::to_string(index));
  replace_all(text, "{number}", std::to_string(index + 1));
  replace_all(text, "{name}", name_of(shape, body.items[index]));
  return text;
}

Reply refuse_all(const FaultRule& rule, Shape shape, std::uint32_t index,
                 const std::string& error) {
  if (rule.mode == RejectMode::kBatch400) return plain_error(400, error);
  if (rule.error_text) return plain_error(422, error);
  return schema_error(problem_with_item(shape, index, rule.reason, "value_error"));
}

std::vector<Candidate> candidates(const FaultRule& rule, Shape shape, const Body& body) {
  std::vector<Candidate> found;
  for (std::uint32_t i = 0; i < body.items.size(); ++i) {
    if (!matches_item(rule.match, shape, body, body.items[i])) continue;
    found.push_back({i, rule.count_each ? identity_of(shape, body, body.items[i]) : 0});
  }
  return found;
}

}  // namespace

Rejection reject_items(FaultTable& faults, const FaultDecision& decision, const Dialect& dialect,
                       const RequestFacts& facts) {
  Rejection rejection;
  for (const SharedFault& fault : decision.pending) {
    const FaultRule& rule = fault->rule;
    if (!matches_request(rule.match, facts)) continue;
    const Shape shape = *facts.shape;
    std::vector<Candidate> bad = candidates(rule, shape, *facts.body);
    if (!faults.strike_items(*fault, bad)) continue;
    const auto error = [&](std::uint32_t index) {
      return error_of(rule, dialect, shape, *facts.body, index);
    };
    if (rule.mode != RejectMode::kPartial || !is_batch(shape)) {
      rejection.whole = refuse_all(rule, shape, bad.front().index, error(bad.front().index));
      return rejection;
    }
    for (const Candidate& item : bad) rejection.errors.emplace(item.index, error(item.index));
  }
  return rejection;
}

}  // namespace flowmyna::stand_in
