// The dictionary: all terms of all fields in the order of their bytes, in blocks whose terms share
// their beginnings.
//
// A key is the byte of the field's number and the term. Blocks lie in the section of terms, between
// the postings; the section of their index says where:
//
//   index   number of blocks (4 bytes), of each block where it begins in the section of terms (8),
//           of each where its key ends in what follows (4), the keys: none of the block's is before
//           it, all of the block before are
//   block   number of terms, where the first one's postings begin (varints); the terms
//   term    bytes shared with the one before (low 4 bits) and bytes of its own (high 4); 15: a
//   varint
//           with the rest follows; its own bytes; then
//             0, document, position                      in one document, once
//             1, document, frequency, bytes              in one document
//             document frequency, bytes, bytes           of postings, of positions
//
// The data of a term begin where those of the one before end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/term_info.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

inline constexpr size_t kDictionaryBlock = 64;
inline constexpr size_t kShortLength = 15;
inline constexpr size_t kMaxKeyBytes = 4096;

// Of the index section and the section of terms, which must stay. A value; thread-safe.
class TermDictionary {
 public:
  TermDictionary() = default;
  // False when the bytes are no index.
  bool Open(std::string_view index, std::string_view terms);

  size_t blocks() const { return blocks_; }
  // The last block whose key is not behind `key`; 0 when there is none.
  size_t FindBlock(std::string_view key) const;
  // From its first byte on; empty when it lies nowhere.
  std::string_view Block(size_t block) const;
  // No key of the block is before it, all of the block before are. Empty when there is none.
  std::string_view KeyOf(size_t block) const;

 private:
  size_t blocks_ = 0;
  std::string_view offsets_;
  std::string_view ends_;
  std::string_view keys_;
  std::string_view terms_;
};

// Reads the terms of one block.
class TermBlockReader {
 public:
  TermBlockReader() : in_({}) {}
  explicit TermBlockReader(std::string_view block);
  // The next one; false at the end, and when the bytes make no sense.
  bool Next();
  // To the first one that is not before `key`, never back; what lies between is stepped over, which
  // costs less than Next(). False as Next().
  bool Seek(std::string_view key);
  const std::string& key() const { return key_; }
  const TermInfo& info() const { return info_; }

 private:
  // Of an entry: bytes shared with the key before, and its own.
  struct Lengths {
    uint64_t shared = 0;
    uint64_t own = 0;
  };
  Lengths ReadLengths();
  bool Take(const Lengths& lengths);
  void ReadInfo();

  ByteReader in_;
  uint64_t left_ = 0;
  uint64_t data_at_ = 0;
  std::string key_;
  TermInfo info_;
};

// Makes blocks and index. Full blocks are kept until they are taken.
class TermDictionaryWriter {
 public:
  // In the order of keys. `info` says where its data are, if it has any; those of the terms of one
  // block must lie one behind the other.
  void Add(std::string_view key, const TermInfo& info);
  // The next term begins a block: nothing is known of where its data will lie.
  bool AtBlockBegin() const { return count_ == 0; }
  size_t kept_bytes() const { return blocks_.size(); }
  // Also a block that is not full. At `begin` of the section of terms they will lie.
  std::string TakeBlocks(uint64_t begin);
  // The section of the index, when all blocks have been taken.
  std::string Index() const;

 private:
  void AddInfo(const TermInfo& info);
  void CloseBlock();

  size_t count_ = 0;
  uint64_t first_data_ = 0;
  bool has_data_ = false;
  std::string entries_;
  std::string first_key_;
  std::string last_key_;
  std::string last_key_of_block_before_;
  std::string blocks_;
  std::vector<uint64_t> offsets_;  // of the last `kept_`: in blocks_
  size_t kept_ = 0;
  std::string ends_;
  std::string keys_;
};

}  // namespace quern::search
