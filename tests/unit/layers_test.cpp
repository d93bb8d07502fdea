// Holds the layers apart, from the #include lines: ARCHITECTURE.md says why, this says what.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Names = std::vector<std::string_view>;

struct Source {
  std::string path;  ///< from the top of the checkout, as "lib/core/patch.h"
  std::string text;
};

bool starts_with_one_of(std::string_view text, const Names& beginnings) {
  return std::ranges::any_of(beginnings, [&](auto begin) { return text.starts_with(begin); });
}

bool is_one_of(std::string_view name, const Names& names) {
  return std::ranges::find(names, name) != names.end();
}

/// A folder and what its files may include of ours; the first that fits a path decides.
struct Layer {
  std::string_view folder;
  Names may_include;
};

const std::vector<Layer> kLayers = {
    {"include/flowmyna/", {"flowmyna/"}},
    {"lib/core/", {"core/"}},
    {"lib/loop/", {"loop/"}},
    // What stands above knows what stands below it: the outbox's file from the disk up.
    {"lib/outbox/disk/", {"outbox/disk/", "core/"}},
    {"lib/outbox/sqlite/", {"outbox/sqlite/", "outbox/disk/", "core/"}},
    {"lib/outbox/tables/", {"outbox/tables/", "outbox/sqlite/", "outbox/disk/", "core/"}},
    {"lib/outbox/salvage/",
     {"outbox/salvage/", "outbox/tables/", "outbox/sqlite/", "outbox/disk/", "core/"}},
    {"lib/outbox/file/",
     {"outbox/file/", "outbox/salvage/", "outbox/tables/", "outbox/sqlite/", "outbox/disk/",
      "outbox/storage.h", "core/"}},
    {"lib/outbox/", {"outbox/", "loop/", "core/"}},
    {"lib/delivery/", {"delivery/", "core/"}},
    {"lib/client/", {"client/", "flowmyna/", "core/"}},
    // flowmynactl talks to the socket alone: no outbox, no delivery, nothing that is the daemon's.
    {"agent/ctl/",
     {"agent/ctl/", "agent/process/standard_descriptors.h", "client/", "flowmyna/", "core/"}},
    {"agent/config/", {"agent/config/", "core/"}},
    {"agent/http/", {"agent/http/", "agent/config/", "loop/", "core/"}},
    // The routes know a request and its answer, and outbox and delivery by their interfaces: no
    // socket, no setting, no thread.
    {"agent/api/",
     {"agent/api/", "agent/http/message.h", "delivery/control.h", "delivery/dead_letter_retry.h",
      "delivery/delivery_status.h", "delivery/export_view.h", "delivery/waiters.h", "core/"}},
    {"agent/watch/", {"agent/watch/", "agent/config/", "core/"}},
    {"agent/process/", {"agent/process/", "agent/config/", "core/"}},
    // One type wires the concrete ones; beside it there is main alone.
    {"agent/agent.", {"agent/", "outbox/", "delivery/", "core/"}},
    {"agent/main.cpp", {"agent/"}},
};

/// A library's header, and the only places of the product that know it. Tests may know any.
struct Library {
  std::string_view header;
  Names only_in;
};

const std::vector<Library> kLibraries = {
    {"sqlite3.h", {"lib/outbox/"}},         {"curl/", {"lib/delivery/"}},
    {"microhttpd.h", {"agent/http/"}},      {"simdjson.h", {"lib/core/"}},
    {"toml++/", {"agent/config/"}},         {"CLI/", {"agent/main.cpp", "agent/ctl/"}},
    {"prometheus/", {"agent/api/metrics"}},
};

/// Beyond the standard library, what the two pure folders may include.
const Names kCoreLibraries = {"simdjson.h", "tl/expected.hpp", "time.h"};
const Names kPublicLibraries = {"stdbool.h", "stddef.h", "stdint.h"};

/// Of the standard library, what means threads, files, streams or the world outside.
const Names kNotInCore = {
    "atomic",       "barrier",    "condition_variable", "csignal", "cstdio", "filesystem",
    "fstream",      "future",     "iostream",           "latch",   "mutex",  "semaphore",
    "shared_mutex", "stop_token", "syncstream",         "thread"};

/// Calls that ask the world, whatever header they come from. <time.h> is there for timegm().
const Names kCallsNotInCore = {"_clock::now",   "clock_gettime", "gettimeofday", "getenv",
                               "random_device", "std::time(",    "localtime"};

/// "<name>" without a dot or a slash is the C++ standard library's.
bool is_standard(std::string_view header) {
  return header.find_first_of("./") == std::string_view::npos;
}

bool is_ours(std::string_view header) {
  return starts_with_one_of(header, {"agent/", "client/", "core/", "delivery/", "flowmyna/",
                                     "loop/", "outbox/", "bench/", "stand_in/", "fuzz/", "unit/"});
}

std::vector<std::string> included_headers(const std::string& text) {
  std::vector<std::string> headers;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t hash = line.find_first_not_of(" \t");
    if (hash == line.npos || line.compare(hash, 1, "#") != 0) continue;
    const std::size_t word = line.find("include", hash);
    const std::size_t open = line.find_first_of("<\"", hash);
    if (word == line.npos || open == line.npos) continue;
    const std::size_t close = line.find_first_of(">\"", open + 1);
    if (close != line.npos) headers.push_back(line.substr(open + 1, close - open - 1));
  }
  return headers;
}

/// Why a file of `path` may not include `header`; empty when it may.
std::string objection(const std::string& path, const std::string& header) {
  const auto layer = std::ranges::find_if(
      kLayers, [&](const Layer& candidate) { return path.starts_with(candidate.folder); });
  if (layer == kLayers.end()) return "";
  if (is_ours(header) && !starts_with_one_of(header, layer->may_include)) {
    return "is of another layer";
  }
  for (const Library& library : kLibraries) {
    if (header.starts_with(library.header) && !starts_with_one_of(path, library.only_in)) {
      return "is for " + std::string(library.only_in.front()) + " alone";
    }
  }
  if (path.starts_with("lib/core/")) {
    if (is_one_of(header, kNotInCore)) return "has no place in pure code";
    if (!is_ours(header) && !is_standard(header) && !is_one_of(header, kCoreLibraries)) {
      return "is beyond what pure code may know";
    }
  }
  if (path.starts_with("include/flowmyna/") && !is_ours(header) && !is_standard(header) &&
      !is_one_of(header, kPublicLibraries)) {
    return "would have to be installed at every application that uses the client";
  }
  return "";
}

/// One line for each breach, as "lib/core/patch.h: <thread> has no place in pure code".
std::vector<std::string> breaches(const Source& source) {
  std::vector<std::string> found;
  for (const std::string& header : included_headers(source.text)) {
    const std::string reason = objection(source.path, header);
    if (!reason.empty()) found.push_back(source.path + ": <" + header + "> " + reason);
  }
  if (source.path.starts_with("lib/core/")) {
    for (const std::string_view call : kCallsNotInCore) {
      if (source.text.find(call) == std::string::npos) continue;
      found.push_back(source.path + ": " + std::string(call) + " has no place in pure code");
    }
  }
  return found;
}

std::vector<Source> all_sources() {
  const std::filesystem::path top = FLOWMYNA_SOURCE_DIR;
  std::vector<Source> sources;
  for (const char* folder : {"include", "lib", "agent"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      std::ifstream file(entry.path());
      sources.push_back({std::filesystem::relative(entry.path(), top).string(),
                         {std::istreambuf_iterator<char>(file), {}}});
    }
  }
  return sources;
}

TEST(Layers, NoFileIncludesWhatItsLayerMayNotKnow) {
  const auto sources = all_sources();
  ASSERT_GT(sources.size(), 50U) << "not the whole checkout at " << FLOWMYNA_SOURCE_DIR;
  std::vector<std::string> found;
  for (const Source& source : sources)
    std::ranges::copy(breaches(source), std::back_inserter(found));
  EXPECT_EQ(found, std::vector<std::string>{});
}

TEST(Layers, EveryFolderOfTheLibraryHasARule) {
  for (const auto& source : all_sources()) {
    EXPECT_TRUE(std::ranges::any_of(kLayers, [&](const Layer& layer) {
      return source.path.starts_with(layer.folder);
    })) << source.path;
  }
}

TEST(Layers, ABreachOfEachRuleIsReported) {
  const std::vector<Source> wrong = {
      {"include/flowmyna/client.h", "#include \"core/result.h\""},
      {"include/flowmyna/client.h", "#include <tl/expected.hpp>"},
      {"lib/core/patch.h", "#include <thread>"},
      {"lib/core/patch.cpp", "#  include <fstream>"},
      {"lib/core/patch.cpp", "#include <sys/socket.h>"},
      {"lib/core/patch.cpp", "#include <zlib.h>"},
      {"lib/core/patch.cpp", "#include \"outbox/vault.h\""},
      {"lib/core/backoff.cpp", "const auto now = std::chrono::steady_clock::now();"},
      {"lib/outbox/vault.h", "#include \"delivery/foreman.h\""},
      {"lib/outbox/vault.h", "#include \"agent/config.h\""},
      {"lib/delivery/foreman.h", "#include \"outbox/vault.h\""},
      {"lib/delivery/foreman.cpp", "#include <sqlite3.h>"},
      {"lib/outbox/vault.cpp", "#include <curl/curl.h>"},
      {"lib/client/client.cpp", "#include <curl/curl.h>"},
      {"lib/loop/event_loop.h", "#include \"core/clock.h\""},
      {"lib/outbox/disk/reserve.h", "#include \"outbox/sqlite/sqlite.h\""},
      {"lib/outbox/sqlite/sqlite.h", "#include \"outbox/tables/row.h\""},
      {"lib/outbox/tables/row.h", "#include \"outbox/salvage/salvage.h\""},
      {"lib/outbox/salvage/salvage.h", "#include \"outbox/storage.h\""},
      {"lib/outbox/file/backup.h", "#include \"outbox/vault.h\""},
      {"agent/api/router.cpp", "#include <microhttpd.h>"},
      {"agent/api/router.cpp", "#include \"outbox/vault.h\""},
      {"agent/api/router.cpp", "#include \"delivery/foreman.h\""},
      {"agent/api/router.cpp", "#include \"agent/http/http_server.h\""},
      {"agent/api/router.cpp", "#include \"agent/config/config.h\""},
      {"agent/http/http_server.h", "#include \"agent/api/router.h\""},
      {"agent/http/http_server.h", "#include \"outbox/vault.h\""},
      {"agent/config/config.h", "#include \"agent/http/listen.h\""},
      {"agent/watch/surroundings.h", "#include \"agent/agent.h\""},
      {"agent/process/limits.h", "#include \"agent/watch/watch_loop.h\""},
      {"agent/main.cpp", "#include \"outbox/vault.h\""},
      {"agent/ctl/session.cpp", "#include \"agent/config/config.h\""},
  };
  for (const Source& source : wrong) {
    EXPECT_EQ(breaches(source).size(), 1U) << source.path << ": " << source.text;
  }
}

TEST(Layers, WhatTheRulesAllowIsNotReported) {
  const std::vector<Source> right = {
      {"include/flowmyna/client.h", "#include <string>\n#include \"flowmyna/value.h\""},
      {"lib/core/patch.cpp", "#include <simdjson.h>\n#include <chrono>"},
      {"lib/outbox/sqlite.cpp",
       "#include <sqlite3.h>\n#include <thread>\n#include \"core/outbox.h\""},
      {"agent/http/http_server.cpp", "#include <microhttpd.h>"},
      {"agent/agent.cpp", "#include \"outbox/vault.h\"\n#include \"delivery/transport.h\""},
      {"lib/core/patch.cpp", "// std::mutex is mentioned, <mutex> is not included"},
  };
  for (const Source& source : right) {
    EXPECT_EQ(breaches(source), std::vector<std::string>{}) << source.text;
  }
}

}  // namespace
