#pragma once

#include <string>
#include <vector>

#include "trace.h"

namespace flowmyna::simulation {

/// What broke a promise in a run. The first finding ends the run: what follows is its consequence.
class Findings {
 public:
  explicit Findings(Trace& trace) : trace_(trace) {}

  void add(const std::string& finding) {
    trace_.note([&] { return "BROKEN: " + finding; });
    all_.push_back(finding);
  }
  template <class Text>
  void expect(bool holds, Text text) {
    if (!holds) add(text());
  }
  bool empty() const { return all_.empty(); }
  const std::vector<std::string>& all() const { return all_; }

 private:
  Trace& trace_;
  std::vector<std::string> all_;
};

}  // namespace flowmyna::simulation
