#include "jobs/search/segment/term_iterator.h"

namespace quern::search {

TermIterator::TermIterator(const TermDictionary& dictionary, FieldNumber field,
                           std::string_view prefix)
    : dictionary_(dictionary), prefix_(1, static_cast<char>(field)) {
  prefix_ += prefix;
  valid_ = true;
  SeekKey(prefix_);
}

bool TermIterator::NextEntry() {
  while (!entries_.Next()) {
    if (++block_ >= dictionary_.blocks()) return false;
    entries_ = TermBlockReader(dictionary_.Block(block_));
  }
  return true;
}

void TermIterator::Next() { valid_ = valid_ && NextEntry() && entries_.key().starts_with(prefix_); }

void TermIterator::Seek(std::string_view term) {
  if (!valid_) return;
  std::string key(1, prefix_[0]);
  key += term;
  if (entries_.key() < key) SeekKey(key);
}

void TermIterator::SeekKey(const std::string& key) {
  // A leap often ends in the same block.
  const bool here = !entries_.key().empty() && block_ + 1 < dictionary_.blocks() &&
                    key < dictionary_.KeyOf(block_ + 1);
  if (!here) {
    const size_t block = dictionary_.FindBlock(key);
    if (block != block_ || entries_.key().empty()) {
      block_ = block;
      entries_ = TermBlockReader(dictionary_.Block(block));
    }
  }
  // Where the block has none the next one's first is it.
  valid_ = (entries_.Seek(key) || NextEntry()) && entries_.key().starts_with(prefix_);
}

}  // namespace quern::search
