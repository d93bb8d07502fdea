#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace flowmyna {

/// Which failed attempts people are told of: an outage of a month is tried again and again, and a
/// log that says so each time buries what else it has to say, and wears the flash that it is on. So
/// each kind of reason is told once until the API is reached again, and then that is told. Pure.
class OutageLog {
 public:
  /// An attempt failed; whether it is the first for this kind of reason.
  bool failed(std::string_view reason) { return told_.insert(kind_of(reason)).second; }
  /// People know of a failure, and not yet of its end.
  bool is_told() const { return !told_.empty(); }
  /// The API is there; whether that is news.
  bool reached() {
    const bool is_news = !told_.empty();
    told_.clear();
    return is_news;
  }

 private:
  /// What stands before the particulars: times, counts, pieces of a page.
  static std::string kind_of(std::string_view reason) {
    const auto end = std::min(reason.find(" ("), reason.find(": "));
    return std::string(reason.substr(0, end));
  }

  std::set<std::string> told_;
};

}  // namespace flowmyna
