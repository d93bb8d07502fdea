#include "agent/ctl/import_lines.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/json_check.h"

namespace flowmyna::ctl {
namespace {

/// A name is the same however it is escaped, and the agent reads it so.
bool is_event(std::string_view name) {
  if (name.find('\\') == std::string_view::npos) return name == "event";
  return nlohmann::json::parse('"' + std::string(name) + '"', nullptr, false) == "event";
}

}  // namespace

LineKind line_kind(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return LineKind::kBlank;
  const auto names = client::member_names(line);
  if (!names) return LineKind::kInvalid;
  return std::ranges::any_of(*names, is_event) ? LineKind::kEvent : LineKind::kObject;
}

bool ImportBatch::takes(LineKind kind, std::string_view line) const {
  if (empty()) return true;
  return kind == kind_ && size() < kMaxLines && body_.size() + line.size() < kMaxBytes;
}

void ImportBatch::add(LineKind kind, std::uint64_t number, std::string_view line) {
  kind_ = kind;
  numbers_.push_back(number);
  body_ += line;
  body_ += '\n';
}

void ImportBatch::clear() {
  body_.clear();
  numbers_.clear();
}

}  // namespace flowmyna::ctl
