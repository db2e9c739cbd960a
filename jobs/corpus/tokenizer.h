// The tokeniser that a job is given as side files: a byte-level BPE vocabulary in GPT-2's form, or
// the one file that params.model names, which is told by how it begins: a tokenizer.json, a
// .tiktoken file or a SentencePiece model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/mapreduce.h"

namespace quern::corpus {

// Used by one thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // One for another task or thread, with the same vocabulary in memory.
  virtual std::unique_ptr<Tokenizer> Another() const = 0;

  // Appends the tokens of a text of any bytes.
  virtual void Encode(std::string_view text, std::vector<uint32_t>* tokens) = 0;
  // One more than the greatest id.
  virtual uint32_t size() const = 0;
  // The token that stands between documents, if there is one; where there is none, in words.
  virtual std::optional<uint32_t> end_of_text() const = 0;
  virtual std::string NoEndOfText() const = 0;
  // What metadata call the vocabulary unless they are told.
  virtual std::string name() const = 0;
};

// params.model=NAME is the side file; without it encoder.json and vocab.bpe are read. Of a
// .tiktoken file params.pattern says how it cuts text. Fails the job when they are not there, or
// wrong. The process keeps the vocabulary that it has read last (jobs/corpus/kept_tokenizer.h): its
// next task of the same job has it at once.
std::unique_ptr<Tokenizer> LoadTokenizer(TaskContext& context);

// The id that ends each document: that of the vocabulary with params.end_of_text=true, which is
// `fallback` unless it is set, or the number that it is set to. Fails the job when the vocabulary
// has none.
std::optional<uint32_t> EndOfText(TaskContext& context, const Tokenizer& tokenizer, bool fallback);

}  // namespace quern::corpus
