#include "e2e/wire_log.h"

#include <gtest/gtest.h>
#include <time.h>

#include <map>

namespace flowmyna::test {
namespace {

constexpr std::string_view kBase = "/api/public/v1";

/// `2025-01-31T12:00:00.123Z`
std::int64_t to_unix_ms(const std::string& text) {
  tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S.", &parts);
  EXPECT_NE(rest, nullptr) << text;
  return rest == nullptr ? 0 : timegm(&parts) * 1000 + std::atoi(rest);
}

WireEntry to_entry(const Json& logged) {
  WireEntry entry;
  entry.number = logged["n"];
  entry.path = logged["path"];
  if (entry.path.starts_with(kBase)) entry.path.erase(0, kBase.size());
  if (logged["key"].is_string()) entry.key = logged["key"];
  entry.body_hash = logged["body_hash"];
  entry.body_bytes = logged["body_bytes"];
  entry.status = logged["status"];
  entry.items = logged["items"];
  entry.applied = logged["applied"];
  entry.unix_ms = to_unix_ms(logged["time"]);
  return entry;
}

}  // namespace

WireLog WireLog::read(const Rig& rig, std::uint64_t since) {
  WireLog log;
  const Json shown = rig.sim("/sim/requests?since=" + std::to_string(since));
  EXPECT_EQ(shown["dropped"], 0);
  for (const Json& logged : shown["requests"]) log.entries_.push_back(to_entry(logged));
  return log;
}

std::vector<WireEntry> WireLog::to(const std::string& path) const {
  std::vector<WireEntry> out;
  for (const WireEntry& entry : entries_) {
    if (entry.path == path) out.push_back(entry);
  }
  return out;
}

void WireLog::expect_resends_are_equal() const {
  std::map<std::string, std::string> hashes;
  for (const WireEntry& entry : entries_) {
    if (entry.key.empty() || entry.body_bytes == 0) continue;
    const auto [known, is_new] = hashes.emplace(entry.key, entry.body_hash);
    EXPECT_EQ(known->second, entry.body_hash) << "request " << entry.number << ", " << entry.key;
  }
}

}  // namespace flowmyna::test
