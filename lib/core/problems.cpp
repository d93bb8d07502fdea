#include "core/problems.h"

#include <algorithm>
#include <utility>

#include "core/json_text.h"

namespace flowmyna {

void Problems::clear() {
  problems_.clear();
  place_.clear();
}

void Problems::add(std::string message, std::string_view type) {
  problems_.push_back({place_, std::move(message), type});
}

void Problems::add(std::string_view field, std::string message, std::string_view type) {
  add(std::move(message), type);
  problems_.back().place.emplace_back(field);
}

void Problems::forget(std::string_view field) {
  if (problems_.empty()) return;
  place_.emplace_back(field);
  std::erase_if(problems_, [this](const Problem& problem) {
    return problem.place.size() >= place_.size() &&
           std::equal(place_.begin(), place_.end(), problem.place.begin());
  });
  place_.pop_back();
}

std::size_t Problems::cut(std::size_t count_max) {
  if (problems_.size() <= count_max) return 0;
  const std::size_t dropped = problems_.size() - count_max;
  problems_.erase(problems_.end() - static_cast<std::ptrdiff_t>(dropped), problems_.end());
  return dropped;
}

std::string Problems::detail() const {
  std::string out = "[";
  for (const Problem& problem : problems_) {
    if (out.size() > 1) out += ',';
    out += R"({"loc":["body")";
    for (const Step& step : problem.place) {
      const auto* field = std::get_if<std::string_view>(&step);
      out += ',' + (field ? json_string(*field) : std::to_string(std::get<std::size_t>(step)));
    }
    out += R"(],"msg":)" + json_string(problem.message);
    out += R"(,"type":)" + json_string(problem.type) + '}';
  }
  return out + ']';
}

std::string Problems::reason() const {
  std::string out;
  for (const Problem& problem : problems_) {
    if (!out.empty()) out += "; ";
    for (const Step& step : problem.place) {
      if (&step != &problem.place.front()) out += '.';
      const auto* field = std::get_if<std::string_view>(&step);
      out += field ? std::string(*field) : std::to_string(std::get<std::size_t>(step));
    }
    out += (problem.place.empty() ? "" : ": ") + problem.message;
  }
  return out;
}

}  // namespace flowmyna
