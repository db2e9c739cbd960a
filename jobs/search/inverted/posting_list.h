// The list of a term: the documents that hold it, and where (docs/formats/inverted-index.md).
//
// A list is one chunk behind another, of the map tasks in their order and of each in the order of
// its documents:
//   map task (varint), bytes of the chunk (varint), the chunk
//   (jobs/search/indexing/partial_index.h)
// It lies in one record or, where that is full, in several; a chunk is whole in its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/segment/varint.h"

namespace quern::inverted {

// A record with so many bytes takes no further chunk, so that one with fewer is the last of its
// list.
inline constexpr size_t kFullRecordBytes = 1 << 20;

void AppendChunk(uint32_t task, std::string_view chunk, std::string* record);

// Reads a record, document after document. Used by one thread; the bytes must outlive it.
class PostingListReader {
 public:
  PostingListReader() : PostingListReader(std::string_view()) {}
  explicit PostingListReader(std::string_view record) : list_(record), chunk_(std::string_view()) {}

  // To the next document, which may be the one before when that goes on. False at the end, and
  // where the bytes are no list: ok() is false then.
  bool Next();
  bool ok() const { return ok_; }
  DocumentNumber document() const { return document_; }
  // Appends the document's positions, which rise. False when the bytes are none.
  bool ReadPositions(std::vector<uint32_t>* positions) const;

 private:
  bool StartChunk();
  bool Fail() { return ok_ = false; }

  search::ByteReader list_;
  search::ByteReader chunk_;
  bool ok_ = true;
  DocumentNumber document_;
  std::string_view positions_;
};

}  // namespace quern::inverted
