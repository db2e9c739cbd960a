// Makes the bytes of one term's postings, document after document.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jobs/search/segment/postings_format.h"
#include "jobs/search/segment/term_info.h"

namespace quern::search {

// One object makes one term after another. Holds the postings of one term, compressed.
class PostingsEncoder {
 public:
  // `doc` is behind the one before; `length` is the field's in it; `positions` rise, there is one
  // or more.
  void Add(uint32_t doc, uint32_t length, std::span<const uint32_t> positions);
  // Appends what has been added to `terms` and starts anew. The sizes and what else a TermInfo has,
  // but neither offset nor field. Throws std::length_error when the term's bytes are too many.
  TermInfo Finish(std::string* terms);

 private:
  void CloseBlock();
  void AppendImpacts(size_t limit, std::vector<Impact>* impacts, std::string* out) const;
  void Clear();

  uint32_t document_frequency_ = 0;
  bool several_blocks_ = false;
  uint32_t last_doc_ = UINT32_MAX;  // so that the first gap is the document itself
  // Of the block that is being filled.
  size_t size_ = 0;
  std::array<uint32_t, kPostingsBlock> gaps_;
  std::array<uint32_t, kPostingsBlock> frequencies_;
  std::array<uint32_t, kPostingsBlock> first_positions_;
  std::vector<uint32_t> position_gaps_;
  std::vector<Impact> impacts_;
  // Of the blocks before.
  std::string headers_;
  std::string data_;
  std::string positions_;
  std::vector<Impact> list_impacts_;
};

}  // namespace quern::search
