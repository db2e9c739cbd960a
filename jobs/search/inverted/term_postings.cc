#include "jobs/search/inverted/term_postings.h"

namespace quern::inverted {

absl::Status TermPostings::Damaged() const {
  return DataLossError("the list of '{}' is damaged, in record {} of it", term_, records_ - 1);
}

absl::StatusOr<bool> TermPostings::Seek(DocumentNumber least) {
  if (found_ && document_ >= least) return true;
  found_ = false;
  while (true) {
    if (!ahead_) {
      ASSIGN_OR_RETURN(ahead_, Advance());
      if (!ahead_) return false;
    }
    if (reader_.document() >= least) return TakeDocument();
    ahead_ = false;
  }
}

// With what other chunks have of it: a large one is read in pieces.
absl::StatusOr<bool> TermPostings::TakeDocument() {
  document_ = reader_.document();
  positions_.clear();
  while (ahead_ && reader_.document() == document_) {
    const size_t before = positions_.size();
    if (!reader_.ReadPositions(&positions_)) return Damaged();
    if (before > 0 && positions_[before] <= positions_[before - 1]) return Damaged();
    ASSIGN_OR_RETURN(ahead_, Advance());
  }
  found_ = true;
  return true;
}

absl::StatusOr<bool> TermPostings::Advance() {
  while (!reader_.Next()) {
    if (!reader_.ok()) return Damaged();
    if (records_ > 0 && record_.size() < kFullRecordBytes) return false;
    std::string key;
    MakeListKey(term_, records_, &key);
    ASSIGN_OR_RETURN(const bool there, lookup_(key, &record_));
    if (!there) return false;
    ++records_;
    reader_ = PostingListReader(record_);
  }
  if (reader_.document() < last_) return Damaged();
  last_ = reader_.document();
  return true;
}

}  // namespace quern::inverted
