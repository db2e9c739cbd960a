// Writes what a reducer, or the mapper of a map-only job, emits to the task's output file.
#pragma once

#include <cstdint>
#include <memory>

#include "common/status.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/output_file.h"
#include "mapreduce/engine/record_writer.h"

namespace quern::mr {

// Opens no window: each record is formatted at once. Errors are thrown as EngineError out of Append
// and returned by Close. Used by one thread.
class OutputSink final : public EmitBuffer {
 public:
  // The writer writes to the file.
  OutputSink(std::unique_ptr<OutputFile> file, std::unique_ptr<RecordWriter> writer)
      : file_(std::move(file)), writer_(std::move(writer)) {}

  // The file is durable and visible when this returns OK.
  absl::Status Close();

  uint64_t records() const { return records_; }
  uint64_t bytes() const { return file_->bytes(); }
  uint32_t crc() const { return file_->crc(); }  // CRC32C of the file; after Close

 private:
  void AppendSlow(std::string_view key, std::string_view value) override;

  const std::unique_ptr<OutputFile> file_;
  const std::unique_ptr<RecordWriter> writer_;
  uint64_t records_ = 0;
  absl::Status status_;
};

}  // namespace quern::mr
