// Makes the bytes of one term's postings, document after document.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/postings_format.h"
#include "jobs/search/segment/spill_file.h"
#include "jobs/search/segment/term_info.h"

namespace quern::search {

// One object makes one term after another. Holds the documents of one term, compressed, and of its
// positions, which are most of it, about `held_bytes`: those before are in a file.
class PostingsEncoder {
 public:
  // Takes the bytes of a term, piece after piece.
  using Sink = std::function<void(std::string_view)>;
  explicit PostingsEncoder(size_t held_bytes) : held_bytes_(held_bytes) {}

  // `doc` is behind the one before; `length` is the field's in it; `positions` rise, there is one
  // or more.
  void Add(uint32_t doc, uint32_t length, std::span<const uint32_t> positions);
  // Gives what has been added to `sink` and starts anew. The sizes and what else a TermInfo has,
  // but neither offset nor field. Throws std::length_error when the term's bytes are too many,
  // std::system_error when the disk does not take them; so may Add.
  TermInfo Finish(const Sink& sink);

 private:
  void CloseBlock();
  void AppendImpacts(size_t limit, std::vector<Impact>* impacts, std::string* out) const;
  uint32_t PutPostings(const Sink& sink);
  void PutPositions(const Sink& sink);
  void Clear();

  const size_t held_bytes_;
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
  SpillFile spilled_positions_;
  std::string positions_;  // behind those
  std::vector<Impact> list_impacts_;
};

}  // namespace quern::search
