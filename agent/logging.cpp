#include "agent/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "core/json_text.h"

namespace flowmyna {
namespace {

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

const char* pattern_for(LogFormat format) {
  if (format == LogFormat::kJson)
    return R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%J})";
  const bool under_systemd = std::getenv("JOURNAL_STREAM") != nullptr;
  return under_systemd ? "%P%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l: %v";
}

}  // namespace

void set_up_logging(const LogConfig& config) {
  auto logger =
      std::make_shared<spdlog::logger>("agent", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JsonMessage>('J').add_flag<JournalPriority>('P');
  formatter->set_pattern(pattern_for(config.format));
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(config.level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace flowmyna
