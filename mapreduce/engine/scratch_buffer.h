// Bytes that may grow beyond memory: a long line, a whole file, a large key.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "common/storage/mapped_range.h"

namespace quern::mr {

// Up to a limit in memory, then in an unnamed file of the scratch directory that is shown as a
// mapped view: its pages belong to the file cache and not to the task's memory.
class ScratchBuffer {
 public:
  ScratchBuffer(std::string scratch_dir, size_t memory_bytes)
      : scratch_dir_(std::move(scratch_dir)), memory_bytes_(memory_bytes) {}
  ~ScratchBuffer() { Clear(); }
  ScratchBuffer(const ScratchBuffer&) = delete;
  ScratchBuffer& operator=(const ScratchBuffer&) = delete;

  // ResourceExhausted: the disk is full.
  absl::Status Append(std::string_view bytes);
  uint64_t size() const { return file_ == nullptr ? memory_.size() : file_bytes_; }
  bool empty() const { return size() == 0; }
  // Everything, valid until the next change.
  absl::StatusOr<std::string_view> View();
  void Clear();

 private:
  absl::Status MoveToFile();

  const std::string scratch_dir_;
  const size_t memory_bytes_;
  std::string memory_;
  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  MappedRange mapping_;
};

}  // namespace quern::mr
