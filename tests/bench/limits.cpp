#include "bench/bare_database.h"
#include "bench/disk.h"
#include "bench/suite.h"

namespace flowmyna::bench {

Result<void> measure_sqlite_rows(Bench& bench, const std::string& prefix, unsigned rows) {
  bench.progress(prefix);
  const auto measured = measure_sqlite(bench.place.data, rows, in_ns(bench.sizes.load_s));
  if (!measured) return tl::make_unexpected(measured.error());
  bench.figures.add(prefix + ".rows_per_s", measured->rows_per_s);
  bench.figures.add(prefix + ".written_bytes_per_row", measured->written_bytes_per_row);
  bench.figures.add(prefix + ".cpu_us_per_row", measured->cpu_us_per_row);
  return {};
}

Result<void> measure_limits(Bench& bench) {
  const std::pair<const char*, DiskWrite> ways[] = {{"growing", DiskWrite::kGrowing},
                                                    {"preallocated", DiskWrite::kPreallocated},
                                                    {"overwritten", DiskWrite::kOverwritten}};
  const auto duration = in_ns(bench.sizes.load_s);
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    for (const auto& [name, way] : ways) {
      const std::string prefix = std::string("disk.") + name;
      bench.progress(prefix);
      auto latencies = measure_disk(bench.place.data, way, duration);
      if (!latencies) return tl::make_unexpected(latencies.error());
      bench.figures.add(prefix + ".p50_ms", latencies->percentile_ms(50));
      bench.figures.add(prefix + ".p99_ms", latencies->percentile_ms(99));
    }
    for (const unsigned rows : {1U, 8U, 64U, 512U, 1000U, 4096U}) {
      auto done = measure_sqlite_rows(bench, "sqlite." + std::to_string(rows), rows);
      if (!done) return done;
    }
  }
  return {};
}

}  // namespace flowmyna::bench
