#include "jobs/corpus/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "jobs/corpus/kept_tokenizer.h"
#include "jobs/params.h"
#include "jobs/text/bpe.h"
#include "jobs/text/bpe_model.h"
#include "jobs/text/bpe_vocabulary.h"
#include "jobs/text/piece_rule.h"
#include "jobs/text/sentencepiece_encoder.h"
#include "jobs/text/sentencepiece_model.h"

namespace quern::corpus {

namespace {

constexpr std::string_view kPattern = "pattern";

class BpeTokenizer : public Tokenizer {
 public:
  // `name` as in metadata; `no_end` is NoEndOfText().
  BpeTokenizer(std::string_view name, std::string_view no_end, text::BpeModel model)
      : BpeTokenizer(name, no_end, std::make_shared<const text::BpeVocabulary>(std::move(model))) {}
  BpeTokenizer(std::string_view name, std::string_view no_end,
               std::shared_ptr<const text::BpeVocabulary> vocabulary)
      : name_(name),
        no_end_(no_end),
        vocabulary_(std::move(vocabulary)),
        encoder_(vocabulary_.get()) {}

  std::unique_ptr<Tokenizer> Another() const override {
    return std::make_unique<BpeTokenizer>(name_, no_end_, vocabulary_);
  }
  void Encode(std::string_view text, std::vector<uint32_t>* tokens) override {
    encoder_.Encode(text, tokens);
  }
  uint32_t size() const override { return vocabulary_->size(); }
  std::optional<uint32_t> end_of_text() const override { return vocabulary_->end_of_text(); }
  std::string NoEndOfText() const override { return no_end_; }
  std::string name() const override { return name_; }

 private:
  const std::string name_;
  const std::string no_end_;
  const std::shared_ptr<const text::BpeVocabulary> vocabulary_;
  text::BpeEncoder encoder_;
};

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(std::string_view name,
                         std::shared_ptr<const text::SentencePieceModel> model)
      : name_(name), model_(std::move(model)), encoder_(model_.get()) {}

  std::unique_ptr<Tokenizer> Another() const override {
    return std::make_unique<SentencePieceTokenizer>(name_, model_);
  }
  void Encode(std::string_view text, std::vector<uint32_t>* tokens) override {
    encoder_.Encode(text, tokens);
  }
  uint32_t size() const override { return model_->size(); }
  std::optional<uint32_t> end_of_text() const override { return model_->end_of_text(); }
  std::string NoEndOfText() const override {
    return name_ + " has no piece " + std::string(model_->end_piece());
  }
  std::string name() const override { return name_; }

 private:
  const std::string name_;
  const std::shared_ptr<const text::SentencePieceModel> model_;
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

std::unique_ptr<Tokenizer> LoadGpt2(TaskContext& context) {
  const std::string hint = "--files encoder.json,vocab.bpe";
  if (ParamIfSet(context, kPattern).has_value()) {
    context.Fail(
        "params.pattern: is for a .tiktoken file. Try: --set params.model=NAME, or leave "
        "it out");
  }
  const std::string encoder = ReadSideFile(context, context.file("encoder.json"), hint);
  const std::string merges = ReadSideFile(context, context.file("vocab.bpe"), hint);
  try {
    return std::make_unique<BpeTokenizer>(
        "quern-bpe", "encoder.json has no token " + std::string(text::BpeVocabulary::kEndOfText),
        text::ReadGpt2Files(encoder, merges));
  } catch (const std::invalid_argument& problem) {
    context.Fail(std::string("files: ") + problem.what());
  }
}

// A file of tiktoken begins with a token in base64, a blank and a number.
bool LooksLikeTiktoken(std::string_view file) {
  constexpr size_t kMostBytes = 1'000;  // of its first line
  const std::string_view line =
      file.substr(0, std::min({file.find('\r'), file.find('\n'), kMostBytes}));
  const size_t blank = line.find(' ');
  if (blank == 0 || blank % 4 != 0 || blank + 1 >= line.size()) return false;
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  return line.substr(0, blank).find_first_not_of(kBase64) == std::string_view::npos &&
         line.substr(blank + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

std::unique_ptr<Tokenizer> LoadTiktoken(TaskContext& context, std::string_view name,
                                        std::string_view file) {
  const std::string pattern(context.param(kPattern));
  const auto rule = text::PieceRuleOfName(pattern);
  if (!rule.has_value()) {
    context.Fail("params.pattern = '" + pattern + "': " + std::string(name) +
                 " is a file of tiktoken, which does not say how text is cut. Try: --set "
                 "params.pattern=cl100k; there are " +
                 std::string(text::kPieceRuleNames));
  }
  return std::make_unique<BpeTokenizer>(
      name,
      std::string(name) +
          " is a file of tiktoken, and those have no such token. Try: --set "
          "params.end_of_text=ID",
      text::ReadTiktoken(file, *rule));
}

std::unique_ptr<Tokenizer> LoadModel(TaskContext& context, std::string_view name) {
  const std::string hint =
      "--files DIR/FILE --set params.model=FILE, a tokenizer.json, a .tiktoken file or a model "
      "that "
      "sentencepiece has trained";
  std::string file = ReadSideFile(context, context.file(name), hint);
  const bool is_tiktoken = LooksLikeTiktoken(file);
  if (!is_tiktoken && ParamIfSet(context, kPattern).has_value()) {
    context.Fail("params.pattern: is for a .tiktoken file, and " + std::string(name) +
                 " is none. Try: leave it out");
  }
  try {
    if (is_tiktoken) return LoadTiktoken(context, name, file);
    if (file.starts_with('{')) {
      return std::make_unique<BpeTokenizer>(
          name, std::string(name) + " has no token <|endoftext|> or <|end_of_text|>",
          text::ReadTokenizerJson(file));
    }
    return std::make_unique<SentencePieceTokenizer>(
        name, std::make_shared<const text::SentencePieceModel>(std::move(file)));
  } catch (const std::invalid_argument& problem) {
    context.Fail("files: " + std::string(name) + ": " + problem.what() + ". Try: " + hint);
  }
}

// What a tokenizer is made of; nothing when that cannot be told.
std::optional<std::string> SourceOf(TaskContext& context, std::optional<std::string_view> model) {
  std::vector<std::string> names = {"encoder.json", "vocab.bpe"};
  if (model.has_value()) names = {std::string(*model)};
  std::string source(ParamIfSet(context, kPattern).value_or(""));
  for (const std::string& name : names) {
    const std::optional<std::string> identity = IdentityOfFile(context.file(name));
    if (!identity.has_value()) return std::nullopt;
    source += "\n" + name + "\n" + *identity;
  }
  return source;
}

}  // namespace

std::unique_ptr<Tokenizer> LoadTokenizer(TaskContext& context) {
  static KeptTokenizer kept;
  const std::optional<std::string_view> model = ParamIfSet(context, "model");
  const std::optional<std::string> source = SourceOf(context, model);
  if (auto tokenizer = kept.Get(source)) return tokenizer;
  auto tokenizer = model.has_value() ? LoadModel(context, *model) : LoadGpt2(context);
  kept.Keep(source, *tokenizer);
  return tokenizer;
}

std::optional<uint32_t> EndOfText(TaskContext& context, const Tokenizer& tokenizer, bool fallback) {
  constexpr std::string_view kName = "end_of_text";
  const std::string_view set = context.param(kName);
  if (!set.empty() && set[0] >= '0' && set[0] <= '9') {
    return static_cast<uint32_t>(NumberParam(context, kName, "", 0, text::kMaxBpeTokens - 1));
  }
  if (!FlagParam(context, kName, fallback ? "true" : "false")) return std::nullopt;
  if (!tokenizer.end_of_text().has_value()) {
    context.Fail("params.end_of_text: " + tokenizer.NoEndOfText() +
                 std::string(fallback ? ". Try: --set params.end_of_text=false" : ""));
  }
  return tokenizer.end_of_text();
}

}  // namespace quern::corpus
