#include "jobs/search/segment/postings_cursor.h"

#include <algorithm>

#include "jobs/search/segment/find_from.h"
#include "jobs/search/segment/fixed_numbers.h"
#include "jobs/search/segment/impacts.h"
#include "jobs/search/segment/number_group.h"

namespace quern::search {

namespace {

enum Header : size_t { kLastDoc, kData, kPositions };

std::string_view From(std::string_view bytes, uint64_t at) {
  return at <= bytes.size() ? bytes.substr(at) : std::string_view();
}

std::string_view Rest(const ByteReader& in) {
  return {reinterpret_cast<const char*>(in.at()), in.left()};
}

size_t ReadImpacts(ByteReader* in, PostingsCursor::Impacts* impacts) {
  const size_t count = in->Byte();
  if (count > impacts->size()) in->Fail();
  Impact below;
  for (size_t i = 0; i < count && in->ok(); ++i) {
    below.frequency += in->Varint32();
    below.length += in->Varint32();
    (*impacts)[i] = below;
  }
  return in->ok() ? count : 0;
}

void SkipImpacts(ByteReader* in) {
  for (size_t left = 2 * size_t{in->Byte()}; left > 0 && in->ok(); --left) in->Varint();
}

}  // namespace

PostingsCursor::PostingsCursor(const TermInfo& term, std::string_view terms, uint32_t documents,
                               const DocumentNumbers& lengths)
    : lengths_(lengths), document_frequency_(term.document_frequency), documents_(documents) {
  const std::string_view bytes = From(terms, term.postings_offset);
  blocks_ = bytes.substr(0, term.postings_bytes);
  positions_ = From(bytes, term.postings_bytes).substr(0, term.positions_bytes);
  block_count_ = (size_t{document_frequency_} + kBlockSize - 1) / kBlockSize;
  if (document_frequency_ == 1 && term.only_document < documents) {
    docs_[0] = doc_ = term.only_document;
    frequencies_[0] = term.only_frequency;
    only_position_ = term.only_position;
    size_ = 1;
  } else if (document_frequency_ > 1 && (block_count_ == 1 || ReadListHeader())) {
    LoadBlock(0);
  } else {
    Fail();
  }
}

bool PostingsCursor::ReadListHeader() {
  ByteReader in(blocks_);
  SkipImpacts(&in);
  list_impacts_ = blocks_.substr(0, blocks_.size() - in.left());
  headers_ = in.Bytes(block_count_ * kBlockHeaderBytes);
  blocks_ = Rest(in);
  return in.ok();
}

uint32_t PostingsCursor::End() {
  block_ = shallow_ = block_count_;
  at_ = size_ = 0;
  return doc_ = kNoMoreDocuments;
}

uint32_t PostingsCursor::Fail() {
  document_frequency_ = 0;
  block_count_ = 0;
  frequencies_decoded_ = true;
  return End();
}

uint32_t PostingsCursor::HeaderOf(size_t block, size_t which) const {
  if (block_count_ == 1) return 0;
  return ReadFixed<uint32_t>(headers_, block * kBlockHeaderBytes + which * sizeof(uint32_t));
}

uint32_t PostingsCursor::LastDocOf(size_t block) const {
  if (block >= block_count_) return kNoMoreDocuments;
  // The only block is decoded from the start.
  return block_count_ == 1 ? docs_[size_ - 1] : HeaderOf(block, kLastDoc);
}

// The first block from `from` on that reaches `target`; block_count_ when there is none.
size_t PostingsCursor::FindBlock(size_t from, uint32_t target) const {
  size_t step = 1;
  size_t high = from;
  while (high < block_count_ && LastDocOf(high) < target) {
    from = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, block_count_);
  while (from < high) {
    const size_t middle = from + (high - from) / 2;
    if (LastDocOf(middle) < target) {
      from = middle + 1;
    } else {
      high = middle;
    }
  }
  return from;
}

uint32_t PostingsCursor::LoadBlock(size_t block) {
  if (block >= block_count_) return End();
  ByteReader in(From(blocks_, HeaderOf(block, kData)));
  if (block_count_ > 1) SkipImpacts(&in);
  if (!DecodeDocuments(block, &in)) return Fail();
  frequency_bytes_ = Rest(in);
  frequencies_decoded_ = positions_started_ = false;
  block_ = block;
  shallow_ = std::max(shallow_, block);
  at_ = 0;
  return doc_ = docs_[0];
}

bool PostingsCursor::DecodeDocuments(size_t block, ByteReader* in) {
  const size_t size = std::min(kBlockSize, document_frequency_ - block * kBlockSize);
  if (!ReadGroup(in, size, docs_.data())) return false;
  uint64_t next = block == 0 ? 0 : uint64_t{LastDocOf(block - 1)} + 1;
  for (size_t i = 0; i < size; ++i) {
    next += docs_[i];
    docs_[i] = static_cast<uint32_t>(next++);
  }
  size_ = size;
  // So all are documents of the segment, and rise.
  return next <= documents_ && (block_count_ == 1 || docs_[size - 1] == LastDocOf(block));
}

void PostingsCursor::DecodeFrequencies() {
  frequencies_decoded_ = true;
  ByteReader in(frequency_bytes_);
  // The only block stays decoded behind its end, for its impacts.
  const size_t size = block_count_ == 1 ? document_frequency_ : size_;
  if (!ReadGroup(&in, size, frequencies_.data())) frequencies_.fill(0);
  for (uint32_t& frequency : frequencies_) ++frequency;
}

uint32_t PostingsCursor::NextBlock() {
  return block_ < block_count_ ? LoadBlock(block_ + 1) : End();
}

uint32_t PostingsCursor::Advance(uint32_t target) {
  if (doc_ >= target) return doc_;
  if (docs_[size_ - 1] < target) {
    if (LoadBlock(FindBlock(block_ + 1, target)) >= target) return doc_;
  }
  at_ = FindFrom(docs_.data(), at_, size_, target);
  return at_ < size_ ? doc_ = docs_[at_] : End();
}

uint32_t PostingsCursor::AdvanceBlock(uint32_t target) {
  if (shallow_ < block_) shallow_ = block_;
  if (LastDocOf(shallow_) < target) shallow_ = FindBlock(shallow_ + 1, target);
  return LastDocOf(shallow_);
}

size_t PostingsCursor::block_impacts(Impacts* impacts) {
  if (shallow_ >= block_count_) return 0;
  if (block_count_ == 1) return list_impacts(impacts);
  ByteReader in(From(blocks_, HeaderOf(shallow_, kData)));
  return ReadImpacts(&in, impacts);
}

size_t PostingsCursor::list_impacts(Impacts* impacts) {
  if (block_count_ > 1) {
    ByteReader in(list_impacts_);
    return ReadImpacts(&in, impacts);
  }
  if (only_impacts_size_ == 0) FindImpactsOfOnlyBlock();
  *impacts = only_impacts_;
  return only_impacts_size_;
}

// A list of one block has none in the file: looking at its documents costs less than reading them.
void PostingsCursor::FindImpactsOfOnlyBlock() {
  if (!frequencies_decoded_) DecodeFrequencies();
  const size_t size = document_frequency_;
  std::vector<Impact> all(size);
  for (size_t i = 0; i < size; ++i) all[i] = {frequencies_[i], lengths_.Of(docs_[i])};
  KeepBest(kMaxImpacts, &all);
  std::reverse_copy(all.begin(), all.end(), only_impacts_.begin());
  only_impacts_size_ = all.size();
}

bool PostingsCursor::StartBlockPositions() {
  positions_started_ = true;
  if (!frequencies_decoded_) DecodeFrequencies();
  ByteReader in(From(positions_, HeaderOf(block_, kPositions)));
  gap_starts_[0] = 0;
  uint64_t gaps = 0;
  for (size_t i = 0; i < size_; ++i) {
    gaps += frequencies_[i] - 1;
    gap_starts_[i + 1] = static_cast<uint32_t>(gaps);
  }
  const bool read = gaps <= UINT32_MAX && ReadGroup(&in, size_, first_positions_.data());
  if (!read) gap_starts_.fill(0);
  gap_bytes_ = Rest(in);
  RewindGaps();
  return read;
}

void PostingsCursor::RewindGaps() {
  gap_group_ = gap_offset_ = 0;
  gaps_decoded_ = false;
}

bool PostingsCursor::DecodeGaps(size_t group) {
  if (gaps_decoded_ && gap_group_ == group) return true;
  if (gap_group_ > group) RewindGaps();
  if (gaps_decoded_) {
    ++gap_group_;
    gaps_decoded_ = false;
  }
  ByteReader in(From(gap_bytes_, gap_offset_));
  const auto size_of = [this](size_t number) {
    return std::min<size_t>(kMaxGroup, gap_starts_[size_] - number * kMaxGroup);
  };
  for (; gap_group_ < group; ++gap_group_) {
    if (!SkipGroup(&in, size_of(gap_group_))) return false;
  }
  if (!ReadGroup(&in, size_of(group), gaps_.data())) return false;
  gaps_decoded_ = true;
  gap_offset_ = gap_bytes_.size() - in.left();
  return true;
}

void PostingsCursor::StartPositions() {
  first_is_next_ = false;
  next_gap_ = end_gap_ = 0;
  if (doc_ == kNoMoreDocuments) return;
  if (positions_.empty()) {
    last_position_ = only_position_;
  } else {
    if (!positions_started_ && !StartBlockPositions()) return;
    last_position_ = first_positions_[at_];
    next_gap_ = gap_starts_[at_];
    end_gap_ = gap_starts_[at_ + 1];
  }
  first_is_next_ = true;
}

std::span<const uint32_t> PostingsCursor::NextPositions() {
  size_t count = 0;
  if (first_is_next_) some_positions_[count++] = last_position_;
  first_is_next_ = false;
  if (next_gap_ < end_gap_ && DecodeGaps(next_gap_ / kMaxGroup)) {
    const uint32_t* const gaps = gaps_.data() + next_gap_ % kMaxGroup;
    const size_t size = std::min<size_t>(end_gap_ - next_gap_, kMaxGroup - next_gap_ % kMaxGroup);
    uint32_t position = last_position_;
    for (size_t i = 0; i < size; ++i) some_positions_[count++] = position += gaps[i] + 1;
    last_position_ = position;
    next_gap_ += static_cast<uint32_t>(size);
  } else {
    next_gap_ = end_gap_;
  }
  return {some_positions_.data(), count};
}

void PostingsCursor::Positions(std::vector<uint32_t>* positions) {
  positions->clear();
  StartPositions();
  for (auto some = NextPositions(); !some.empty(); some = NextPositions()) {
    positions->insert(positions->end(), some.begin(), some.end());
  }
}

}  // namespace quern::search
