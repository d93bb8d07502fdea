#include "e2e/rig.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

namespace flowmyna::test {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);

std::string make_directory() {
  std::string path = std::filesystem::temp_directory_path() / "flowmyna-e2e-XXXXXX";
  return mkdtemp(path.data());
}

/// What makes tests quick, except where `settings` has a value of its own.
std::string defaults_beside(const std::string& settings) {
  std::string lines;
  for (const std::string line :
       {"delivery.retry_initial = \"50ms\"", "delivery.retry_max = \"500ms\"",
        "delivery.linger = \"20ms\"", "api.max_requests_per_minute = 0"}) {
    if (settings.find(line.substr(0, line.find('='))) == std::string::npos) lines += line + "\n";
  }
  return lines;
}

}  // namespace

Rig::Rig(std::vector<std::string> sim_arguments, std::vector<std::string> sim_prefix)
    : directory_(make_directory()), socket_(directory_ + "/agent.sock") {
  std::vector<std::string> command = std::move(sim_prefix);
  command.insert(command.end(), {FLOWMYNA_SIM, "--key", kKey});
  command.insert(command.end(), sim_arguments.begin(), sim_arguments.end());
  sim_ = std::make_unique<ChildProcess>(command, std::map<std::string, std::string>{},
                                        directory_ + "/sim.log");
  static const std::regex kReady("ready api=(\\S+) admin=(\\S+)");
  std::smatch match;
  std::string log;
  wait_until("the stand-in is ready", [&] {
    log = sim_->log();
    return std::regex_search(log, match, kReady);
  });
  api_url_ = match[1];
  admin_url_ = match[2];
}

Rig::~Rig() {
  if (testing::Test::HasFailure() && agent_) {
    std::fprintf(stderr, "--- the agent's log\n%s---\n", agent_->log().c_str());
  }
  agent_.reset();
  sim_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Rig::spawn_agent(const std::string& settings) {
  is_to_run_ = false;
  const std::string file = directory_ + "/agent.toml";
  std::ofstream(file) << defaults_beside(settings) << "listen.socket = \"" << socket() << "\"\n"
                      << "outbox.path = \"" << directory_ << "/state\"\n"
                      << settings;
  std::vector<std::string> command = launch_prefix_;
  command.insert(command.end(), {FLOWMYNA_AGENT, "--config", file});
  std::map<std::string, std::string> environment = launch_environment_;
  environment["FLOWMYNA_API_KEY"] = kKey;
  environment["FLOWMYNA_API_URL"] = api_url_;
  agent_ = std::make_unique<ChildProcess>(command, environment, directory_ + "/agent.log");
}

void Rig::start_agent(const std::string& settings) {
  spawn_agent(settings);
  wait_until("the agent answers", [&] {
    EXPECT_TRUE(agent_->is_running()) << agent_->log();
    return !agent_->is_running() || get("/agent/v1/status").status == 200;
  });
  is_to_run_ = true;
}

void Rig::kill_agent() {
  is_to_run_ = false;
  agent_->signal(SIGKILL);
  agent_->wait();
}

int Rig::stop_agent() {
  is_to_run_ = false;
  agent_->signal(SIGTERM);
  return agent_->wait();
}

std::unique_ptr<Http> Rig::connect() const {
  return std::make_unique<Http>("http://agent", socket());
}

Json Rig::status() {
  const HttpReply reply = get("/agent/v1/status");
  EXPECT_EQ(reply.status, 200) << reply.error << reply.body;
  return Json::parse(reply.body);
}

std::unique_ptr<Http> Rig::connect_to_sim() const {
  static const std::string kUnix = "unix:";
  if (!admin_url_.starts_with(kUnix)) return std::make_unique<Http>(admin_url_, "");
  return std::make_unique<Http>("http://sim", admin_url_.substr(kUnix.size()));
}

std::string Rig::sim_text(const std::string& path) const {
  return connect_to_sim()->get(path).body;
}

void Rig::set_faults(const std::string& rules) const {
  const HttpReply reply = connect_to_sim()->post("/sim/faults", rules);
  EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
}

void Rig::clear_faults() const {
  const HttpReply reply = connect_to_sim()->request("DELETE", "/sim/faults", nullptr);
  EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
}

void Rig::set_dialect(const std::string& document) const {
  const HttpReply reply = connect_to_sim()->request("PUT", "/sim/dialect", &document);
  EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
}

void Rig::drain() {
  post("/agent/v1/flush", "");
  wait_until("everything is settled",
             [this] { return status()["outbox"]["pending"].get<int>() == 0; });
}

void Rig::wait_until(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    const std::string gone = ended_by_itself();
    if (!gone.empty() || std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain until " << what << gone;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// What cannot come any more is not waited for.
std::string Rig::ended_by_itself() {
  if (!sim_->is_running()) return ": the stand-in has ended: " + sim_->log();
  if (is_to_run_ && !agent_->is_running()) return ": the agent has ended";
  return "";
}

}  // namespace flowmyna::test
