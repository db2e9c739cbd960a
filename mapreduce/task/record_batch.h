// Records that are held until enough of them are there for one call of user code.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "mapreduce/api/quern.h"
#include "mapreduce/engine/record_reader.h"

namespace quern::mr {

// Copies what it holds: views of a reader end with its next record. Used by one thread.
class RecordBatch {
 public:
  // Of at most so many records; one that is alone may be of any size and is not copied.
  RecordBatch(const quern_source* source, uint32_t max_records);

  bool empty() const { return records_.empty(); }
  // Whether the present record of the reader has room beside those that are held.
  bool HasRoomFor(const RecordReader& reader) const;
  // With room, or empty.
  void Add(const RecordReader& reader);
  // It has to be mapped before the reader moves on.
  bool IsFull() const { return records_.size() == max_records_ || borrows_; }
  void Clear();

  // The records from number `first` on, which is less than size(). Valid until the next change.
  quern_batch From(uint32_t first);
  uint32_t size() const { return static_cast<uint32_t>(records_.size()); }
  const quern_record& operator[](uint32_t i) const { return records_[i]; }

 private:
  static constexpr size_t kBytes = 256 << 10;

  quern_bytes Copy(std::string_view text);

  const quern_source* const source_;
  const uint32_t max_records_;
  const std::unique_ptr<char[]> bytes_;
  size_t used_ = 0;
  bool borrows_ = false;
  std::vector<quern_record> records_;
  std::vector<const quern_record*> pointers_;
};

// A record of a batch, as others see the present record of a reader.
class HeldRecord final : public RecordReader {
 public:
  explicit HeldRecord(const quern_record& record);
  bool Next() override { return false; }
};

}  // namespace quern::mr
