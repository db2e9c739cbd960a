// Walks the documents of one term, in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "jobs/search/segment/term_info.h"

namespace quern::search {

// A copyable value that reads the segment's bytes, which must stay. Used by one thread. Bytes that
// make no sense, which only a segment that was never verified can hold, end the walk.
//
// Postings come in blocks of up to kBlockSize documents. The cursor has two places: the document
// it stands on, and a block, which AdvanceBlock moves ahead without decoding anything.
class PostingsCursor {
 public:
  static constexpr size_t kBlockSize = 128;
  static constexpr size_t kMaxImpacts = 8;

  // Of no documents.
  PostingsCursor() = default;
  // `terms` is the segment's section of terms.
  PostingsCursor(const TermInfo& term, std::string_view terms, uint32_t documents);

  uint32_t document_frequency() const { return document_frequency_; }

  // The document that it stands on: the first one at the start, kNoMoreDocuments at the end.
  uint32_t doc() const { return doc_; }
  // Of the term in doc().
  uint32_t frequency();
  // To the next document, which it returns.
  uint32_t Next();
  // To the first document that is not before `target`, never back; returns it.
  uint32_t Advance(uint32_t target);

  // The block that holds the first document that is not before `target`, never one before doc()'s;
  // decodes nothing and leaves doc() alone. Its last document, which is kNoMoreDocuments when no
  // block reaches `target`.
  uint32_t AdvanceBlock(uint32_t target);
  // Of the block that AdvanceBlock found.
  uint32_t block_last_doc() const;
  // Bounds of that block: no document of it has a frequency above and a length below all of them.
  // Fills up to kMaxImpacts into `impacts`, returns how many (0 behind the last block). From the
  // highest frequency to the lowest.
  size_t block_impacts(std::array<Impact, kMaxImpacts>* impacts) const;
  // The same of the whole list, wherever it stands.
  size_t list_impacts(std::array<Impact, kMaxImpacts>* impacts) const;

  // The documents from doc() to the end of its block, and their frequencies; empty at the end.
  // Views until the cursor moves.
  std::span<const uint32_t> block_docs() const;
  std::span<const uint32_t> block_frequencies();
  // To the first document behind those; returns it.
  uint32_t NextBlock();

  // Positions of the term in doc(), in order.
  void Positions(std::vector<uint32_t>* positions);

 private:
  // A block as its header says; offsets are those in postings_ and positions_.
  struct Block {
    uint32_t last_doc = kNoMoreDocuments;
    uint32_t data = 0;
    uint32_t impacts = 0;
    uint64_t positions = 0;
  };

  void Fail();
  bool ReadListHeader();
  size_t block_count() const { return block_count_; }
  uint32_t LastDocOf(size_t block) const;
  Block ReadBlock(size_t block) const;
  size_t FindBlock(size_t from, uint32_t target) const;
  bool LoadBlock(size_t block);
  void DecodeFrequencies();
  size_t ReadImpacts(uint32_t at, std::array<Impact, kMaxImpacts>* impacts) const;

  std::string_view postings_;
  std::string_view positions_;
  uint32_t document_frequency_ = 0;
  uint32_t documents_ = 0;
  uint32_t block_count_ = 0;
  uint32_t headers_ = 0;  // where the blocks' headers begin in postings_
  bool single_ = false;   // one document, which TermInfo holds
  bool inline_position_ = false;
  uint32_t only_position_ = 0;

  uint32_t doc_ = kNoMoreDocuments;
  size_t block_ = 0;    // of doc_
  size_t shallow_ = 0;  // of AdvanceBlock
  size_t at_ = 0;       // in docs_
  size_t size_ = 0;     // of the decoded block
  uint32_t frequencies_at_ = 0;
  bool frequencies_decoded_ = false;
  uint64_t positions_at_ = 0;
  bool positions_decoded_ = false;
  alignas(16) std::array<uint32_t, kBlockSize> docs_;
  alignas(16) std::array<uint32_t, kBlockSize> frequencies_;
  // Of the whole block, document after document, and where each document's begin.
  std::vector<uint32_t> block_positions_;
  std::vector<uint32_t> position_starts_;
};

}  // namespace quern::search
