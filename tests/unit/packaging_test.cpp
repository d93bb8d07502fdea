// What users read of the configuration, held against what the program does.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "agent/config/config.h"

namespace flowmyna {
namespace {

const std::filesystem::path kPackaging = std::filesystem::path(FLOWMYNA_SOURCE_DIR) / "packaging";

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The service's surroundings: its own user, no key.
Environment environment_of_root() {
  Environment environment;
  environment.euid = 0;
  return environment;
}

/// Loads the sample with every commented-out key in force.
Result<Config> load_uncommented_sample() {
  static const std::regex kCommentedKey("(^|\n)#([a-z_]+ = )");
  const std::string text =
      std::regex_replace(contents(kPackaging / "agent.toml"), kCommentedKey, "$1$2");
  const auto file = std::filesystem::path(testing::TempDir()) / "uncommented-agent.toml";
  std::ofstream(file) << text;
  auto config = load_config(file, environment_of_root());
  std::filesystem::remove(file);
  return config;
}

TEST(SampleConfiguration, IsInEffectTheDefaultsAsRootWouldHaveThem) {
  const auto sample = load_config(kPackaging / "agent.toml", environment_of_root());
  ASSERT_TRUE(sample.has_value()) << sample.error().message;
  EXPECT_EQ(describe(*sample), describe(*load_config(std::nullopt, environment_of_root())));
}

TEST(SampleConfiguration, ShowsTheTrueDefaultOfEveryCommentedKey) {
  const auto sample = load_uncommented_sample();
  ASSERT_TRUE(sample.has_value()) << sample.error().message;
  EXPECT_EQ(describe(*sample), describe(*load_config(std::nullopt, environment_of_root())));
}

/// "[api]" and "url = ...", each a line, as the program itself describes its configuration.
std::vector<std::string> described_lines() {
  std::istringstream text(describe(*load_config(std::nullopt, environment_of_root())));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
  }
  return lines;
}

std::string key_of(const std::string& line) {
  return line.substr(0, line.find(" ="));
}

TEST(SampleConfiguration, NamesEveryKeyOnce) {
  const std::string sample = contents(kPackaging / "agent.toml");
  for (const std::string& line : described_lines()) {
    if (line.starts_with('[')) continue;
    const std::regex named("\n#?" + key_of(line) + " = ");
    EXPECT_EQ(std::distance(std::sregex_iterator(sample.begin(), sample.end(), named), {}), 1)
        << line;
  }
}

TEST(ManualPage, NamesEveryKeyAndItsDefault) {
  std::string page = contents(kPackaging / "man/agent.toml.5");
  page = std::regex_replace(page, std::regex(R"(\\\(dq)"), "\"");
  for (const std::string& line : described_lines()) {
    // The two defaults that depend on who runs it are described in words.
    const bool depends = line.starts_with("socket = ") || line.starts_with("path = ");
    const std::string wanted = line.starts_with('[') ? ".SH " + line + "\n"
                               : depends             ? ".B " + key_of(line) + "\n"
                                                     : ".B " + line + "\n";
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  }
}

}  // namespace
}  // namespace flowmyna
