#include "bench/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

namespace flowmyna::bench {
namespace {

constexpr double kBlockBytes = 512;  // of ru_oublock, whatever the disk's own blocks are

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<Process> Process::start(const std::vector<std::string>& command,
                               const std::map<std::string, std::string>& environment,
                               const std::string& log_path) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> assignments;
  for (char** entry = environ; *entry != nullptr; ++entry) assignments.emplace_back(*entry);
  for (const auto& [name, value] : environment) assignments.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(assignments);

  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(log);
  if (pid < 0) return fail(Error::Kind::kIo, std::string("cannot fork: ") + std::strerror(errno));
  return Process(pid, log_path);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_path_(std::move(other.log_path_)),
      totals_(other.totals_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(log_path_, other.log_path_);
  std::swap(totals_, other.totals_);
  return *this;
}

Process::~Process() {
  stop(SIGKILL);
}

bool Process::reap(int options) {
  if (pid_ <= 0) return true;
  int status = 0;
  rusage used{};
  if (::wait4(pid_, &status, options, &used) != pid_) return false;
  totals_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  totals_.written_bytes = static_cast<double>(used.ru_oublock) * kBlockBytes;
  pid_ = -1;
  return true;
}

bool Process::is_running() {
  return !reap(WNOHANG);
}

Totals Process::stop(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
  reap(0);
  return totals_;
}

Usage Process::usage() const {
  return usage_of(pid_);
}

Memory Process::memory() const {
  return memory_of(pid_);
}

std::string Process::log() const {
  std::ostringstream text;
  text << std::ifstream(log_path_).rdbuf();
  return text.str();
}

Usage usage_of(pid_t pid) {
  clockid_t clock = 0;
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return {};
  return {std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec)};
}

Memory memory_of(pid_t pid) {
  Memory memory;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string name;
    double kib = 0;
    fields >> name >> kib;
    if (name == "VmRSS:") memory.resident = kib * 1024;
    if (name == "RssAnon:") memory.anonymous = kib * 1024;
  }
  return memory;
}

}  // namespace flowmyna::bench
