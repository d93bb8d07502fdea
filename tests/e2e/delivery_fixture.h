#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {

inline constexpr const char* kObjectBatch = "/object/batch";
inline constexpr const char* kEventBatch = "/event/batch";

/// What became of all that was accepted.
struct Fates {
  std::size_t accepted = 0;
  std::size_t pending = 0;
  std::size_t delivered = 0;
  std::size_t dead = 0;
  std::size_t dropped = 0;
  std::size_t lost = 0;
  std::size_t duplicates_possible = 0;
};

/// The base of tests about what becomes of operations. Whatever a test does, at its end each
/// operation has to have exactly one fate.
class DeliveryTest : public testing::Test {
 protected:
  void TearDown() override;

  /// An operation as a writer spells it, on an object of type T.
  static std::string upsert(const std::string& id, const std::string& properties = "{}");
  static std::string event(const std::string& name, const std::string& id);
  /// `count` of them, on objects of their own, called `prefix` and a number.
  static std::vector<std::string> upserts(std::size_t count, const std::string& prefix);
  static std::vector<std::string> events(std::size_t count, const std::string& prefix);

  /// Writes operations of one kind at once; fails the test unless all are accepted.
  void write_upserts(const std::vector<std::string>& items) { write("/object/batch", items); }
  void write_events(const std::vector<std::string>& items) { write("/event/batch", items); }
  /// What `write_all` writes is all there before anything of it is planned.
  template <class WriteAll>
  void together(WriteAll write_all) {
    rig_.post("/agent/v1/pause", "");
    write_all();
    rig_.post("/agent/v1/resume", "");
  }

  Fates fates();
  std::size_t delivered() { return fates().delivered; }
  std::size_t stuck();
  std::string state_of(std::size_t receipt);
  void wait_for_delivered(std::size_t count);
  /// Waits, without hurrying anything, until everything that was accepted is settled.
  void wait_for_the_end();
  void wait_for_endpoint_state(const std::string& endpoint, const std::string& state);

  WireLog wire() const { return WireLog::read(rig_); }
  std::size_t requests(const char* path) const { return wire().count(path); }
  /// How often the API has recorded each event, by name.
  std::map<std::string, std::size_t> recorded() const;
  Json object_at_api(const std::string& id) const;

  /// Runs flowmynactl; what it printed. Fails the test unless it succeeds.
  std::string ctl(const std::vector<std::string>& arguments);

  Rig rig_;

 private:
  void write(const std::string& path, const std::vector<std::string>& items);
};

}  // namespace flowmyna::test
