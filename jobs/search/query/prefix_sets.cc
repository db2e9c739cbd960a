#include "jobs/search/query/prefix_sets.h"

#include <bit>

namespace quern::search {

absl::StatusOr<DocumentSetPtr> PrefixSets::Of(FieldNumber field, const std::string& prefix) {
  const auto found = sets_.find({field, prefix});
  if (found != sets_.end()) return found->second;
  ASSIGN_OR_RETURN(DocumentSetPtr set, Read(field, prefix));
  sets_.emplace(std::pair(field, prefix), set);
  return set;
}

absl::StatusOr<DocumentSetPtr> PrefixSets::Read(FieldNumber field, const std::string& prefix) {
  auto set = std::make_shared<DocumentSet>();
  const size_t words = (size_t{segment_.documents()} + 63) / 64;
  bytes_ += words * sizeof(uint64_t);
  if (bytes_ <= limits_.max_bytes) set->bits.resize(words);
  uint64_t terms = 0;
  for (TermIterator term = segment_.Prefix(field, prefix); term.valid(); term.Next()) {
    if (++terms > limits_.max_terms_of_one) {
      return InvalidArgumentError("{}* stands for more than {} words: write more of it", prefix,
                                  limits_.max_terms_of_one);
    }
    postings_ += term.info().document_frequency;
    if (++terms_ > limits_.max_terms || postings_ > limits_.max_postings ||
        bytes_ > limits_.max_bytes) {
      return InvalidArgumentError(
          "the words with * stand for too much, up to {}*: write fewer of them, or more of each",
          prefix);
    }
    AddDocuments(segment_.Postings(term.info()), &set->bits);
  }
  for (const uint64_t word : set->bits) set->count += static_cast<uint64_t>(std::popcount(word));
  return set;
}

void AddDocuments(PostingsCursor cursor, std::vector<uint64_t>* bits) {
  while (cursor.doc() != kNoMoreDocuments) {
    for (const uint32_t doc : cursor.block_docs()) (*bits)[doc / 64] |= uint64_t{1} << (doc % 64);
    cursor.NextBlock();
  }
}

}  // namespace quern::search
