#include "jobs/corpus/tokenizer.h"

#include <fstream>
#include <stdexcept>
#include <utility>

#include "jobs/params.h"
#include "jobs/text/bpe.h"
#include "jobs/text/bpe_vocabulary.h"
#include "jobs/text/sentencepiece_encoder.h"
#include "jobs/text/sentencepiece_model.h"

namespace quern::corpus {

namespace {

class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer(std::string_view encoder_json, std::string_view merges)
      : vocabulary_(encoder_json, merges), encoder_(&vocabulary_) {}

  void Encode(std::string_view text, std::vector<uint32_t>* tokens) override {
    encoder_.Encode(text, tokens);
  }
  uint32_t size() const override { return vocabulary_.size(); }
  std::optional<uint32_t> end_of_text() const override { return vocabulary_.end_of_text(); }
  std::string NoEndOfText() const override {
    return "encoder.json has no token " + std::string(text::BpeVocabulary::kEndOfText);
  }
  std::string name() const override { return "quern-bpe"; }

 private:
  const text::BpeVocabulary vocabulary_;
  text::BpeEncoder encoder_;
};

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(std::string_view name, std::string file)
      : name_(name), model_(std::move(file)), encoder_(&model_) {}

  void Encode(std::string_view text, std::vector<uint32_t>* tokens) override {
    encoder_.Encode(text, tokens);
  }
  uint32_t size() const override { return model_.size(); }
  std::optional<uint32_t> end_of_text() const override { return model_.end_of_text(); }
  std::string NoEndOfText() const override {
    return name_ + " has no piece " + std::string(model_.end_piece());
  }
  std::string name() const override { return name_; }

 private:
  const std::string name_;
  const text::SentencePieceModel model_;
  text::SentencePieceEncoder encoder_;
};

// `hint` is what --files takes. Models have 100 MB: read into the place where they stay.
std::string ReadSideFile(TaskContext& context, const std::string& path, const std::string& hint) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff{file.tellg()} : 0;
  std::string contents(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  file.seekg(0);
  file.read(contents.data(), size > 0 ? size : 0);
  if (!file || contents.empty()) {
    context.Fail("files: " + path + ": is empty or cannot be read. Try: " + hint);
  }
  return contents;
}

std::unique_ptr<Tokenizer> LoadBpe(TaskContext& context) {
  const std::string hint = "--files encoder.json,vocab.bpe";
  const std::string encoder = ReadSideFile(context, context.file("encoder.json"), hint);
  const std::string merges = ReadSideFile(context, context.file("vocab.bpe"), hint);
  try {
    return std::make_unique<BpeTokenizer>(encoder, merges);
  } catch (const std::invalid_argument& problem) {
    context.Fail(std::string("files: ") + problem.what());
  }
}

std::unique_ptr<Tokenizer> LoadSentencePiece(TaskContext& context, std::string_view name) {
  const std::string hint =
      "--files DIR/tokenizer.model --set params.model=tokenizer.model, a model that "
      "sentencepiece has trained";
  std::string file = ReadSideFile(context, context.file(name), hint);
  try {
    return std::make_unique<SentencePieceTokenizer>(name, std::move(file));
  } catch (const std::invalid_argument& problem) {
    context.Fail("files: " + std::string(name) + ": " + problem.what() + ". Try: " + hint);
  }
}

}  // namespace

std::unique_ptr<Tokenizer> LoadTokenizer(TaskContext& context) {
  const std::optional<std::string_view> model = ParamIfSet(context, "model");
  return model.has_value() ? LoadSentencePiece(context, *model) : LoadBpe(context);
}

std::optional<uint32_t> EndOfText(TaskContext& context, const Tokenizer& tokenizer, bool fallback) {
  if (!FlagParam(context, "end_of_text", fallback ? "true" : "false")) return std::nullopt;
  if (!tokenizer.end_of_text().has_value()) {
    context.Fail("params.end_of_text: " + tokenizer.NoEndOfText() +
                 std::string(fallback ? ". Try: --set params.end_of_text=false" : ""));
  }
  return tokenizer.end_of_text();
}

}  // namespace quern::corpus
