// Tokenises documents with a byte-level BPE vocabulary in GPT-2's form, or a SentencePiece model.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input, one line
// each:
//   {"id": "...", "tokens": [464, 3797, ...]}
// With params.end_of_text=true each list ends with the vocabulary's <|endoftext|> or </s>.
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/tokenizer.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::corpus::Tokenizer;

class TokenizeMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    tokens_counter_ = context.counter("tokens");
    bytes_counter_ = context.counter("bytes_of_text");
    tokenizer_ = quern::corpus::LoadTokenizer(context);
    end_of_text_ = quern::corpus::EndOfText(context, *tokenizer_, false);
  }

  void Map(const quern::MapInput& in) override {
    const std::optional<Document> document = reader_.Read(in);
    if (!document.has_value()) return;
    tokens_.clear();
    tokenizer_->Encode(document->text, &tokens_);
    if (end_of_text_.has_value()) tokens_.push_back(*end_of_text_);
    tokens_counter_->Increment(static_cast<int64_t>(tokens_.size()));
    bytes_counter_->Increment(static_cast<int64_t>(document->text.size()));
    Write(*document);
  }

 private:
  void Write(const Document& document) {
    list_ = "[";
    for (const uint32_t token : tokens_) {
      char digits[12];
      const char* const end = std::to_chars(digits, digits + sizeof(digits), token).ptr;
      if (list_.size() > 1) list_ += ", ";
      list_.append(digits, static_cast<size_t>(end - digits));
    }
    list_ += ']';
    line_.AddString("id", document.id);
    line_.AddRaw("tokens", list_);
    Emit("", line_.Take());
  }

  quern::corpus::DocumentReader reader_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<uint32_t> end_of_text_;
  std::vector<uint32_t> tokens_;
  std::string list_;
  quern::text::JsonObjectWriter line_;
  quern::Counter* tokens_counter_ = nullptr;
  quern::Counter* bytes_counter_ = nullptr;
};
QUERN_REGISTER_MAPPER(TokenizeMapper);

}  // namespace
