#include "jobs/search/inverted/posting_list.h"

namespace quern::inverted {

void AppendChunk(uint32_t task, std::string_view chunk, std::string* record) {
  search::AppendVarint(task, record);
  search::AppendVarint(chunk.size(), record);
  record->append(chunk);
}

bool PostingListReader::StartChunk() {
  document_ = {list_.Varint32(), 0};
  chunk_ = search::ByteReader(list_.Text());
  return list_.ok();
}

bool PostingListReader::Next() {
  if (!ok_ || (chunk_.done() && list_.done())) return false;
  if (chunk_.done() && !StartChunk()) return Fail();
  const uint64_t document = uint64_t{document_.document} + chunk_.Varint32();
  if (document >= kMostDocuments) return Fail();
  document_.document = static_cast<uint32_t>(document);
  // The first byte of a number is 0 only for the number 0, which ends them.
  const uint8_t* const begin = chunk_.at();
  size_t size = 0;
  for (bool first = true; size < chunk_.left(); ++size) {
    if (first && begin[size] == 0) break;
    first = begin[size] < 0x80;
  }
  positions_ = chunk_.Bytes(size + 1);
  return (chunk_.ok() && size > 0) || Fail();
}

bool PostingListReader::ReadPositions(std::vector<uint32_t>* positions) const {
  search::ByteReader in(positions_);
  uint64_t next = 0;
  for (uint32_t gap = in.Varint32(); gap != 0; gap = in.Varint32()) {
    next += gap;
    if (next > UINT32_MAX) return false;
    positions->push_back(static_cast<uint32_t>(next - 1));
  }
  return in.ok() && in.done();
}

}  // namespace quern::inverted
