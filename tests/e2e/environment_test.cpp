// What the agent is started with that libcurl would listen to: only its configuration says where
// the key goes.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "e2e/rig.h"
#include "unit/delivery/loopback_peer.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";

TEST(Environment, BringsInNoProxyAndNoLogOfKeys) {
  Rig rig;
  const LoopbackPeer proxy;
  const std::string secrets = rig.directory() + "/secrets";
  std::map<std::string, std::string> environment{{"SSLKEYLOGFILE", secrets}};
  for (const char* name :
       {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    environment[name] = "http://127.0.0.1:" + std::to_string(proxy.port());
  }
  rig.set_launch({}, environment);
  rig.start_agent();
  ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
  rig.drain();
  EXPECT_LT(proxy.accept_one(0), 0) << "something went to the proxy";
  EXPECT_FALSE(std::filesystem::exists(secrets));
}

TEST(Environment, LeavesAFileOfAuthoritiesThatIsNotThereToBeNamed) {
  Rig rig;
  const std::string plain = rig.api_url();
  rig.set_api_url("https" + plain.substr(plain.find(':')));
  const std::string file = rig.directory() + "/ca.pem";
  rig.start_agent("api.ca_file = \"" + file + "\"\n");
  ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a"})").status, 200);
  rig.wait_until("the status says why", [&] {
    return rig.status()["delivery"]["last_error"].dump().find("api.ca_file " + file) !=
           std::string::npos;
  });
  EXPECT_EQ(rig.status()["outbox"]["pending"], 1);
}

}  // namespace
}  // namespace flowmyna::test
