#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flowmyna {

/// Why one item does not fit the API's schema, each reason with its place, in the words and types
/// of the API's own validator (pydantic 2), so that an application's handling of its 422 answers
/// works for the agent's too. Field names and types are literals: only views of them are kept.
class Problems {
 public:
  bool empty() const { return problems_.empty(); }
  void clear();

  /// Moves the current place down into a member or an element, and up again.
  void enter(std::string_view field) { place_.emplace_back(field); }
  void enter(std::size_t index) { place_.emplace_back(index); }
  void leave() { place_.pop_back(); }

  /// About the current place itself.
  void add(std::string message, std::string_view type);
  /// About a member of the current place.
  void add(std::string_view field, std::string message, std::string_view type);

  /// Drops what was said about a member and all below it: of two members with one name, the later
  /// one counts.
  void forget(std::string_view field);

  /// Drops the newest problems beyond `count_max`; gives how many.
  std::size_t cut(std::size_t count_max);

  /// `[{"loc":["body",…],"msg":…,"type":…},…]`, the `detail` of a 422 answer.
  std::string detail() const;
  /// One line: `objects.0.id: Field required; timestamp: …`.
  std::string reason() const;

 private:
  using Step = std::variant<std::string_view, std::size_t>;
  struct Problem {
    std::vector<Step> place;
    std::string message;
    std::string_view type;
  };

  std::vector<Problem> problems_;
  std::vector<Step> place_;
};

}  // namespace flowmyna
