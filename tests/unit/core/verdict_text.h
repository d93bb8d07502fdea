#pragma once

#include <string>

#include "core/judge.h"

namespace flowmyna::test {

/// From what an answer counts, where it tells.
inline std::string text(IndexBase learned) {
  switch (learned) {
    case IndexBase::kUnknown:
      return "";
    case IndexBase::kZero:
      return ", counts from 0";
    case IndexBase::kOne:
      return ", counts from 1";
    case IndexBase::kUnreliable:
      return ", counts from nowhere";
  }
  return "?";
}

/// A verdict, to be read: `retry, outcome unknown, of the path: reason`, `retry after 1000 ms:
/// reason`, `throttled 1000 ms: reason`, `settle + - +, counts from 0` with what became of each
/// item, then each failed one's reason in a line.
inline std::string text(const Verdict& verdict) {
  using Action = Verdict::Action;
  const auto name = [&]() -> std::string {
    switch (verdict.action) {
      case Action::kSettle:
        return "settle";
      case Action::kRetry:
        if (verdict.wait.count() == 0) return "retry";
        return "retry after " + std::to_string(verdict.wait.count()) + " ms";
      case Action::kRelease:
        return "release";
      case Action::kThrottled:
        return "throttled " + std::to_string(verdict.wait.count()) + " ms";
      case Action::kUnauthorized:
        return "unauthorized";
      case Action::kMisconfigured:
        return "misconfigured";
      case Action::kNoKey:
        return "no key";
      case Action::kSplit:
        return "split";
      case Action::kTooLarge:
        return "too large";
      case Action::kSeparate:
        return "separate";
    }
    return "?";
  };
  std::string out = name();
  if (verdict.outcome_unknown) out += ", outcome unknown";
  if (verdict.is_of_path) out += ", of the path";
  for (const auto item : verdict.items) out += item == Verdict::Item::kDelivered ? " +" : " -";
  out += text(verdict.index_base);
  if (verdict.action != Action::kSettle) return out + ": " + verdict.reason;
  for (std::size_t i = 0; i < verdict.items.size(); ++i) {
    if (verdict.items[i] == Verdict::Item::kDelivered) continue;
    out += "\n" + std::to_string(i) + ": " + verdict.reasons.at(i);
  }
  return out;
}

inline Answer answered(int status, std::string body = "") {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

}  // namespace flowmyna::test
