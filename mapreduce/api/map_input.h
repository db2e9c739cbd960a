// One input record, as a mapper sees it.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/quern.h"

namespace quern {

// Where a record was read, and what it says of itself.
class InputSource {
 public:
  InputSource(quern_task* task, const quern_record* record)
      : path(internal::View(record->source->path)),
        offset(record->offset),
        piece(record->source->piece),
        task_(task) {}

  const std::string_view path;
  const uint64_t offset;  // of the record's first byte in the file (in its decompressed contents)
  // Number of the file's piece in the task's split: records of small files that were packed into
  // one split may share offsets.
  const uint32_t piece;

  // `tag` of the [[input]].
  std::string_view tag() const { return internal::View(task_->input_tag); }
  // "WARC-Target-URI", say; empty when the record has no such header.
  std::string_view header(std::string_view name) const {
    return internal::View(task_->host->header(task_, name.data(), name.size()));
  }

 private:
  quern_task* const task_;
};

// Every view lives until Map returns.
class MapInput {
 public:
  MapInput(quern_task* task, const quern_record* record) : task_(task), record_(record) {}
  MapInput(const MapInput&) = delete;
  MapInput& operator=(const MapInput&) = delete;

  // text, jsonl, fixed: the record's offset; whole: the path.
  std::string_view key() const {
    if (record_->key.data != nullptr) return internal::View(record_->key);
    // As decimal text when somebody asks for it.
    const auto end = std::to_chars(digits_, digits_ + sizeof(digits_), record_->offset).ptr;
    return {digits_, static_cast<size_t>(end - digits_)};
  }
  // text, jsonl: the line without its line feed; fixed: the record's bytes; whole: the contents.
  std::string_view value() const { return internal::View(record_->value); }
  InputSource source() const { return {task_, record_}; }

 private:
  friend class BatchMapper;

  quern_task* const task_;
  const quern_record* const record_;
  mutable char digits_[20];
};

}  // namespace quern
