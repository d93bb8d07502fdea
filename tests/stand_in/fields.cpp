#include "stand_in/fields.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace flowmyna::stand_in {
namespace {

using nlohmann::json;

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint32_t>::max();

/// Levenshtein's distance.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t k = 0; k < to.size(); ++k) {
      const std::size_t replaced = diagonal + (from[i] == to[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, row[k + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return {};
  return *std::min_element(known.begin(), known.end(),
                           [name](const std::string& left, const std::string& right) {
                             return distance(name, left) < distance(name, right);
                           });
}

std::optional<std::string> FieldReader::text(const char* name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  wrong(name, "a string");
  return std::nullopt;
}

std::optional<std::uint64_t> FieldReader::number(const char* name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() <= kNumberMax) {
    return value->get<std::uint64_t>();
  }
  wrong(name, "a whole number from 0 to 4294967295");
  return std::nullopt;
}

std::optional<std::int64_t> FieldReader::integer(const char* name) {
  constexpr auto kMax = static_cast<std::int64_t>(kNumberMax);
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_number_integer()) {
    const auto number = value->get<std::int64_t>();
    if (number >= -kMax && number <= kMax) return number;
  }
  wrong(name, "a whole number from -4294967295 to 4294967295");
  return std::nullopt;
}

std::optional<bool> FieldReader::boolean(const char* name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong(name, "true or false");
  return std::nullopt;
}

std::optional<double> FieldReader::probability(const char* name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_number() && value->get<double>() >= 0 && value->get<double>() <= 1) {
    return value->get<double>();
  }
  wrong(name, "a number from 0 to 1");
  return std::nullopt;
}

std::optional<std::size_t> FieldReader::choice(const char* name,
                                               std::initializer_list<const char*> allowed) {
  const auto value = text(name);
  if (!value) return std::nullopt;
  std::string listed;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (*value == allowed.begin()[i]) return i;
    listed += (i == 0 ? "" : " or ") + std::string(allowed.begin()[i]);
  }
  wrong(name, listed);
  return std::nullopt;
}

std::vector<std::string> FieldReader::texts(const char* name) {
  const auto value = take(name);
  if (!value) return {};
  const json list = value->is_array() ? *value : json::array({*value});
  std::vector<std::string> out;
  for (const json& entry : list) {
    if (entry.is_string()) {
      out.push_back(entry.get<std::string>());
    } else {
      wrong(name, "a string or a list of strings");
    }
  }
  return out;
}

std::optional<json> FieldReader::take(const char* name) {
  asked_.emplace_back(name);
  const auto at = fields_.find(name);
  if (at == fields_.end()) return std::nullopt;
  json value = std::move(*at);
  fields_.erase(at);
  return value;
}

void FieldReader::wrong(std::string_view name, std::string_view expected) {
  fail("\"" + std::string(name) + "\" must be " + std::string(expected));
}

void FieldReader::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

std::string FieldReader::problem() {
  if (problem_.empty() && !fields_.empty()) {
    const std::string& name = fields_.begin().key();
    problem_ = "unknown field \"" + name + "\"; the nearest is \"" + nearest(name, asked_) + "\"";
  }
  return problem_;
}

}  // namespace flowmyna::stand_in
