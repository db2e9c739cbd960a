#include "common/storage/rocks_info_log.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "common/log.h"

namespace quern {

void RocksInfoLog::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level > rocksdb::InfoLogLevel::FATAL_LEVEL) {
    return;
  }
  std::array<char, 1024> text;  // what is longer is cut
  std::vsnprintf(text.data(), text.size(), format, arguments);
  const std::string_view line = text.data();
  if (level == rocksdb::InfoLogLevel::WARN_LEVEL) {
    LogWarning("rocksdb", {{"text", line}});
  } else {
    LogError("rocksdb", {{"text", line}});
  }
}

}  // namespace quern
