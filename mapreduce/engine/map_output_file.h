// The output of one map attempt: all its records, sorted, one run per reduce partition, in one
// file.
//
//   header = "QRNMOUT1" | u32 map task | u32 attempt | u32 size of job id | job id | u32 CRC32C
//   blocks of partition 0, of partition 1, ...                               (block.h)
//   index  = { u64 offset | u64 bytes | u64 records } per partition
//   footer = u64 index offset | u32 partitions | u32 CRC32C of index and these 12 bytes |
//   "QRNMOUT1"
//
// The header says whose output it is, so that a reader which opened the file directly knows that it
// has the right one. The file is not synced: what a power cut leaves of it fails its checksums, and
// the map task runs again. docs/formats/map-output.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/storage/file_io.h"

namespace quern::mr {

struct MapOutputIdentity {
  std::string job_id;
  uint32_t map_task = 0;
  uint32_t attempt = 0;
  bool operator==(const MapOutputIdentity&) const = default;
};

// Name of the file in the attempt's scratch directory.
inline constexpr char kMapOutputName[] = "output.data";

// An open output. Thread-safe; readers share it.
class MapOutputFile {
 public:
  struct Partition {
    uint64_t offset = 0;
    uint64_t bytes = 0;  // of its blocks, served as they are: each carries its own checksum
    uint64_t records = 0;
  };

  // DataLoss when header, index or footer are damaged.
  static absl::StatusOr<std::shared_ptr<MapOutputFile>> Open(const std::string& path);

  const MapOutputIdentity& identity() const { return identity_; }
  uint32_t partitions() const { return static_cast<uint32_t>(index_.size()); }
  // p < partitions().
  const Partition& partition(uint32_t p) const { return index_[p]; }
  const std::shared_ptr<File>& file() const { return file_; }

 private:
  MapOutputFile() = default;
  absl::Status ReadHeader();
  absl::Status ReadIndex();

  std::shared_ptr<File> file_;
  MapOutputIdentity identity_;
  std::vector<Partition> index_;
};

namespace map_output_format {

inline constexpr char kMagic[] = "QRNMOUT1";
inline constexpr size_t kMagicBytes = 8;
inline constexpr size_t kFooterBytes = 24;
inline constexpr size_t kIndexEntryBytes = 24;

std::string EncodeHeader(const MapOutputIdentity& identity);
std::string EncodeIndexAndFooter(const std::vector<MapOutputFile::Partition>& index,
                                 uint64_t index_offset);

}  // namespace map_output_format

}  // namespace quern::mr
