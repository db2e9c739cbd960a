#include "jobs/search/segment/postings_encoder.h"

#include <algorithm>
#include <stdexcept>

#include "jobs/search/segment/fixed_numbers.h"
#include "jobs/search/segment/impacts.h"
#include "jobs/search/segment/number_group.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

namespace {

constexpr size_t kManyImpacts = 256;  // of a list, before only the best are kept
constexpr size_t kPositionsPieceBytes = 1 << 20;

void AppendOffset(uint64_t value, std::string* out) {
  if (value > kMaxTermBytes32) throw std::length_error("a term has more than 4 GiB of postings");
  AppendFixed<uint32_t>(static_cast<uint32_t>(value), out);
}

}  // namespace

void PostingsEncoder::Add(uint32_t doc, uint32_t length, std::span<const uint32_t> positions) {
  if (size_ == kPostingsBlock) {
    several_blocks_ = true;
    CloseBlock();
  }
  gaps_[size_] = doc - last_doc_ - 1;
  frequencies_[size_] = static_cast<uint32_t>(positions.size() - 1);
  first_positions_[size_] = positions[0];
  for (size_t i = 1; i < positions.size(); ++i) {
    position_gaps_.push_back(positions[i] - positions[i - 1] - 1);
  }
  impacts_.push_back({static_cast<uint32_t>(positions.size()), length});
  ++size_;
  ++document_frequency_;
  last_doc_ = doc;
}

void PostingsEncoder::AppendImpacts(size_t limit, std::vector<Impact>* impacts,
                                    std::string* out) const {
  KeepBest(limit, impacts);
  out->push_back(static_cast<char>(impacts->size()));
  Impact below;
  for (auto impact = impacts->rbegin(); impact != impacts->rend(); ++impact) {
    AppendVarint(impact->frequency - below.frequency, out);
    AppendVarint(impact->length - below.length, out);
    below = *impact;
  }
}

void PostingsEncoder::CloseBlock() {
  if (several_blocks_) {
    AppendOffset(last_doc_, &headers_);
    AppendOffset(data_.size(), &headers_);
    AppendOffset(spilled_positions_.size() + positions_.size(), &headers_);
    list_impacts_.insert(list_impacts_.end(), impacts_.begin(), impacts_.end());
    if (list_impacts_.size() > kManyImpacts) KeepBest(kManyImpacts / 2, &list_impacts_);
    AppendImpacts(kBlockImpacts, &impacts_, &data_);
  }
  AppendGroup(gaps_.data(), size_, &data_);
  AppendGroup(frequencies_.data(), size_, &data_);
  AppendGroup(first_positions_.data(), size_, &positions_);
  for (size_t at = 0; at < position_gaps_.size(); at += kMaxGroup) {
    AppendGroup(position_gaps_.data() + at, std::min(kMaxGroup, position_gaps_.size() - at),
                &positions_);
  }
  position_gaps_.clear();
  impacts_.clear();
  size_ = 0;
  if (positions_.size() < held_bytes_) return;
  spilled_positions_.Append(positions_);
  positions_.clear();
}

TermInfo PostingsEncoder::Finish(const Sink& sink) {
  TermInfo info;
  info.document_frequency = document_frequency_;
  if (document_frequency_ == 1) {
    info.only_document = gaps_[0];
    info.only_frequency = frequencies_[0] + 1;
    info.only_position = first_positions_[0];
  }
  // A term of one document is in the dictionary, but for positions that are several.
  if (document_frequency_ > 1 || info.only_frequency > 1) CloseBlock();
  if (document_frequency_ > 1) info.postings_bytes = PutPostings(sink);
  info.positions_bytes = spilled_positions_.size() + positions_.size();
  PutPositions(sink);
  Clear();
  return info;
}

// How many bytes they are.
uint32_t PostingsEncoder::PutPostings(const Sink& sink) {
  std::string list;
  if (several_blocks_) {
    AppendImpacts(kListImpacts, &list_impacts_, &list);
    list += headers_;
  }
  const size_t bytes = list.size() + data_.size();
  if (bytes > kMaxTermBytes32) throw std::length_error("a term has more than 4 GiB of postings");
  sink(list);
  sink(data_);
  return static_cast<uint32_t>(bytes);
}

void PostingsEncoder::PutPositions(const Sink& sink) {
  for (std::string_view left = spilled_positions_.View(); !left.empty();) {
    const std::string_view piece = left.substr(0, kPositionsPieceBytes);
    sink(piece);
    left.remove_prefix(piece.size());
  }
  sink(positions_);
}

void PostingsEncoder::Clear() {
  document_frequency_ = 0;
  last_doc_ = UINT32_MAX;
  size_ = 0;
  several_blocks_ = false;
  position_gaps_.clear();
  impacts_.clear();
  headers_.clear();
  data_.clear();
  spilled_positions_.Clear();
  positions_.clear();
  list_impacts_.clear();
}

}  // namespace quern::search
