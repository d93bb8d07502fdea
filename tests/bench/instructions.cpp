// Instructions an operation, as callgrind counts them: of the agent alone, in user space, and
// nearly the same on every machine with the same libraries. Times are another matter: see
// writers.cpp.

#include <signal.h>

#include <fstream>

#include "bench/suite.h"

namespace flowmyna::bench {
namespace {

struct Writers {
  const char* name;
  unsigned connections;
  std::size_t batch;
  std::uint64_t operations;
};

/// What the agent executes from its start to its end, with so many operations in between.
Result<double> count_instructions(Bench& bench, const Writers& writers, std::uint64_t operations) {
  const Scratch scratch(bench.place.data);
  const std::string out = scratch.path() + "/callgrind.out";
  AgentOptions options{kNobody};
  options.run_by = {"valgrind", "--tool=callgrind", "--callgrind-out-file=" + out};
  auto agent = start_agent(bench.place, options);
  if (!agent) return tl::make_unexpected(agent.error());
  LoadOptions load;
  load.socket = agent->socket;
  load.connections = writers.connections;
  load.operations = operations;
  const auto result = run_load(load, *http_wire(Messages(), writers.batch));
  if (!result) return tl::make_unexpected(result.error());
  agent->process.stop(SIGTERM);
  if (result->operations != operations) {
    return fail(
        Error::Kind::kInvalid,
        std::string(writers.name) + ": not every operation was accepted\n" + agent->process.log());
  }

  const std::string kTotals = "totals: ";
  std::ifstream file(out);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kTotals)) return std::stod(line.substr(kTotals.size()));
  }
  return fail(Error::Kind::kInvalid, "callgrind counted nothing: " + agent->process.log());
}

}  // namespace

/// Twice, with more operations the second time: what start and end take is no part of it.
Result<void> measure_instructions(Bench& bench) {
  if (!has_peer(bench, "valgrind")) return {};
  for (const Writers& writers : {Writers{"instructions.agent.1", 1, 1, 5000},
                                 Writers{"instructions.agent.64", 64, 1, 20'000},
                                 Writers{"instructions.agent.ndjson", 1, 1000, 50'000}}) {
    bench.progress(writers.name);
    const auto few = count_instructions(bench, writers, writers.operations);
    if (!few) return tl::make_unexpected(few.error());
    const auto many = count_instructions(bench, writers, 2 * writers.operations);
    if (!many) return tl::make_unexpected(many.error());
    bench.figures.add(std::string(writers.name) + ".per_operation",
                      (*many - *few) / static_cast<double>(writers.operations));
  }
  return {};
}

}  // namespace flowmyna::bench
