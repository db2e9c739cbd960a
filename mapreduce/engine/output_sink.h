// Writes what a reducer, or the mapper of a map-only job, emits to the task's output file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/status.h"
#include "mapreduce/api/emit_buffer.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

enum class OutputFormat {
  kText,  // key TAB value LF; without the TAB when the value is empty
  kRaw,   // value LF
};
absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view name);

// Opens no window: each record is formatted at once into a large buffer. Errors are thrown as
// EngineError out of Append and returned by Close. Used by one thread.
class OutputSink final : public EmitBuffer {
 public:
  // `steps`, if any, counts pieces that were handed to the file.
  OutputSink(std::unique_ptr<WritableFile> file, OutputFormat format, WorkSteps* steps = nullptr);

  // The file is durable and visible when this returns OK.
  absl::Status Close();

  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_ + size_; }
  uint32_t crc() const { return crc_; }  // CRC32C of the file; after Close

 private:
  void AppendSlow(std::string_view key, std::string_view value) override;
  void Put(std::string_view bytes);
  void PutByte(char byte);
  void Flush();
  void Write(std::string_view bytes);

  const std::unique_ptr<WritableFile> file_;
  const OutputFormat format_;
  WorkSteps* const steps_;
  const std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;
  uint64_t bytes_ = 0;  // handed to file_
  uint64_t records_ = 0;
  uint32_t crc_ = 0;
  absl::Status status_;
};

}  // namespace quern::mr
