// Token ids as training programs read them: the bytes of the files of one shard.
//
//   form       files                                            tokens of 2 bytes up to
//   Megatron   NAME.bin, NAME.idx                               65,499 ids
//   nanoGPT    NAME.bin                                         65,536 ids
//   datatrove  NAME.ds, NAME.ds.index, NAME.ds.metadata         65,536 ids
//
// Vocabularies with more ids have tokens of 4 bytes. The first file holds nothing but the tokens of
// all documents, little endian. Megatron's index (MMapIndexedDataset) has one sequence a document:
//
//   "MMIDIDX\0\0", u64 version = 1, u8 type of a token (8: uint16, 4: int32),
//   u64 documents, u64 documents + 1, int32 tokens of each, int64 offset in bytes of each,
//   int64 0, 1, ... documents
//
// datatrove's index is the end of each document, u64 in tokens; its metadata are three lines,
// "TOKENIZER|BYTES", the number of tokens, and the same for people. A document without tokens has
// no place in any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::corpus {

enum class TokenForm { kMegatron, kNanoGpt, kDatatrove };

// Of one shard; used by one thread. Holds four bytes a document.
class TokenFiles {
 public:
  // Of token ids below `vocabulary_size`.
  TokenFiles(TokenForm form, uint32_t vocabulary_size);

  // Bytes of a token: 2 or 4.
  size_t token_bytes() const { return token_bytes_; }
  uint64_t tokens() const { return tokens_; }
  uint64_t documents() const { return lengths_.size(); }

  // The bytes of one document, valid until the next call.
  std::string_view Add(const std::vector<uint32_t>& tokens);

  // The index of all documents added so far, piece after piece; none of nanoGPT.
  using Sink = std::function<void(std::string_view)>;
  void WriteIndex(const Sink& sink) const;
  // Of datatrove: the contents of NAME.ds.metadata.
  std::string Metadata(std::string_view tokenizer) const;

 private:
  void WriteMegatronIndex(const Sink& sink) const;
  void WriteDatatroveIndex(const Sink& sink) const;

  const TokenForm form_;
  const size_t token_bytes_;
  uint64_t tokens_ = 0;
  std::vector<uint32_t> lengths_;  // of each document, in tokens
  std::string bytes_;              // of the last one
};

}  // namespace quern::corpus
