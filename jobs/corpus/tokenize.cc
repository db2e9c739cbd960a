// Tokenises documents with a byte-level BPE vocabulary in GPT-2's form.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input, one line
// each:
//   {"id": "...", "tokens": [464, 3797, ...]}
// With params.end_of_text=true each list ends with the vocabulary's <|endoftext|>.
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/params.h"
#include "jobs/text/bpe.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::text::BpeEncoder;
using quern::text::BpeVocabulary;

std::string ReadVocabularyFile(quern::TaskContext& context, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || contents.empty()) {
    context.Fail("files: " + path +
                 ": is empty or cannot be read. Try: --files encoder.json,vocab.bpe");
  }
  return contents;
}

class TokenizeMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    tokens_counter_ = context.counter("tokens");
    bytes_counter_ = context.counter("bytes_of_text");
    LoadVocabulary(context);
    encoder_ = std::make_unique<BpeEncoder>(vocabulary_.get());
    if (FlagParam(context, "end_of_text")) {
      if (!vocabulary_->end_of_text().has_value()) {
        context.Fail("params.end_of_text: encoder.json has no token <|endoftext|>");
      }
      end_of_text_ = vocabulary_->end_of_text();
    }
  }

  void Map(const quern::MapInput& in) override {
    const std::optional<Document> document = reader_.Read(in);
    if (!document.has_value()) return;
    tokens_.clear();
    encoder_->Encode(document->text, &tokens_);
    if (end_of_text_.has_value()) tokens_.push_back(*end_of_text_);
    tokens_counter_->Increment(static_cast<int64_t>(tokens_.size()));
    bytes_counter_->Increment(static_cast<int64_t>(document->text.size()));
    Write(*document);
  }

 private:
  void LoadVocabulary(quern::TaskContext& context) {
    const std::string encoder = ReadVocabularyFile(context, context.file("encoder.json"));
    const std::string merges = ReadVocabularyFile(context, context.file("vocab.bpe"));
    try {
      vocabulary_ = std::make_unique<BpeVocabulary>(encoder, merges);
    } catch (const std::invalid_argument& problem) {
      context.Fail(std::string("files: ") + problem.what());
    }
  }

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
  std::unique_ptr<BpeVocabulary> vocabulary_;
  std::unique_ptr<BpeEncoder> encoder_;
  std::optional<uint32_t> end_of_text_;
  std::vector<uint32_t> tokens_;
  std::string list_;
  quern::text::JsonObjectWriter line_;
  quern::Counter* tokens_counter_ = nullptr;
  quern::Counter* bytes_counter_ = nullptr;
};
QUERN_REGISTER_MAPPER(TokenizeMapper);

}  // namespace
