// Micro-benchmarks of what runs once an operation: decoding, rows, patches, planning. And how often
// the accept path asks for memory, since that is the cost that creeps in unseen.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

#include "agent/api/router.h"
#include "agent/http/http_server.h"
#include "agent/http/listen.h"
#include "agent/process/system_clock.h"
#include "bench/allocations.h"
#include "bench/load.h"
#include "core/decode.h"
#include "core/planner.h"
#include "core/request.h"
#include "outbox/file/sqlite_storage.h"
#include "outbox/tables/row.h"
#include "outbox/vault.h"
#include "tests/unit/agent/api/fake_delivery.h"

namespace flowmyna::bench {
namespace {

constexpr std::uint64_t kHotObjects = 1000;
constexpr std::size_t kBacklog = 100'000;
constexpr std::size_t kWindow = 10'000;  // what the foreman plans at once

std::string padded_lines(std::size_t count) {
  std::string lines;
  lines.reserve(count * (kMessageBytes + 1) + Decoder::kPadding);
  for (std::size_t i = 0; i < count; ++i) {
    Messages().append(lines, i);
    lines.push_back('\n');
  }
  return lines;
}

EncodedOperations encoded(Messages messages, std::uint64_t first, std::size_t count) {
  EncodedOperations out;
  Decoder decoder;
  std::string body;
  body.reserve(kMessageBytes + Decoder::kPadding);
  for (std::uint64_t i = first; i < first + count; ++i) {
    body.clear();
    messages.append(body, i);
    out.add_stored((*decoder.single(Kind::kUpsert, body, {}))[0]);
  }
  return out;
}

void decode_single(benchmark::State& state) {
  const std::string body = padded_lines(1);
  Decoder decoder;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder.single(Kind::kUpsert, body, {}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_single);

void decode_ndjson_1000(benchmark::State& state) {
  const std::string body = padded_lines(1000);
  Decoder decoder;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder.ndjson(Kind::kUpsert, body, {}));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(decode_ndjson_1000);

void write_row(benchmark::State& state) {
  const EncodedOperations operations = encoded(Messages(), 1, 1);
  std::string row;
  for (auto _ : state) {
    row.clear();
    append_operation_row(row, 1, {1'700'000'000, operations[0]});
    benchmark::DoNotOptimize(row);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_row);

void read_row(benchmark::State& state) {
  const std::string row = stored_row(1);
  for (auto _ : state) {
    const auto read = read_operation_row(1, row);
    benchmark::DoNotOptimize(Operation::parse(read->stored));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_row);

void compose_patch(benchmark::State& state) {
  const EncodedOperations operations = encoded(Messages(1), 1, 2);
  const Operation earlier = *Operation::parse(operations[0]);
  const Operation later = *Operation::parse(operations[1]);
  for (auto _ : state) {
    Patch patch;
    compose(patch, earlier.properties);
    compose(patch, later.properties);
    benchmark::DoNotOptimize(patch);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(compose_patch);

/// Operations as a window of the backlog gives them.
std::vector<Operation> parsed(const EncodedOperations& operations) {
  std::vector<Operation> out;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    out.push_back(*Operation::parse(operations[i]));
  }
  return out;
}

/// Plans a window and builds the bodies of as many requests as its items fill.
std::size_t plan_and_compose(const std::vector<Operation>& operations) {
  std::size_t bytes = 0;
  std::array<std::vector<RequestItem>, kKinds> requests;
  const auto build = [&](Kind kind) {
    auto& items = requests[index_of(kind)];
    bytes += batch_body(kind, items).size();
    items.clear();
  };
  for (const PlannedItem& planned : plan(operations, {}, {})) {
    auto& items = requests[index_of(planned.kind)];
    RequestItem& item = items.emplace_back();
    for (const std::uint32_t member : planned.members) item.push_back(&operations[member]);
    if (items.size() == PlanOptions().items_max) build(planned.kind);
  }
  build(Kind::kUpsert);
  build(Kind::kEvent);
  return bytes;
}

void plan_window(benchmark::State& state, Messages messages) {
  const EncodedOperations operations = encoded(messages, 1, kWindow);
  const std::vector<Operation> window = parsed(operations);
  for (auto _ : state) {
    benchmark::DoNotOptimize(plan_and_compose(window));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kWindow));
}
BENCHMARK_CAPTURE(plan_window, distinct, Messages())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_window, hot, Messages(kHotObjects))->Unit(benchmark::kMillisecond);

/// A directory that goes with its scope.
struct Directory {
  std::string path = (std::filesystem::temp_directory_path() / "flowmyna-micro-XXXXXX").string();
  Directory() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

/// 100,000 upserts of hot objects out of SQLite, in windows, parsed: what planning comes on top of.
void read_backlog_hot(benchmark::State& state) {
  const Directory directory;
  auto storage = *SqliteStorage::open({directory.path + "/outbox.db", 1ULL << 32, false});
  const EncodedOperations operations = encoded(Messages(kHotObjects), 1, kBacklog);
  if (!storage->begin() || !storage->append(operations, 1'700'000'000) || !storage->commit()) {
    state.SkipWithError("the outbox refuses the backlog");
  }
  for (auto _ : state) {
    Receipt after = 0;
    for (bool more = true; more;) {
      const Window window = *storage->read({after, {}, kWindow, 4U << 20});
      std::vector<Operation> read;
      for (const auto& row : window.rows()) read.push_back(*Operation::parse(window.stored(row)));
      benchmark::DoNotOptimize(read);
      after = window.rows().back().receipt;
      more = window.more;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBacklog));
}
BENCHMARK(read_backlog_hot)->Unit(benchmark::kMillisecond);

/// The rooms of the accept path, wired as the agent does. Nothing is delivered: what is counted is
/// that path alone.
struct AcceptPath {
  Directory directory;
  std::string socket = directory.path + "/s";
  SystemClock clock;
  Vault vault{*SqliteStorage::open({directory.path + "/outbox.db", 1ULL << 34, false}), {}};
  test::FakeDelivery delivery{vault};
  Router router{vault, delivery, clock};
  Result<std::unique_ptr<HttpServer>> server =
      HttpServer::open(vault.loop(), *listen_unix(socket, 0600, ""), {},
                       [this](const HttpRequest& request, Responder responder) {
                         router.handle(request, std::move(responder));
                       });
  ~AcceptPath() { (*server)->stop(); }
};

/// One writer through server, router and vault, into SQLite without syncs. The client is in this
/// process as well; what it allocates for its connection is shared by a thousand requests.
void accept_one(benchmark::State& state, std::size_t batch) {
  const AcceptPath path;
  const auto wire = http_wire(Messages(), batch);
  LoadOptions options;
  options.socket = path.socket;
  options.operations = 1000 * batch;
  std::uint64_t allocations = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const Allocations before = allocations_so_far();
    const auto result = run_load(options, *wire);
    if (!result) state.SkipWithError(result.error().message.c_str());
    const Allocations after = allocations_so_far();
    allocations += after.count - before.count;
    bytes += after.bytes - before.bytes;
  }
  const auto operations =
      static_cast<double>(state.iterations()) * static_cast<double>(options.operations);
  state.SetItemsProcessed(static_cast<std::int64_t>(operations));
  state.counters["allocations"] = static_cast<double>(allocations) / operations;
  state.counters["allocated_bytes"] = static_cast<double>(bytes) / operations;
}
BENCHMARK_CAPTURE(accept_one, single, std::size_t{1})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(accept_one, ndjson, std::size_t{100})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace flowmyna::bench

BENCHMARK_MAIN();
