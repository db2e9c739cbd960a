// Reads one sorted run: the blocks of one partition of one map output.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "common/storage/mapped_range.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/key_prefix.h"

namespace quern::mr {

// Where a run lies: a range of a file, or memory. Copies share it. `map_task` and `attempt` name
// whose output it is, so that damage can be reported; merged runs have none.
struct SortedRun {
  std::shared_ptr<File> file;
  uint64_t offset = 0;
  std::shared_ptr<const std::string> memory;
  uint64_t bytes = 0;
  bool packed = false;  // of one in memory: blocks have to be unpacked
  std::optional<uint32_t> map_task = std::nullopt;
  uint32_t attempt = 0;
};

// Whether reading the run takes memory for a block: what lies in memory as it was written does not.
inline bool NeedsBuffer(const SortedRun& run) { return run.memory == nullptr || run.packed; }

// Checks every block. Holds one block in memory (raw, and stored when it is compressed); large
// records of a file are mapped. Used by one thread.
class RunReader {
 public:
  explicit RunReader(SortedRun run) : run_(std::move(run)) {}
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  // Moves to the next record; false at the end and on an error.
  bool Next() {
    if (at_ == end_ && !NextBlock()) return false;
    uint64_t key_size = 0;
    uint64_t value_size = 0;
    if (!DecodeVarint(&at_, end_, &key_size) || !DecodeVarint(&at_, end_, &value_size) ||
        key_size > static_cast<uint64_t>(end_ - at_) ||
        value_size > static_cast<uint64_t>(end_ - at_) - key_size) [[unlikely]] {
      return Fail(DataLossError("a record crosses the end of its block"));
    }
    key_ = {at_, key_size};
    value_ = {at_ + key_size, value_size};
    at_ += key_size + value_size;
    return true;
  }

  // Valid until the next Next.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  // DataLoss names the place of the bad block.
  const absl::Status& status() const { return status_; }

 private:
  bool NextBlock();
  absl::Status LoadBlock();
  absl::StatusOr<std::string_view> LoadStored(const BlockHeader& header, std::string* buffer);
  absl::StatusOr<std::string_view> MapStored(uint64_t size);
  bool Fail(const absl::Status& status);

  const SortedRun run_;
  uint64_t position_ = 0;  // in the run, of the next block
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::string_view key_;
  std::string_view value_;
  std::string stored_;
  std::string raw_;
  char header_[kBlockHeaderBytes];
  MappedRange mapping_;
  absl::Status status_;
};

}  // namespace quern::mr
