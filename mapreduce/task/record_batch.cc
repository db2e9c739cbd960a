#include "mapreduce/task/record_batch.h"

#include <cstring>

namespace quern::mr {

namespace {

// Of key and value; what has no key of its own is told apart by its offset.
size_t BytesOf(const RecordReader& reader) {
  return (reader.has_key() ? reader.key().size() : 0) + reader.value().size();
}

}  // namespace

RecordBatch::RecordBatch(const quern_source* source, uint32_t max_records)
    : source_(source), max_records_(max_records), bytes_(new char[kBytes]) {
  // Pointers into them are handed out.
  records_.reserve(max_records);
  pointers_.reserve(max_records);
}

bool RecordBatch::HasRoomFor(const RecordReader& reader) const {
  return !IsFull() && BytesOf(reader) <= kBytes - used_;
}

quern_bytes RecordBatch::Copy(std::string_view text) {
  char* const to = bytes_.get() + used_;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  return {to, text.size()};
}

void RecordBatch::Add(const RecordReader& reader) {
  borrows_ = max_records_ == 1 || !HasRoomFor(reader);
  quern_record& record = records_.emplace_back();
  record.size = sizeof(record);
  record.source = source_;
  record.offset = reader.offset();
  const std::string_view value = reader.value();
  record.value = borrows_ ? quern_bytes{value.data(), value.size()} : Copy(value);
  if (reader.has_key()) {
    const std::string_view key = reader.key();
    record.key = borrows_ ? quern_bytes{key.empty() ? "" : key.data(), key.size()} : Copy(key);
  }
  pointers_.push_back(&record);
}

void RecordBatch::Clear() {
  records_.clear();
  pointers_.clear();
  used_ = 0;
  borrows_ = false;
}

quern_batch RecordBatch::From(uint32_t first) {
  return {sizeof(quern_batch), size() - first, pointers_.data() + first, 0, 0};
}

HeldRecord::HeldRecord(const quern_record& record) {
  offset_ = record.offset;
  value_ = {record.value.data, record.value.size};
  if (record.key.data != nullptr) SetKey({record.key.data, record.key.size});
}

}  // namespace quern::mr
