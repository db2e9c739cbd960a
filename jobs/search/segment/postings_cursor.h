// Walks the documents of one term, in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "jobs/search/segment/document_numbers.h"
#include "jobs/search/segment/postings_format.h"
#include "jobs/search/segment/term_info.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

// A copyable value that reads the segment's bytes, which must stay. Used by one thread. Bytes that
// make no sense, which only a segment that was never verified can hold, end the walk.
//
// Postings come in blocks of up to kBlockSize documents. The cursor has two places: the document
// it stands on, and a block, which AdvanceBlock moves ahead without decoding anything.
class PostingsCursor {
 public:
  static constexpr size_t kBlockSize = kPostingsBlock;
  static constexpr size_t kMaxImpacts = kListImpacts;
  using Impacts = std::array<Impact, kMaxImpacts>;

  // Of no documents.
  PostingsCursor() = default;
  // `terms` is the segment's section of terms, `documents` how many the segment has.
  PostingsCursor(const TermInfo& term, std::string_view terms, uint32_t documents,
                 const DocumentNumbers& lengths);

  uint32_t document_frequency() const { return document_frequency_; }

  // The document that it stands on: the first one at the start, kNoMoreDocuments at the end.
  uint32_t doc() const { return doc_; }
  // Of the term in doc().
  uint32_t frequency() {
    if (!frequencies_decoded_) DecodeFrequencies();
    return frequencies_[at_];
  }
  // To the next document, which it returns.
  uint32_t Next() {
    if (++at_ < size_) return doc_ = docs_[at_];
    return NextBlock();
  }
  // To the first document that is not before `target`, never back; returns it.
  uint32_t Advance(uint32_t target);

  // Moves the second place to the block that holds the first document that is not before `target`;
  // never back, nor to one before doc()'s. Decodes nothing, leaves doc() alone. Returns
  // block_last_doc().
  uint32_t AdvanceBlock(uint32_t target);
  // The last document of that block; kNoMoreDocuments behind the last one.
  uint32_t block_last_doc() const { return LastDocOf(shallow_); }
  // Bounds of that block: for each of its documents one of them has no lower frequency and no
  // higher length. From the lowest frequency up; returns how many (0 behind the last block).
  size_t block_impacts(Impacts* impacts);
  // The same of the whole list, wherever it stands.
  size_t list_impacts(Impacts* impacts);

  // The documents from doc() to the end of its block, and their frequencies; empty at the end.
  // Views until the cursor moves.
  std::span<const uint32_t> block_docs() const {
    return {docs_.data() + at_, docs_.data() + size_};
  }
  std::span<const uint32_t> block_frequencies() {
    if (!frequencies_decoded_) DecodeFrequencies();
    return {frequencies_.data() + at_, frequencies_.data() + size_};
  }
  // To the first document behind those; returns it.
  uint32_t NextBlock();

  // Positions of the term in doc(), in order.
  void Positions(std::vector<uint32_t>* positions);
  // The same piece by piece, so that what nobody comes to is not decoded: the next ones, none at
  // the end. A view until the next call; StartPositions first, for each document.
  void StartPositions();
  std::span<const uint32_t> NextPositions();

 private:
  bool ReadListHeader();
  uint32_t End();
  uint32_t Fail();
  uint32_t HeaderOf(size_t block, size_t which) const;
  uint32_t LastDocOf(size_t block) const;
  size_t FindBlock(size_t from, uint32_t target) const;
  uint32_t LoadBlock(size_t block);
  bool DecodeDocuments(size_t block, ByteReader* in);
  void DecodeFrequencies();
  void FindImpactsOfOnlyBlock();
  bool StartBlockPositions();
  void RewindGaps();
  bool DecodeGaps(size_t group);

  std::string_view blocks_;     // their data, behind the headers
  std::string_view positions_;  // of the list
  std::string_view headers_;
  std::string_view list_impacts_;
  DocumentNumbers lengths_;
  uint32_t document_frequency_ = 0;
  uint32_t documents_ = 0;
  uint32_t only_position_ = 0;  // when it has no bytes
  size_t block_count_ = 0;

  uint32_t doc_ = kNoMoreDocuments;
  size_t block_ = 0;    // of doc_
  size_t shallow_ = 0;  // of AdvanceBlock
  size_t at_ = 0;       // of doc_ in docs_
  size_t size_ = 0;     // of the decoded block
  bool frequencies_decoded_ = true;
  std::string_view frequency_bytes_;
  alignas(16) std::array<uint32_t, kBlockSize> docs_;
  alignas(16) std::array<uint32_t, kBlockSize> frequencies_;

  // Of a list of one block.
  Impacts only_impacts_;
  size_t only_impacts_size_ = 0;

  // Positions of the block at hand, decoded as they are asked for.
  bool positions_started_ = false;
  std::array<uint32_t, kBlockSize> first_positions_;
  std::array<uint32_t, kBlockSize + 1> gap_starts_;  // the first gap of each document
  std::string_view gap_bytes_;
  size_t gap_group_ = 0;  // decoded, or the next to be
  bool gaps_decoded_ = false;
  size_t gap_offset_ = 0;  // in gap_bytes_, of what is behind gap_group_ when it is decoded
  std::array<uint32_t, kBlockSize> gaps_;

  // What NextPositions has to give: a first position, gaps from the last one on.
  bool first_is_next_ = false;
  uint32_t last_position_ = 0;
  uint32_t next_gap_ = 0;
  uint32_t end_gap_ = 0;
  std::array<uint32_t, kBlockSize + 1> some_positions_;
};

}  // namespace quern::search
