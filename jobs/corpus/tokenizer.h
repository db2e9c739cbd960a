// The tokeniser that a job is given as side files: a byte-level BPE vocabulary in GPT-2's form, or
// a SentencePiece model where params.model names one.
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

// params.model=NAME is the side file with a SentencePiece model; without it encoder.json and
// vocab.bpe are read. Fails the job when they are not there, or wrong.
std::unique_ptr<Tokenizer> LoadTokenizer(TaskContext& context);

// The id that ends each document with params.end_of_text=true, which is `fallback` unless it is
// set; fails the job when the vocabulary has none.
std::optional<uint32_t> EndOfText(TaskContext& context, const Tokenizer& tokenizer, bool fallback);

}  // namespace quern::corpus
