#include "jobs/corpus/vocabulary.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "jobs/params.h"

namespace quern::corpus {

namespace {

std::string ReadVocabularyFile(TaskContext& context, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || contents.empty()) {
    context.Fail("files: " + path +
                 ": is empty or cannot be read. Try: --files encoder.json,vocab.bpe");
  }
  return contents;
}

}  // namespace

std::unique_ptr<text::BpeVocabulary> LoadVocabulary(TaskContext& context) {
  const std::string encoder = ReadVocabularyFile(context, context.file("encoder.json"));
  const std::string merges = ReadVocabularyFile(context, context.file("vocab.bpe"));
  try {
    return std::make_unique<text::BpeVocabulary>(encoder, merges);
  } catch (const std::invalid_argument& problem) {
    context.Fail(std::string("files: ") + problem.what());
  }
}

std::optional<uint32_t> EndOfText(TaskContext& context, const text::BpeVocabulary& vocabulary,
                                  bool fallback) {
  if (!FlagParam(context, "end_of_text", fallback ? "true" : "false")) return std::nullopt;
  if (!vocabulary.end_of_text().has_value()) {
    context.Fail("params.end_of_text: encoder.json has no token <|endoftext|>" +
                 std::string(fallback ? ". Try: --set params.end_of_text=false" : ""));
  }
  return vocabulary.end_of_text();
}

}  // namespace quern::corpus
