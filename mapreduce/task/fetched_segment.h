// The bytes of one map output's partition as they arrive: in memory, or in a range of a scratch
// file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/block_checker.h"
#include "mapreduce/engine/run_reader.h"

namespace quern::mr {

// Divides the memory of a shuffle and owns its scratch file. Used by one thread.
class SegmentSpace {
 public:
  SegmentSpace(std::string scratch_dir, uint64_t memory_bytes)
      : scratch_dir_(std::move(scratch_dir)), memory_bytes_(memory_bytes) {}

  // True when so many bytes may stay in memory; they are counted then, with what a run itself
  // takes.
  bool TakeMemory(uint64_t bytes);
  void ReturnMemory(uint64_t bytes) { memory_used_ -= CostOf(bytes); }
  struct FileRange {
    std::shared_ptr<File> file;
    uint64_t offset = 0;
  };
  // A new range of the scratch file, which has no name and goes away with its last user.
  absl::StatusOr<FileRange> TakeFileRange(uint64_t bytes);

 private:
  // A run with its reader, besides the bytes; of an empty one nothing is kept.
  static uint64_t CostOf(uint64_t bytes) { return bytes == 0 ? 0 : bytes + 512; }

  const std::string scratch_dir_;
  const uint64_t memory_bytes_;
  uint64_t memory_used_ = 0;
  std::shared_ptr<File> file_;
  uint64_t file_bytes_ = 0;
};

class FetchedSegment {
 public:
  // The whole size is known with the first message.
  static absl::StatusOr<std::unique_ptr<FetchedSegment>> Create(SegmentSpace* space, uint64_t size);
  // Null when there is no memory left for it.
  static std::unique_ptr<FetchedSegment> CreateInMemory(SegmentSpace* space, uint64_t size);
  ~FetchedSegment();

  // At most what is missing. DataLoss: the bytes are not those that the map task wrote; the segment
  // is useless then. ResourceExhausted: this machine's disk is full.
  absl::Status Append(std::string_view bytes);
  uint64_t size() const { return size_; }
  uint64_t received() const { return received_; }
  bool complete() const { return received_ == size_; }
  // After completion; the segment is used up. Memory stays counted until it is returned.
  SortedRun TakeRun();

 private:
  FetchedSegment(SegmentSpace* space, uint64_t size) : space_(space), size_(size) {}

  SegmentSpace* const space_;
  const uint64_t size_;
  uint64_t received_ = 0;
  BlockChecker checker_;
  std::shared_ptr<std::string> memory_;
  SegmentSpace::FileRange range_;
};

}  // namespace quern::mr
