#include "agent/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/agent/http/raw_client.h"

namespace flowmyna::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kKey = "fm_live_0123456789abcdefghijklmnopqrst-_";

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    environment_.euid = 1000;
    environment_.variables = {{"HOME", "/home/shop"}, {"XDG_RUNTIME_DIR", "/run/user/1000"}};
    environment_.find_user = [](const std::string& name) {
      return name == "shop" ? std::optional<uid_t>(1234) : std::nullopt;
    };
  }

  std::filesystem::path write(const char* name, const std::string& content, mode_t mode = 0600) {
    const std::filesystem::path path = scratch_ / name;
    std::ofstream(path, std::ios::binary) << content;
    chmod(path.c_str(), mode);
    return path;
  }

  Result<Config> load(const std::string& toml) {
    return load_config(write("agent.toml", toml), environment_);
  }

  /// The message for this file, with the scratch directory left out of it.
  std::string error_of(const std::string& toml) {
    const auto config = load(toml);
    if (config) return "(no error)";
    EXPECT_EQ(config.error().kind, Error::Kind::kInvalid);
    EXPECT_EQ(config.error().message.find('\n'), std::string::npos);
    return without_directory(config.error().message);
  }

  /// Why there is no key, and that this is all there is to it.
  std::string problem_of(const std::string& toml) {
    const auto config = load(toml);
    if (!config) return "(error) " + config.error().message;
    EXPECT_TRUE(config->api.key.empty());
    return without_directory(config->api.key_problem);
  }

  std::string without_directory(std::string message) const {
    const std::string directory = (scratch_ / "").string();
    for (std::size_t at; (at = message.find(directory)) != std::string::npos;) {
      message.erase(at, directory.size());
    }
    return message;
  }

  ScratchDirectory scratch_;
  Environment environment_;
  std::vector<std::string> unused_;
};

TEST_F(ConfigTest, WithoutAFileTheDefaultsHold) {
  const auto config = load_config(std::nullopt, environment_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(describe(*config), R"([api]
url = "https://api.flowmyna.com/api/public/v1"
# the API key is not set
key_file = ""
connect_timeout = "10s"
request_timeout = "1m"
max_in_flight = 8
max_requests_per_minute = 1000
ca_file = ""
proxy = ""
allow_insecure = false

[listen]
socket = "/run/user/1000/flowmyna-agent/agent.sock"
socket_mode = "0660"
socket_group = ""
tcp = ""
max_body = "16MiB"
max_connections = 512
allow_users = []

[outbox]
path = "/home/shop/.local/state/flowmyna-agent"
max_size = "1GiB"
max_damaged = 1
durability = "full"
on_clone = "keep"

[delivery]
linger = "200ms"
batch_items = 100
batch_bytes = "1MiB"
latest_types = []
on_unknown = "resend"
retry_initial = "1s"
retry_max = "5m"
dead_letter_after = "1h"

[log]
level = "info"
format = "text"
)");
}

TEST_F(ConfigTest, ReadsEveryKeyAndDescribesItAsWritten) {
  const std::string key_file = write("key", std::string(kKey) + "\n");
  const std::string ca_file = write("ca.pem", "x");
  const std::string toml = R"([api]
url = "https://api.example.com/v1"
# the API key is set
key_file = ")" + key_file +
                           R"("
connect_timeout = "3s"
request_timeout = "1500ms"
max_in_flight = 50
max_requests_per_minute = 0
ca_file = ")" + ca_file + R"("
proxy = "http://proxy:3128"
allow_insecure = true

[listen]
socket = "/run/x/a \"quoted\\\" name.sock"
socket_mode = "0600"
socket_group = "shop"
tcp = "127.0.0.1:8765"
max_body = "1KiB"
max_connections = 1
allow_users = [1234, 1001]

[outbox]
path = "/var/lib/x"
max_size = "64MiB"
max_damaged = 3
durability = "relaxed"
on_clone = "discard"

[delivery]
linger = "0ms"
batch_items = 1
batch_bytes = "512KiB"
latest_types = ["Customer", "Grüße"]
on_unknown = "hold"
retry_initial = "2s"
retry_max = "1h"
dead_letter_after = "0ms"

[log]
level = "debug"
format = "json"
)";
  const auto config = load(toml);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(describe(*config), toml);
  EXPECT_EQ(config->api.key.reveal(), kKey);
  EXPECT_EQ(config->listen.socket_mode, 0600U);
  EXPECT_EQ(config->warnings, std::vector<std::string>{});
}

TEST_F(ConfigTest, UserNamesBecomeIds) {
  const auto config = load("[listen]\nallow_users = [\"shop\", 7]\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.allow_users, (std::vector<uid_t>{1234, 7}));
}

TEST_F(ConfigTest, AnOctalNumberIsASocketModeToo) {
  const auto config = load("[listen]\nsocket_mode = 0o666\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.socket_mode, 0666U);
}

TEST_F(ConfigTest, RelativePathsStartAtTheFile) {
  write("key", kKey);
  const auto config = load("[api]\nkey_file = \"key\"\n[outbox]\npath = \"state\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api.key.reveal(), kKey);
  EXPECT_EQ(config->outbox.path, scratch_ / "state");
}

TEST_F(ConfigTest, AnEmptyFileIsFine) {
  EXPECT_EQ(error_of(""), "(no error)");
}

TEST_F(ConfigTest, RootsPathsAreTheSystems) {
  environment_.euid = 0;
  EXPECT_EQ(default_socket_path(environment_), "/run/flowmyna-agent/agent.sock");
  EXPECT_EQ(default_state_directory(environment_), "/var/lib/flowmyna-agent");
}

TEST_F(ConfigTest, TheSocketIsWhereTheEnvironmentHasClientsLookForIt) {
  environment_.variables["FLOWMYNA_SOCKET"] = "/tmp/mine.sock";
  EXPECT_EQ(default_socket_path(environment_), "/tmp/mine.sock");
  environment_.euid = 0;
  EXPECT_EQ(default_socket_path(environment_), "/tmp/mine.sock");
  const auto config = load("[listen]\nsocket = \"/run/s\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.socket, "/run/s");
}

TEST_F(ConfigTest, FollowsTheXdgDirectories) {
  environment_.variables["XDG_STATE_HOME"] = "/data/state";
  EXPECT_EQ(default_state_directory(environment_), "/data/state/flowmyna-agent");
  environment_.variables["XDG_STATE_HOME"] = "relative/ignored";
  EXPECT_EQ(default_state_directory(environment_), "/home/shop/.local/state/flowmyna-agent");
  environment_.variables["XDG_RUNTIME_DIR"] = "";
  EXPECT_EQ(default_socket_path(environment_), "/home/shop/.local/state/flowmyna-agent/agent.sock");
}

TEST_F(ConfigTest, WithoutAHomeThePathsMustBeGiven) {
  environment_.variables.clear();
  EXPECT_EQ(error_of(""),
            "neither HOME nor XDG_STATE_HOME is set: set one of them, or set outbox.path and "
            "listen.socket in the configuration");
  EXPECT_EQ(error_of("[listen]\nsocket = \"/run/s\"\n[outbox]\npath = \"/var/o\"\n"), "(no error)");
}

// ---- the file ----

TEST_F(ConfigTest, AMissingFileIsAnError) {
  const auto config = load_config(scratch_ / "no.toml", environment_);
  ASSERT_FALSE(config);
  EXPECT_EQ(without_directory(config.error().message),
            "cannot read the configuration no.toml: No such file or directory; check the path "
            "given with --config");
}

TEST_F(ConfigTest, ADirectoryIsNoFile) {
  std::filesystem::create_directory(scratch_ / "d");
  const auto config = load_config(scratch_ / "d", environment_);
  ASSERT_FALSE(config);
  EXPECT_EQ(without_directory(config.error().message),
            "cannot read the configuration d: Is a directory; check the path given with --config");
}

TEST_F(ConfigTest, BrokenTomlNamesTheLine) {
  const std::string message = error_of("[log]\nlevel = info\n");
  EXPECT_TRUE(message.starts_with("the configuration is not valid TOML at agent.toml:2: "))
      << message;
  EXPECT_TRUE(message.ends_with("; strings need quotes, as in \"30s\"")) << message;
}

TEST_F(ConfigTest, AnUnknownKeyNamesTheNearestKnownOne) {
  EXPECT_EQ(error_of("[api]\n\nmax_inflight = 3\n"),
            "unknown key 'api.max_inflight' at agent.toml:3; did you mean 'max_in_flight'?");
  EXPECT_EQ(error_of("[delivery]\nonunknown = \"hold\"\n"),
            "unknown key 'delivery.onunknown' at agent.toml:2; did you mean 'on_unknown'?");
  EXPECT_EQ(error_of("[api]\nkey = \"x\"\n"),
            "unknown key 'api.key' at agent.toml:2; did you mean 'key_file'?");
}

TEST_F(ConfigTest, AKeyInTheWrongSectionIsToldTheRightOne) {
  EXPECT_EQ(error_of("[api]\nlinger = \"1s\"\n"),
            "unknown key 'api.linger' at agent.toml:2; did you mean '[delivery] linger'?");
  EXPECT_EQ(error_of("url = \"https://x\"\n"),
            "unknown key 'url' at agent.toml:1; did you mean '[api] url'?");
}

TEST_F(ConfigTest, AnUnknownSectionNamesTheNearestKnownOne) {
  EXPECT_EQ(error_of("[log]\n[deliver]\nlinger = \"1s\"\n"),
            "unknown section '[deliver]' at agent.toml:2; did you mean '[delivery]'?");
}

TEST_F(ConfigTest, AValueOfTheWrongTypeIsToldTheRightOne) {
  EXPECT_EQ(error_of("[api]\nmax_in_flight = \"8\"\n"),
            "'api.max_in_flight' at agent.toml:2 must be a whole number, not a string");
  EXPECT_EQ(error_of("[api]\nmax_in_flight = 1.5\n"),
            "'api.max_in_flight' at agent.toml:2 must be a whole number, not a fraction");
  EXPECT_EQ(error_of("[api]\nconnect_timeout = 30\n"),
            "'api.connect_timeout' at agent.toml:2 must be a duration in quotes, like \"30s\", not "
            "a whole number");
  EXPECT_EQ(error_of("[outbox]\nmax_size = 1000\n"),
            "'outbox.max_size' at agent.toml:2 must be a size in quotes, like \"64MiB\", not a "
            "whole number");
  EXPECT_EQ(error_of("[api]\nallow_insecure = \"yes\"\n"),
            "'api.allow_insecure' at agent.toml:2 must be true or false, not a string");
  EXPECT_EQ(error_of("[api]\nurl = true\n"),
            "'api.url' at agent.toml:2 must be a URL in quotes, not true or false");
  EXPECT_EQ(error_of("[api]\nproxy = [\"a\"]\n"),
            "'api.proxy' at agent.toml:2 must be a string in quotes, not a list");
  EXPECT_EQ(error_of("[outbox]\npath = 1979-05-27\n"),
            "'outbox.path' at agent.toml:2 must be a path in quotes, not a date or time");
  EXPECT_EQ(error_of("[outbox.path]\nx = 1\n"),
            "'outbox.path' at agent.toml:1 must be a path in quotes, not a section");
  EXPECT_EQ(error_of("[delivery]\nlatest_types = \"Customer\"\n"),
            "'delivery.latest_types' at agent.toml:2 must be a list of object types, like "
            "[\"Customer\"]");
  EXPECT_EQ(error_of("[delivery]\nlatest_types = [\"\"]\n"),
            "'delivery.latest_types' at agent.toml:2 must be a list of object types, like "
            "[\"Customer\"]");
}

TEST_F(ConfigTest, ABadUnitIsToldTheGoodOnes) {
  EXPECT_EQ(
      error_of("[api]\nrequest_timeout = \"30\"\n"),
      "'api.request_timeout' at agent.toml:2: '30' is not a duration: write a whole number and "
      "a unit, like \"250ms\", \"30s\", \"5m\" or \"1h\"");
  EXPECT_EQ(
      error_of("[outbox]\nmax_size = \"1GB\"\n"),
      "'outbox.max_size' at agent.toml:2: '1GB' is not a size: write a whole number and a unit, "
      "like \"100B\", \"512KiB\", \"64MiB\" or \"1GiB\"");
}

TEST_F(ConfigTest, AValueOutOfRangeIsToldTheRange) {
  EXPECT_EQ(error_of("[delivery]\nbatch_items = 101\n"),
            "'delivery.batch_items' at agent.toml:2 must be from 1 to 100, not 101");
  EXPECT_EQ(error_of("[delivery]\nbatch_items = 0\n"),
            "'delivery.batch_items' at agent.toml:2 must be from 1 to 100, not 0");
  EXPECT_EQ(error_of("[api]\nmax_requests_per_minute = -1\n"),
            "'api.max_requests_per_minute' at agent.toml:2 must be from 0 to 1000000, not -1");
  EXPECT_EQ(error_of("[api]\nconnect_timeout = \"0s\"\n"),
            "'api.connect_timeout' at agent.toml:2 must be from \"10ms\" to \"5m\", not \"0s\"");
  EXPECT_EQ(error_of("[delivery]\ndead_letter_after = \"721h\"\n"),
            "'delivery.dead_letter_after' at agent.toml:2 must be from \"0ms\" to \"720h\", not "
            "\"721h\"");
  EXPECT_EQ(error_of("[listen]\nmax_body = \"2GiB\"\n"),
            "'listen.max_body' at agent.toml:2 must be from \"1KiB\" to \"1GiB\", not \"2GiB\"");
}

TEST_F(ConfigTest, AWrongChoiceIsToldTheRightOnes) {
  EXPECT_EQ(error_of("[delivery]\non_unknown = \"drop\"\n"),
            "'delivery.on_unknown' at agent.toml:2 must be \"resend\" or \"hold\", not \"drop\"");
  EXPECT_EQ(
      error_of("[outbox]\ndurability = 1\n"),
      "'outbox.durability' at agent.toml:2 must be \"full\" or \"relaxed\", not a whole number");
  EXPECT_EQ(error_of("[log]\nlevel = \"verbose\"\n"),
            "'log.level' at agent.toml:2 must be \"trace\", \"debug\", \"info\", \"warn\", "
            "\"error\", \"critical\" or \"off\", not \"verbose\"");
}

TEST_F(ConfigTest, ASocketModeIsOctal) {
  for (const char* mode : {"660", "\"rw\"", "\"0999\"", "\"01777\"", "\"\"", "-1", "true"}) {
    EXPECT_EQ(
        error_of("[listen]\nsocket_mode = " + std::string(mode) + "\n"),
        "'listen.socket_mode' at agent.toml:2 must be the permissions in octal, like \"0660\"")
        << mode;
  }
}

TEST_F(ConfigTest, AllowedUsersMustExist) {
  EXPECT_EQ(error_of("[listen]\nallow_users = [\"nobody-here\"]\n"),
            "'listen.allow_users' at agent.toml:2 names the user 'nobody-here', who does not exist "
            "here: create the user or remove the name");
  for (const char* users : {"\"shop\"", "[true]", "[-1]", "[4294967295]"}) {
    EXPECT_EQ(error_of("[listen]\nallow_users = " + std::string(users) + "\n"),
              "'listen.allow_users' at agent.toml:2 must be a list of user names or ids, like "
              "[\"shop\", 1001]")
        << users;
  }
}

TEST_F(ConfigTest, TheLongestWaitIsNotShorterThanTheFirst) {
  EXPECT_EQ(error_of("[delivery]\nretry_initial = \"10s\"\nretry_max = \"5s\"\n"),
            "'delivery.retry_max' at agent.toml:3: retry_max (\"5s\") must not be less than "
            "retry_initial (\"10s\")");
  EXPECT_EQ(error_of("[delivery]\nretry_initial = \"10m\"\n"),
            "'delivery.retry_initial' at agent.toml:2: retry_max (\"5m\") must not be less than "
            "retry_initial (\"10m\")");
}

// ---- the API ----

TEST_F(ConfigTest, TheVariableForTheUrlWins) {
  environment_.variables["FLOWMYNA_API_URL"] = "http://127.0.0.1:9999/api/public/v1/";
  const auto config = load("[api]\nurl = \"https://x.example\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api.url, "http://127.0.0.1:9999/api/public/v1");
}

TEST_F(ConfigTest, AUrlMustBeABase) {
  const auto of = [&](const std::string& url) {
    return error_of("[api]\nurl = \"" + url + "\"\n");
  };
  EXPECT_EQ(of("api.flowmyna.com"),
            "'api.url' at agent.toml:2 must be a URL that begins with https://, like "
            "\"https://api.flowmyna.com/api/public/v1\"");
  EXPECT_EQ(of(""), of("ftp://x"));
  EXPECT_EQ(of("https://user:secret@x/v1"),
            "'api.url' at agent.toml:2 must not contain a user or password; the key goes into "
            "api.key_file");
  EXPECT_EQ(of("https://x/v1?a=b"),
            "'api.url' at agent.toml:2 must be a base URL without white space, '?' or '#'");
  EXPECT_EQ(of("https:///v1"),
            "'api.url' at agent.toml:2 has no host; write it like "
            "\"https://api.flowmyna.com/api/public/v1\"");
  environment_.variables["FLOWMYNA_API_URL"] = "nonsense";
  EXPECT_EQ(error_of(""),
            "FLOWMYNA_API_URL must be a URL that begins with https://, like "
            "\"https://api.flowmyna.com/api/public/v1\"");
}

TEST_F(ConfigTest, PlainHttpIsForLoopbackOnly) {
  EXPECT_EQ(
      error_of("[api]\nurl = \"http://api.example.com:80/v1\"\n"),
      "'api.url' at agent.toml:2 would send the API key unencrypted to 'api.example.com': use "
      "https://, or set allow_insecure = true in [api] if that network is trusted");
  EXPECT_NE(error_of("[api]\nurl = \"http://127.0.0.1.example.com\"\n"), "(no error)");
  for (const char* url : {"http://localhost:1", "http://127.0.0.1", "http://[::1]:8080/v1"}) {
    EXPECT_EQ(error_of("[api]\nurl = \"" + std::string(url) + "\"\n"), "(no error)") << url;
  }
  EXPECT_EQ(error_of("[api]\nurl = \"http://api.example.com\"\nallow_insecure = true\n"),
            "(no error)");
}

TEST_F(ConfigTest, AFileOfAuthoritiesThatIsOfNoUseYetIsWarnedAbout) {
  const auto warning_of = [&] {
    const auto config = load("[api]\nca_file = \"ca.pem\"\n");
    return config && config->warnings.size() == 1 ? without_directory(config->warnings[0])
                                                  : "(no warning)";
  };
  constexpr const char* kUntil = "; until it holds certificates, nothing is delivered over https";
  EXPECT_EQ(warning_of(),
            std::string("cannot read api.ca_file ca.pem: No such file or directory") + kUntil);
  write("ca.pem", "");
  EXPECT_EQ(warning_of(), std::string("api.ca_file ca.pem is empty") + kUntil);
  write("ca.pem", "x");
  EXPECT_EQ(warning_of(), "(no warning)");
  std::filesystem::remove(scratch_ / "ca.pem");
  std::filesystem::create_directory(scratch_ / "ca.pem");
  EXPECT_EQ(warning_of(), std::string("cannot read api.ca_file ca.pem: Is a directory") + kUntil);
}

TEST_F(ConfigTest, DescribeMasksTheCredentialsOfAProxy) {
  const auto config = load("[api]\nproxy = \"http://me:pass@proxy:3128\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_NE(describe(*config).find("proxy = \"http://***@proxy:3128\"\n"), std::string::npos);
  EXPECT_EQ(config->api.proxy, "http://me:pass@proxy:3128");
}

// ---- the key ----

TEST_F(ConfigTest, TheVariableForTheKeyWinsAndTheFileIsNotRead) {
  environment_.variables["FLOWMYNA_API_KEY"] = kKey;
  const auto config = load("[api]\nkey_file = \"missing\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api.key.reveal(), kKey);
}

TEST_F(ConfigTest, NoKeyIsNoError) {
  const auto config = load("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->api.key.empty());
}

TEST_F(ConfigTest, TheKeyNeverShows) {
  environment_.variables["FLOWMYNA_API_KEY"] = kKey;
  const auto config = load("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(describe(*config).find("fm_live_"), std::string::npos);
  EXPECT_NE(describe(*config).find("# the API key is set\n"), std::string::npos);
}

TEST_F(ConfigTest, AKeyFileThatIsOfNoUseYetKeepsOnlyDeliveryFromStarting) {
  EXPECT_EQ(problem_of("[api]\nkey_file = \"missing\"\n"),
            "the key file missing does not exist yet: create it, or correct api.key_file");
  EXPECT_EQ(problem_of("[api]\nkey_file = \"missing/directory/key\"\n"),
            "the key file missing/directory/key does not exist yet: create it, or correct "
            "api.key_file");
  std::filesystem::create_directory(scratch_ / "d");
  EXPECT_EQ(problem_of("[api]\nkey_file = \"d\"\n"),
            "cannot read the key file d: Is a directory; correct api.key_file");
  write("big", std::string(5000, 'x'));
  EXPECT_EQ(problem_of("[api]\nkey_file = \"big\"\n"),
            "the key file big is larger than 4096 bytes: api.key_file must name a file with "
            "nothing but the key");
}

TEST_F(ConfigTest, AKeyFileThatMayNotBeReadSaysWhoShould) {
  const auto key_file = write("key", kKey, 0);
  const uid_t own = geteuid();
  constexpr uid_t kNobody = 65534;
  if (own == 0) {  // who may read everything
    chmod((scratch_ / "").c_str(), 0755);
    ASSERT_EQ(seteuid(kNobody), 0);
  }
  const auto key = load_key_file(key_file, unused_);
  ASSERT_EQ(seteuid(own), 0);
  ASSERT_FALSE(key);
  EXPECT_EQ(without_directory(key.error().message), "the key file key cannot be read: allow uid " +
                                                        std::to_string(own == 0 ? kNobody : own) +
                                                        " to read it");
}

TEST_F(ConfigTest, AKeyFileThatIsAPipeHoldsNothingUp) {
  ASSERT_EQ(mkfifo((scratch_ / "pipe").c_str(), 0600), 0);
  EXPECT_NE(problem_of("[api]\nkey_file = \"pipe\"\n"), "");
}

TEST_F(ConfigTest, WhyThereIsNoKeyIsDescribedInAComment) {
  const auto config = load("[api]\nkey_file = \"missing\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_NE(
      without_directory(describe(*config))
          .find("\n# the API key is not set: the key file missing does not exist yet: create it, "
                "or correct api.key_file\nkey_file = \"missing\"\n"),
      std::string::npos);
}

TEST_F(ConfigTest, AKeyFileThatOthersCanReadIsWarnedAbout) {
  write("key", std::string(kKey) + "\r\n", 0640);
  const auto config = load("[api]\nkey_file = \"key\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api.key.reveal(), kKey);
  ASSERT_EQ(config->warnings.size(), 1U);
  EXPECT_EQ(without_directory(config->warnings[0]),
            "the key file key can be read by other users: chmod 600 key");
}

TEST_F(ConfigTest, AKeyOfTheWrongShapeIsNotTakenNorShown) {
  constexpr const char* kShape =
      "; a key is 40 characters: \"fm_live_\" and 32 letters, digits, '-' or '_'";
  const auto of = [&](const std::string& key) {
    environment_.variables["FLOWMYNA_API_KEY"] = key;
    return problem_of("");
  };
  EXPECT_EQ(of("fm_live_tooshort"),
            std::string("the API key from FLOWMYNA_API_KEY has 16 characters") + kShape);
  EXPECT_EQ(
      of("sk_test_0123456789abcdefghijklmnopqrstuv"),
      std::string("the API key from FLOWMYNA_API_KEY does not begin with \"fm_live_\"") + kShape);
  EXPECT_EQ(of("fm_live_0123456789abcdefghijklmnopqrst v"),
            std::string("the API key from FLOWMYNA_API_KEY contains a character that no key has") +
                kShape);
  environment_.variables.erase("FLOWMYNA_API_KEY");
  write("key", "\n");
  EXPECT_EQ(problem_of("[api]\nkey_file = \"key\"\n"),
            std::string("the API key from api.key_file (key) is empty") + kShape);
}

// ---- Secret ----

TEST(Secret, EqualsOnlyTheWholeText) {
  const Secret secret(kKey);
  const std::string key = kKey;
  EXPECT_TRUE(secret.equals(key));
  EXPECT_FALSE(secret.equals(key + "x"));
  EXPECT_FALSE(secret.equals(key.substr(0, 39)));
  EXPECT_FALSE(secret.equals(""));
  EXPECT_FALSE(secret.equals("Fm_live_" + key.substr(8)));
}

TEST(Secret, AnEmptyOneEqualsNothing) {
  EXPECT_FALSE(Secret().equals(""));
  EXPECT_FALSE(Secret().equals("x"));
}

TEST(Secret, MovesAndCopies) {
  Secret first(kKey);
  const Secret copy = first;
  Secret second = std::move(first);
  EXPECT_EQ(copy.reveal(), kKey);
  EXPECT_EQ(second.reveal(), kKey);
  second = Secret("other");
  EXPECT_EQ(second.reveal(), "other");
}

}  // namespace
}  // namespace flowmyna::test
