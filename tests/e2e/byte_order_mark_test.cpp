// Some editors put a byte order mark in front of UTF-8. It is no part of what was written.

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

const std::string kMark = "\xef\xbb\xbf";
constexpr const char* kApi = "/api/public/v1";

class ByteOrderMark : public DeliveryTest {
 protected:
  void SetUp() override { rig_.start_agent(); }
  std::string file_with(const std::string& text) const {
    const std::string file = rig_.directory() + "/import.ndjson";
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
};

TEST_F(ByteOrderMark, IsSkippedInABody) {
  const std::string batch = R"({"objects":[)" + upsert("b") + "]}";
  EXPECT_EQ(rig_.post(kApi + std::string("/object/upsert"), kMark + upsert("a")).status, 200);
  EXPECT_EQ(rig_.post(kApi + std::string(kObjectBatch), kMark + batch).status, 200);
  const HttpReply lines =
      rig_.post(kApi + std::string(kObjectBatch), kMark + upsert("c") + "\n" + upsert("d"),
                {"Content-Type: application/x-ndjson"});
  EXPECT_EQ(Json::parse(lines.body)["processed"], 2) << lines.body;
  rig_.drain();
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_FALSE(object_at_api(id).is_null()) << id;
}

TEST_F(ByteOrderMark, IsSkippedInAnImport) {
  const std::string text = kMark + upsert("a") + "\n" + event("E", "a") + "\n";
  const std::string printed = ctl({"import", file_with(text)});
  EXPECT_NE(printed.find("queued 1 objects and 1 events\n"), std::string::npos) << printed;
  rig_.drain();
  EXPECT_EQ(recorded()["E"], 1U);
}

TEST_F(ByteOrderMark, IsSkippedInFrontOfAnExport) {
  rig_.post("/agent/v1/pause", "");
  write_upserts({upsert("a"), upsert("b")});
  const std::string exported = rig_.directory() + "/export.ndjson";
  ctl({"export", "--move", exported});
  EXPECT_EQ(fates().pending, 0U);
  std::string text = kMark;
  std::ifstream in(exported, std::ios::binary);
  for (std::string line; std::getline(in, line);) text += line + "\n";
  ctl({"import", file_with(text)});
  EXPECT_EQ(fates().pending, 2U);
  rig_.post("/agent/v1/resume", "");
  rig_.drain();
}

}  // namespace
}  // namespace flowmyna::test
