#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace flowmyna::bench {

/// SQLite through its C API and nothing else: the limit of everything that keeps rows in it. The
/// agent's table in a log of the agent's settings, one prepared statement, `synchronous=FULL`.
class BareDatabase {
 public:
  static Result<BareDatabase> open(const std::string& path);

  Result<void> begin();
  Result<void> insert(std::string_view row);
  Result<void> commit();

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Connection = std::unique_ptr<sqlite3, Close>;
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  Result<void> run(const Statement& statement) const;
  Result<Statement> prepare(const char* sql) const;

  Connection connection_;
  Statement begin_;
  Statement insert_;
  Statement commit_;
  std::int64_t last_ = 0;
};

struct SqliteFigures {
  double rows_per_s = 0;
  double written_bytes_per_row = 0;  ///< to disk, the last checkpoint included
  double cpu_us_per_row = 0;
};

/// The agent's rows, `rows_per_commit` at a time, into a database in `directory` that is removed
/// afterwards.
Result<SqliteFigures> measure_sqlite(const std::string& directory, unsigned rows_per_commit,
                                     std::chrono::nanoseconds duration);

}  // namespace flowmyna::bench
