#include "agent/process/limits.h"

#include <gtest/gtest.h>

namespace flowmyna::test {
namespace {

constexpr rlim_t kMany = 1'000'000;

class LimitsTest : public testing::Test {
 protected:
  LimitsTest() {
    config.listen.max_connections = 512;
    config.api.max_in_flight = 8;
    config.outbox.max_size_bytes = 1ULL << 30U;
  }
  /// Fits to limits on the number of open files; what went wrong.
  std::string fit_files(rlim_t soft, rlim_t hard) {
    limits = {{soft, hard}, {RLIM_INFINITY, RLIM_INFINITY}};
    const auto fitted = fit(limits, config);
    return fitted ? "" : fitted.error().message;
  }

  Config config;
  ProcessLimits limits;
};

TEST_F(LimitsTest, ASoftLimitThatIsTooLowIsRaisedToWhatIsNeeded) {
  EXPECT_EQ(fit_files(256, kMany), "");
  EXPECT_GE(limits.open_files.rlim_cur, 512U + 8U);
  EXPECT_LT(limits.open_files.rlim_cur, 1000U);
  EXPECT_EQ(config.listen.max_connections, 512U);
  EXPECT_TRUE(config.warnings.empty());
}

TEST_F(LimitsTest, ALimitThatIsHighEnoughStays) {
  EXPECT_EQ(fit_files(4096, kMany), "");
  EXPECT_EQ(limits.open_files.rlim_cur, 4096U);
  EXPECT_EQ(fit_files(RLIM_INFINITY, RLIM_INFINITY), "");
  EXPECT_EQ(limits.open_files.rlim_cur, RLIM_INFINITY);
}

TEST_F(LimitsTest, AHardLimitThatIsTooLowLeavesFewerConnectionsAndSaysSo) {
  EXPECT_EQ(fit_files(100, 256), "");
  EXPECT_EQ(limits.open_files.rlim_cur, 256U);
  EXPECT_EQ(config.listen.max_connections, 160U);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(config.warnings.front(),
            "listen.max_connections is 160 instead of 512, since this process may open only 256 "
            "files (RLIMIT_NOFILE); raise the hard limit, LimitNOFILE= in the systemd unit or "
            "`ulimit -Hn`, to 608");
}

TEST_F(LimitsTest, AHardLimitThatLeavesNothingIsRefused) {
  EXPECT_EQ(
      fit_files(60, 60),
      "this process may open only 60 files (RLIMIT_NOFILE); raise the hard limit, "
      "LimitNOFILE= in the systemd unit or `ulimit -Hn`, to 608, or to 104 at the very least");
  EXPECT_EQ(fit_files(104, 104), "");
  EXPECT_EQ(config.listen.max_connections, 8U);
}

TEST_F(LimitsTest, AFileThatMayNotGrowToTheQuotaIsSaid) {
  limits = {{kMany, kMany}, {RLIM_INFINITY, RLIM_INFINITY}};
  ASSERT_TRUE(fit(limits, config));
  EXPECT_TRUE(config.warnings.empty());
  limits.file_bytes = {1024, RLIM_INFINITY};
  ASSERT_TRUE(fit(limits, config));
  EXPECT_TRUE(config.warnings.empty());
  EXPECT_EQ(limits.file_bytes.rlim_cur, 1ULL << 30U);
  limits.file_bytes = {1024, 64U << 20U};
  ASSERT_TRUE(fit(limits, config));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_NE(config.warnings.front().find("beyond 64MiB (RLIMIT_FSIZE)"), std::string::npos)
      << config.warnings.front();
  EXPECT_EQ(limits.file_bytes.rlim_cur, 64U << 20U);
}

}  // namespace
}  // namespace flowmyna::test
