// What RocksDB has to say goes to the log of the process, from warnings on.
//
// Its own log is a file beside the database, and a line that does not fit on a full disk ends the
// process with the next one, by an assertion.
#pragma once

#include <rocksdb/env.h>

#include <cstdarg>

namespace quern {

class RocksInfoLog final : public rocksdb::Logger {
 public:
  RocksInfoLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  // Without a level: the header of a log file, which there is not.
  void Logv(const char*, va_list) override {}
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
};

}  // namespace quern
