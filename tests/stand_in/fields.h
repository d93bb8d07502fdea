#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna::stand_in {

/// The one of `known` that takes the fewest changes of a letter to become `name`.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// Takes the fields of one JSON object; what is left over at the end was misspelt, and the reader,
/// which remembers what it was asked for, names the nearest field that there is. Of several
/// problems the first is kept. A field that is absent gives nullopt, one that does not fit too.
class FieldReader {
 public:
  explicit FieldReader(nlohmann::json fields) : fields_(std::move(fields)) {}

  std::optional<std::string> text(const char* name);
  /// A whole number from 0 to 4294967295: small enough to be a duration in any unit.
  std::optional<std::uint64_t> number(const char* name);
  /// A whole number of either sign, as large as the above.
  std::optional<std::int64_t> integer(const char* name);
  std::optional<bool> boolean(const char* name);
  /// A number from 0 to 1.
  std::optional<double> probability(const char* name);
  /// Which of `allowed` the text is.
  std::optional<std::size_t> choice(const char* name, std::initializer_list<const char*> allowed);
  /// One text, or a list of them.
  std::vector<std::string> texts(const char* name);
  std::optional<nlohmann::json> take(const char* name);

  void wrong(std::string_view name, std::string_view expected);
  void fail(std::string problem);

  /// Empty when every field was known and fit.
  std::string problem();

 private:
  nlohmann::json fields_;
  std::vector<std::string> asked_;
  std::string problem_;
};

}  // namespace flowmyna::stand_in
