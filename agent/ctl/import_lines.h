#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::ctl {

enum class LineKind { kBlank, kObject, kEvent, kInvalid };

/// What a line of an import is: a JSON object with a member `event` is an event, any other JSON
/// object an object. Whether it is a good one is for the agent to say.
LineKind line_kind(std::string_view line);

/// Lines of one kind that go to the agent in one request, byte for byte, so that values arrive as
/// they stand in the file.
class ImportBatch {
 public:
  /// A tenth of what the agent takes, so that progress is seen and a refusal costs little.
  static constexpr std::size_t kMaxLines = 1000;
  /// Stays below the agent's limit for a body whatever the lines hold; a longer line goes alone.
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  /// Whether `line` can join without breaking the order between kinds or a limit.
  bool takes(LineKind kind, std::string_view line) const;
  /// `kind` is kObject or kEvent. `number` counts from 1.
  void add(LineKind kind, std::uint64_t number, std::string_view line);
  void clear();

  bool empty() const { return numbers_.empty(); }
  std::size_t size() const { return numbers_.size(); }
  LineKind kind() const { return kind_; }
  const std::string& body() const { return body_; }  ///< NDJSON
  std::uint64_t line_number(std::size_t index) const { return numbers_[index]; }
  std::uint64_t first_line() const { return numbers_.front(); }
  std::uint64_t last_line() const { return numbers_.back(); }

 private:
  LineKind kind_ = LineKind::kBlank;
  std::string body_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace flowmyna::ctl
