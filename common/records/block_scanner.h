// Goes through a record file block by block, past what is damaged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/records/record_block.h"
#include "common/status.h"

namespace quern {

// A file that can be looked at before it is consumed.
class PeekableFile {
 public:
  virtual ~PeekableFile() = default;
  virtual void SeekTo(uint64_t offset) = 0;
  virtual uint64_t offset() const = 0;  // of the next unread byte
  // Unread bytes, at least `want` of them unless the file ends; empty at its end. Valid until the
  // next call.
  virtual absl::StatusOr<std::string_view> Peek(size_t want) = 0;
  // No more than was shown last.
  virtual void Skip(size_t bytes) = 0;
};

// Errors are those of the file; blocks that are no blocks are passed over and counted. Used by one
// thread.
class BlockScanner {
 public:
  // The blocks whose marks begin in [begin, end) of `file`, which is borrowed. Over all pieces of a
  // file as many are counted as damaged as in the file as a whole.
  BlockScanner(PeekableFile* file, uint64_t begin, uint64_t end);

  // Goes to the next block whose header is right. False when there is none.
  absl::StatusOr<bool> Next();

  // Of the present block.
  uint64_t block_offset() const { return block_offset_; }
  const RecordBlockHeader& header() const { return header_; }
  bool IsLarge() const { return header_.stored_bytes > kMaxPackedBytes; }
  // The records of one that is not large, valid until the next call of anything. Empty and counted
  // when it is damaged.
  absl::StatusOr<std::string_view> Read();
  // Of a large one: the next stored bytes, in order; empty at their end. AtEnd says whether they
  // were right.
  absl::StatusOr<std::string_view> ReadPart();
  // Counts the present block as damaged. The next one is looked for right behind its mark.
  void GiveUp();
  bool part_is_right() const { return crc_ == header_.stored_crc && left_ == 0; }

  uint64_t damaged() const { return damaged_; }

 private:
  absl::StatusOr<bool> FindMark();

  PeekableFile* const file_;
  const uint64_t end_;
  RecordBlockHeader header_;
  uint64_t block_offset_ = 0;
  bool expected_ = false;  // a block should begin where the file stands
  bool inside_ = false;    // the file stands within the present block
  std::string buffer_;
  uint64_t left_ = 0;  // of a large block
  uint32_t crc_ = 0;
  uint64_t damaged_ = 0;
};

}  // namespace quern
