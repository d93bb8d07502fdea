#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/json_check.h"

namespace flowmyna::ctl {

/// A JSON object in an answer of the agent. Numbers are not converted: an application's values keep
/// their digits, and one that no double can hold (`1e400`) is no reason to refuse the answer.
/// Points into the answer.
class RawObject {
 public:
  /// Nothing when `json` is not an object.
  static std::optional<RawObject> parse(std::string_view json);

  /// The value as it is written; empty when there is none.
  std::string_view raw(std::string_view name) const;
  /// The characters of a string, anything else as it is written; empty for null and for none.
  std::string text(std::string_view name) const;
  /// The elements of an array as they are written; nothing when it is not one.
  std::optional<std::vector<std::string_view>> elements(std::string_view name) const;

 private:
  std::vector<client::JsonPart> members_;
};

/// `upsert  Customer:C-1` or `event   Paid on Order:O-1, User:U`: an operation in a list.
std::string operation_text(const RawObject& operation);

}  // namespace flowmyna::ctl
