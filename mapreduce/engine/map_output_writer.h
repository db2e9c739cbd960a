// Writes sorted records into the file that map_output_file.h reads. Spills and the intermediate
// results of a merge have the same form.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/map_output_file.h"

namespace quern::mr {

// Records come by partition and, within each, in order; the writer does not look. Used by one
// thread.
class MapOutputWriter {
 public:
  // Replaces what is at `path`.
  static absl::StatusOr<std::unique_ptr<MapOutputWriter>> Create(const std::string& path,
                                                                 const MapOutputIdentity& identity,
                                                                 uint32_t partitions, Codec codec);

  // `partition` never decreases. ResourceExhausted: the disk is full.
  absl::Status Append(uint32_t partition, std::string_view key, std::string_view value);
  // Bytes of the whole file.
  absl::StatusOr<uint64_t> Finish();
  uint64_t records() const { return records_; }

 private:
  MapOutputWriter(std::unique_ptr<File> file, uint32_t partitions, Codec codec);
  // Offset in the file of what is appended to the buffer next.
  uint64_t position() const { return flushed_ + size_; }
  absl::Status AppendLarge(std::string_view key, std::string_view value);
  absl::Status SwitchTo(uint32_t partition);
  void OpenBlock();
  absl::Status CloseBlock();
  absl::Status Flush();

  const std::unique_ptr<File> file_;
  const Codec codec_;
  std::vector<MapOutputFile::Partition> index_;
  uint32_t partition_ = 0;
  uint64_t records_ = 0;

  // Finished blocks and the open one, whose records start at block_ + kBlockHeaderBytes.
  std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;
  size_t block_ = 0;
  bool block_open_ = false;
  uint64_t flushed_ = 0;
  std::string compressed_;
};

}  // namespace quern::mr
