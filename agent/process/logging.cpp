#include "agent/process/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "agent/process/log_sink.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

// Of the 5 s that the end may take: it is either done at once, or nobody reads.
constexpr std::chrono::milliseconds kLastLinesPatience{500};

/// %J: the message as a JSON string.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string text = json_string({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

/// %P: the priority prefix that the journal understands.
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    static constexpr std::string_view kPrefixes[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>"};
    const auto level = static_cast<std::size_t>(message.level);
    if (level >= std::size(kPrefixes)) return;
    out.append(kPrefixes[level].data(), kPrefixes[level].data() + kPrefixes[level].size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }
};

/// The variable is inherited by programs whose standard error leads elsewhere: it names the device
/// and the inode of what it is about (systemd.exec(5)).
bool is_journal(int fd) {
  const char* named = std::getenv("JOURNAL_STREAM");
  struct stat found {};
  if (named == nullptr || fstat(fd, &found) != 0) return false;
  return named == std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

const char* pattern_for(LogFormat format) {
  if (format == LogFormat::kJson)
    return R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%J})";
  return is_journal(STDERR_FILENO) ? "%P%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l: %v";
}

/// One for the life of the process: other threads may be logging while it is set up anew.
const std::shared_ptr<LogSink>& the_sink() {
  static const std::shared_ptr<LogSink> sink = LogSink::open(STDERR_FILENO);
  return sink;
}

}  // namespace

void set_up_logging(const LogConfig& config) {
  static const auto logger = std::make_shared<spdlog::logger>("agent", the_sink());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JsonMessage>('J').add_flag<JournalPriority>('P');
  formatter->set_pattern(pattern_for(config.format));
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(config.level));
  if (spdlog::default_logger() != logger) spdlog::set_default_logger(logger);
}

void finish_logging(const std::string& last_line) {
  if (!last_line.empty()) the_sink()->say(last_line + '\n');
  the_sink()->finish(kLastLinesPatience);
}

}  // namespace flowmyna
