// A backup that nobody goes on reading. It is given up after a minute, which this has to wait for.

#include <filesystem>
#include <string>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

class AbandonedBackup : public DeliveryTest {
 protected:
  bool is_there() const {
    return fs::exists(fs::path(rig_.outbox_file()).replace_filename("outbox.db.backup"));
  }
  int backup() {
    ChildProcess process(
        {FLOWMYNACTL, "--socket", rig_.socket(), "backup", rig_.directory() + "/backup.db"}, {},
        rig_.directory() + "/ctl.log");
    return process.wait();
  }
};

TEST_F(AbandonedBackup, LeavesNothingForLong) {
  rig_.start_agent();
  const auto begun = rig_.post("/agent/v1/backups", "");
  ASSERT_EQ(begun.status, 200) << begun.body;
  ASSERT_TRUE(is_there());
  EXPECT_EQ(backup(), 1) << "that one is in its way";
  rig_.wait_until("it is given up", [&] { return !is_there(); });
  EXPECT_EQ(backup(), 0);
}

}  // namespace
}  // namespace flowmyna::test
