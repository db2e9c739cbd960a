#include "common/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>

namespace quern {
namespace {

std::atomic<LogFormat> current_format{LogFormat::kText};

void SetPattern(spdlog::logger* logger, LogFormat format) {
  const char* pattern = format == LogFormat::kText
                            ? "%Y-%m-%dT%H:%M:%S.%eZ %L %v"
                            : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
}

spdlog::logger* Logger() {
  // Never deleted: threads may log until the very end of the process.
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("quern", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    SetPattern(made, LogFormat::kText);
    return made;
  }();
  return logger;
}

std::string QuoteJson(std::string_view text) {
  // The strict handler throws on file names that are not UTF-8.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Plain words stay bare, so that lines can be read; anything else is quoted and escaped, so that a
// line stays one line.
std::string QuoteText(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \"=\\\t\r\n") == std::string_view::npos;
  bool printable = true;
  for (const char c : text) printable = printable && static_cast<unsigned char>(c) >= 0x20;
  return plain && printable ? std::string(text) : QuoteJson(text);
}

void Write(spdlog::level::level_enum level, std::string_view event, LogFields fields) {
  spdlog::logger* const logger = Logger();
  if (!logger->should_log(level)) return;
  logger->log(level, "{}", FormatLogLine(current_format, event, fields));
}

}  // namespace

LogField::LogField(std::string_view field, const absl::Status& status)
    : key(field),
      text(status.ok()
               ? "OK"
               : fmt::format("{}: {}", absl::StatusCodeToString(status.code()), Message(status))) {}
LogField::LogField(std::string_view field, absl::Duration duration)
    : key(field), text(absl::FormatDuration(duration)) {}
LogField::LogField(std::string_view field, absl::Time time)
    : key(field), text(absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone())) {}

std::string FormatLogLine(LogFormat format, std::string_view event, LogFields fields) {
  std::string line = format == LogFormat::kText ? std::string(event)
                                                : fmt::format("\"event\":{}", QuoteJson(event));
  for (const LogField& field : fields) {
    if (format == LogFormat::kText) {
      line += fmt::format(" {}={}", field.key, field.bare ? field.text : QuoteText(field.text));
    } else {
      line += fmt::format(",{}:{}", QuoteJson(field.key),
                          field.bare ? field.text : QuoteJson(field.text));
    }
  }
  return line;
}

void LogDebug(std::string_view event, LogFields fields) {
  Write(spdlog::level::debug, event, fields);
}
void LogInfo(std::string_view event, LogFields fields) {
  Write(spdlog::level::info, event, fields);
}
void LogWarning(std::string_view event, LogFields fields) {
  Write(spdlog::level::warn, event, fields);
}
void LogError(std::string_view event, LogFields fields) {
  Write(spdlog::level::err, event, fields);
}

void SetLogFormat(LogFormat format) {
  current_format = format;
  SetPattern(Logger(), format);
}

void SetLogLevel(LogLevel level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  Logger()->set_level(kLevels[static_cast<int>(level)]);
}

}  // namespace quern
