// What the dictionary of a segment says of a term.
#pragma once

#include <cstdint>

namespace quern::search {

// The number of a field among the segment's: its place in SegmentMeta::fields.
using FieldNumber = uint8_t;

inline constexpr uint32_t kNoMoreDocuments = UINT32_MAX;

// A value of the segment that gave it; means nothing to another one.
struct TermInfo {
  uint32_t document_frequency = 0;
  FieldNumber field = 0;
  // Where its postings lie in the section of terms, and behind them its positions.
  uint64_t postings_offset = 0;
  uint32_t postings_bytes = 0;
  uint64_t positions_bytes = 0;
  // Of a term of one document, which has no postings but these.
  uint32_t only_document = 0;
  uint32_t only_frequency = 0;
  // The position of a term that stands in one document once.
  uint32_t only_position = 0;
};

// A frequency in a document of this length. BM25 rises with the frequency and falls with the
// length, so that the best of a block's impacts is a bound that holds whatever the average length.
struct Impact {
  uint32_t frequency = 0;
  uint32_t length = 0;
  friend bool operator==(const Impact&, const Impact&) = default;
};

}  // namespace quern::search
