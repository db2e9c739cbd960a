#include "jobs/search/segment/term_dictionary.h"

#include <algorithm>
#include <utility>

#include "jobs/search/segment/fixed_numbers.h"

namespace quern::search {

namespace {

size_t SharedBytes(std::string_view a, std::string_view b) {
  const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(differs.first - a.begin());
}

// The shortest key that is behind `before` and not behind `first`.
std::string_view Separator(std::string_view before, std::string_view first) {
  return first.substr(0, std::min(SharedBytes(before, first) + 1, first.size()));
}

}  // namespace

bool TermDictionary::Open(std::string_view index, std::string_view terms) {
  if (index.size() < sizeof(uint32_t)) return false;
  blocks_ = ReadFixed<uint32_t>(index);
  index.remove_prefix(sizeof(uint32_t));
  if (blocks_ > index.size() / (sizeof(uint64_t) + sizeof(uint32_t))) return false;
  offsets_ = index.substr(0, blocks_ * sizeof(uint64_t));
  index.remove_prefix(offsets_.size());
  ends_ = index.substr(0, blocks_ * sizeof(uint32_t));
  keys_ = index.substr(ends_.size());
  terms_ = terms;
  return true;
}

std::string_view TermDictionary::KeyOf(size_t block) const {
  const size_t begin = block == 0 ? 0 : NumberAt<uint32_t>(ends_, block - 1);
  const size_t end = NumberAt<uint32_t>(ends_, block);
  return begin <= end && end <= keys_.size() ? keys_.substr(begin, end - begin)
                                             : std::string_view();
}

size_t TermDictionary::FindBlock(std::string_view key) const {
  size_t low = 0;
  size_t high = blocks_;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (KeyOf(middle) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? 0 : low - 1;
}

std::string_view TermDictionary::Block(size_t block) const {
  if (block >= blocks_) return {};
  const auto offset = NumberAt<uint64_t>(offsets_, block);
  return offset <= terms_.size() ? terms_.substr(offset) : std::string_view();
}

TermBlockReader::TermBlockReader(std::string_view block) : in_(block) {
  left_ = in_.Varint();
  data_at_ = in_.Varint();
}

TermBlockReader::Lengths TermBlockReader::ReadLengths() {
  const uint8_t lengths = in_.Byte();
  Lengths read = {.shared = lengths & 15u, .own = static_cast<uint64_t>(lengths) >> 4};
  if (read.shared == kShortLength) read.shared += in_.Varint();
  if (read.own == kShortLength) read.own += in_.Varint();
  return read;
}

bool TermBlockReader::Next() {
  if (left_ == 0) return false;
  --left_;
  return Take(ReadLengths());
}

bool TermBlockReader::Seek(std::string_view key) {
  size_t alike = SharedBytes(key_, key);
  while (key_ < key) {
    if (left_ == 0) return false;
    --left_;
    const Lengths lengths = ReadLengths();
    if (lengths.shared > alike) {
      // It differs from the key where the one before did, and is before it too. Those behind share
      // no more with it than they do with the one before.
      in_.Skip(lengths.own);
      ReadInfo();
      if (!in_.ok()) left_ = 0;
      continue;
    }
    if (!Take(lengths)) return false;
    alike = SharedBytes(key_, key);
  }
  return true;
}

bool TermBlockReader::Take(const Lengths& lengths) {
  if (lengths.shared > key_.size() || lengths.own > kMaxKeyBytes) in_.Fail();
  const std::string_view suffix = in_.Bytes(lengths.own);
  if (in_.ok()) {
    key_.resize(lengths.shared);
    key_ += suffix;
    ReadInfo();
  }
  if (in_.ok() && !key_.empty()) return true;
  left_ = 0;
  return false;
}

void TermBlockReader::ReadInfo() {
  info_ = TermInfo();
  info_.field = static_cast<FieldNumber>(key_.empty() ? 0 : key_[0]);
  info_.postings_offset = data_at_;
  const uint32_t kind = in_.Varint32();
  if (kind <= 1) {
    info_.document_frequency = 1;
    info_.only_document = in_.Varint32();
    info_.only_frequency = 1;
    if (kind == 0) {
      info_.only_position = in_.Varint32();
    } else {
      info_.only_frequency = in_.Varint32();
      info_.positions_bytes = in_.Varint();
    }
  } else {
    info_.document_frequency = kind;
    info_.postings_bytes = in_.Varint32();
    info_.positions_bytes = in_.Varint();
  }
  data_at_ += info_.postings_bytes + info_.positions_bytes;
}

void TermDictionaryWriter::Add(std::string_view key, const TermInfo& info) {
  if (count_ == 0) first_key_ = key;
  if (!has_data_ && info.postings_bytes + info.positions_bytes > 0) {
    first_data_ = info.postings_offset;
    has_data_ = true;
  }
  const std::string_view before = count_ == 0 ? std::string_view() : last_key_;
  const size_t shared = SharedBytes(before, key);
  const size_t own = key.size() - shared;
  const size_t low = std::min(shared, kShortLength);
  const size_t high = std::min(own, kShortLength);
  entries_.push_back(static_cast<char>(low | high << 4));
  if (low == kShortLength) AppendVarint(shared - kShortLength, &entries_);
  if (high == kShortLength) AppendVarint(own - kShortLength, &entries_);
  entries_ += key.substr(shared);
  AddInfo(info);
  last_key_ = key;
  if (++count_ == kDictionaryBlock) CloseBlock();
}

void TermDictionaryWriter::AddInfo(const TermInfo& info) {
  if (info.document_frequency == 1) {
    AppendVarint(info.only_frequency == 1 ? 0 : 1, &entries_);
    AppendVarint(info.only_document, &entries_);
    if (info.only_frequency == 1) return AppendVarint(info.only_position, &entries_);
    AppendVarint(info.only_frequency, &entries_);
  } else {
    AppendVarint(info.document_frequency, &entries_);
    AppendVarint(info.postings_bytes, &entries_);
  }
  AppendVarint(info.positions_bytes, &entries_);
}

void TermDictionaryWriter::CloseBlock() {
  if (count_ == 0) return;
  offsets_.push_back(blocks_.size());
  ++kept_;
  keys_ += Separator(last_key_of_block_before_, first_key_);
  AppendFixed<uint32_t>(static_cast<uint32_t>(keys_.size()), &ends_);
  AppendVarint(count_, &blocks_);
  AppendVarint(first_data_, &blocks_);
  blocks_ += entries_;
  last_key_of_block_before_ = last_key_;
  count_ = 0;
  has_data_ = false;
  first_data_ = 0;
  entries_.clear();
}

std::string TermDictionaryWriter::TakeBlocks(uint64_t begin) {
  CloseBlock();
  for (; kept_ > 0; --kept_) offsets_[offsets_.size() - kept_] += begin;
  return std::exchange(blocks_, {});
}

std::string TermDictionaryWriter::Index() const {
  std::string index;
  AppendFixed<uint32_t>(static_cast<uint32_t>(offsets_.size()), &index);
  for (const uint64_t offset : offsets_) AppendFixed<uint64_t>(offset, &index);
  return index.append(ends_).append(keys_);
}

}  // namespace quern::search
