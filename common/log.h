// Structured log: one line per event on stderr, an event name and fields.
//
//   LogInfo("chunk_sealed", {{"chunk", id}, {"bytes", n}, {"status", status}});
//   2026-11-22T20:58:01.123Z I chunk_sealed chunk=0x2a bytes=17 status=OK
//
// Values may be anything that fmt prints, an absl::Status, Time or Duration. Thread-safe.
#pragma once

#include <absl/time/time.h>
#include <fmt/format.h>

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern {

enum class LogFormat { kText, kJson };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  template <typename T>
  requires(!std::is_arithmetic_v<T>) LogField(std::string_view field, const T& value)
      : key(field), text(fmt::format("{}", value)) {}
  template <typename T>
  requires std::is_arithmetic_v<T> LogField(std::string_view field, T value)
      : key(field), text(fmt::format("{}", value)), bare(true) {}
  LogField(std::string_view field, const absl::Status& status);
  LogField(std::string_view field, absl::Duration duration);
  LogField(std::string_view field, absl::Time time);

  std::string_view key;
  std::string text;
  bool bare = false;  // a number or a truth value: no quotes in JSON
};
using LogFields = std::initializer_list<LogField>;

void LogDebug(std::string_view event, LogFields fields = {});
void LogInfo(std::string_view event, LogFields fields = {});
void LogWarning(std::string_view event, LogFields fields = {});
void LogError(std::string_view event, LogFields fields = {});

// For the whole process; text and info at first.
void SetLogFormat(LogFormat format);
void SetLogLevel(LogLevel level);

// One line as it is written, without time and level: for tests and for pages.
std::string FormatLogLine(LogFormat format, std::string_view event, LogFields fields);

}  // namespace quern
