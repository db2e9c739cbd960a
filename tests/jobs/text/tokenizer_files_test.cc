// tokenizer.json and .tiktoken: ids as the libraries themselves give them (tokenizers/make.py), and
// what is refused rather than read otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "jobs/text/bpe.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string KeptTokenizer(const std::string& name) {
  std::ifstream file(QUERN_SOURCE_DIR "/tests/jobs/text/tokenizers/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

BpeModel KeptModelOf(const std::string& name, std::string_view pattern) {
  const std::string file = KeptTokenizer(name);
  return pattern.empty() ? ReadTokenizerJson(file)
                         : ReadTiktoken(file, PieceRuleOfName(pattern).value());
}

std::vector<uint32_t> EncodedBy(const BpeVocabulary& vocabulary, std::string_view text) {
  std::vector<uint32_t> ids;
  BpeEncoder(&vocabulary).Encode(text, &ids);
  return ids;
}

std::vector<uint32_t> IdsInJson(std::string_view list) {
  std::vector<uint32_t> ids;
  const auto elements = ReadJsonArray(list);
  for (const std::string_view one : elements.value()) {
    std::from_chars(one.data(), one.data() + one.size(), ids.emplace_back());
  }
  return ids;
}

TEST(TokenizerFiles, GiveTheIdsOfTheLibraries) {
  std::ifstream lines(QUERN_SOURCE_DIR "/tests/jobs/text/tokenizers/expected.jsonl");
  size_t texts = 0;
  for (std::string line; std::getline(lines, line); ++texts) {
    const auto fields = ReadJsonObject(line).value();
    const std::string file = StringField(fields, "file");
    const std::string pattern = StringField(fields, "pattern");
    const std::string text = StringField(fields, "text");
    const BpeVocabulary vocabulary(KeptModelOf(file, pattern));
    EXPECT_EQ(EncodedBy(vocabulary, text), IdsInJson(FindField(fields, "ids")->value))
        << file << " " << pattern << " " << line;
  }
  EXPECT_GE(texts, 9u * 20);
}

TEST(TokenizerFiles, KnowWhatStandsBetweenDocuments) {
  EXPECT_EQ(BpeVocabulary(KeptModelOf("llama3.json", "")).end_of_text(), 0u);
  EXPECT_EQ(BpeVocabulary(KeptModelOf("small.tiktoken", "llama3")).end_of_text(), std::nullopt);
}

// All but NFC, which changes texts.
class TokenizerFilesTest : public RandomTest {};

TEST_F(TokenizerFilesTest, BytesOfAnyKindComeBack) {
  const std::string_view parts[] = {"a",    "B",    "'S", " ",  "\n",      "12",
                                    "\xff", "\xc3", "é",  "中", "\xcc\x81"};
  for (const char* const pattern : {"gpt2", "cl100k", "llama3", "qwen2", "o200k"}) {
    const BpeVocabulary vocabulary(KeptModelOf("small.tiktoken", pattern));
    BpeEncoder encoder(&vocabulary);
    for (int round = 0; round < 500; ++round) {
      std::string text;
      for (uint64_t i = Below(30); i > 0; --i) text += parts[Below(std::size(parts))];
      std::vector<uint32_t> ids;
      encoder.Encode(text, &ids);
      ASSERT_EQ(encoder.Decode(ids), text) << pattern;
    }
  }
}

TEST(TokenizerFiles, NfcLeavesBytesThatAreNoText) {
  const std::string bad = "\xff";
  EXPECT_EQ(ToNfc("e\u0301te\u0301"), "été");
  EXPECT_EQ(ToNfc(bad + "a" + bad + "e\u0301" + "\xc3"), bad + "a" + bad + "é" + "\xc3");
  EXPECT_EQ(ToNfc("e" + bad + "\u0301"), "e" + bad + "\u0301");
  EXPECT_EQ(ToNfc("ﬁ A"), "ﬁ A");
}

// Of `name` with the first `what` in it changed.
std::string WhyRefusedWith(const std::string& name, std::string_view what, std::string_view to) {
  std::string file = KeptTokenizer(name);
  const size_t at = file.find(what);
  if (at == std::string::npos) return "nothing to change";
  file.replace(at, what.size(), to);
  try {
    const BpeVocabulary vocabulary(ReadTokenizerJson(file));
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(TokenizerFiles, RefuseWhatWouldMakeOtherIds) {
  const struct {
    std::string_view what;
    std::string_view to;
    std::string_view why;
  } kCases[] = {
      {"{\"version\"", "[", "the file: is no JSON object"},
      {"\"truncation\":null", "\"truncation\":{}", "truncation: {} is not supported, only null"},
      {"\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}",
       "normalizer.type: \"Lowercase\" is not supported, only null and \"NFC\""},
      {"{1,3}", "{1,2}", "pre_tokenizer.pretokenizers[0].pattern.Regex: "},
      {"\"Isolated\"", "\"Removed\"", "pre_tokenizer.pretokenizers[0].behavior: "},
      {"\"invert\":false", "\"invert\":true", "pre_tokenizer.pretokenizers[0].behavior: "},
      {"\"type\":\"Split\"", "\"type\":\"Digits\"",
       "pre_tokenizer.pretokenizers[0].type: \"Digits\""},
      {"\"add_prefix_space\":false", "\"add_prefix_space\":true",
       "pretokenizers[1].add_prefix_space: true is not supported, only false"},
      {"\"use_regex\":false", "\"use_regex\":true", "pretokenizers[1].use_regex: "},
      {"\"type\":\"BPE\"", "\"type\":\"Unigram\"",
       "model.type: \"Unigram\" is not supported, only \"BPE\""},
      {"\"dropout\":null", "\"dropout\":0.1", "model.dropout: 0.1"},
      {"\"byte_fallback\":false", "\"byte_fallback\":true", "model.byte_fallback: true"},
      {"\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"",
       "model.end_of_word_suffix"},
      {"\"fuse_unk\":", "\"new\":1,\"fuse_unk\":", "model.new: is no field that is known"},
      {"\"a\":", "\"aaaaaaaaaaaaaaaaa\":", "model.vocab: no token stands for the byte 97"},
      {"\"id\":0,", "\"id\":7,", "added_tokens[0].id: is 7"},
      {"\"merges\":[", "\"merges\":[[\"q\",\"zzzz\"],",
       "model.merges[0]: [\"q\",\"zzzz\"]: one of"},
      {"\"merges\":[", "\"merges\":[\"q\",", "model.merges[0]: \"q\" is no two tokens"},
      {"\"model\":", "\"other\":", "other: is no field that is known"},
  };
  for (const auto& one : kCases) {
    EXPECT_THAT(WhyRefusedWith("llama3.json", one.what, one.to), HasSubstr(one.why)) << one.what;
  }
  EXPECT_EQ(WhyRefusedWith("llama3.json", "\"ignore_merges\":true", "\"ignore_merges\":false"),
            "accepted");
  EXPECT_THAT(WhyRefusedWith("qwen2.json",
                             "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                             "\"normalized\":false,\"special\":false",
                             "\"lstrip\":true,\"special\":false"),
              HasSubstr("lstrip: true is not supported"));
}

std::string WhyTiktokenRefused(std::string_view file) {
  try {
    const BpeVocabulary vocabulary(ReadTiktoken(file, PieceRule::kCl100k));
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(TokenizerFiles, RefuseLinesThatAreNoTokens) {
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\nYg=\n"),
              HasSubstr("line 2 'Yg=': is no token in base64"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\nY!== 1\n"), HasSubstr("line 2"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0 \n"), HasSubstr("line 1"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\nYg== 0\n"), HasSubstr("another token has this rank"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\nYQ== 1\n"), HasSubstr("are of the same token"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 16777216\n"), HasSubstr("the rank is not below 16777216"));
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\n"), HasSubstr("no token stands for the byte 0"));
  const std::string of_1002_bytes(1'336, 'Y');
  EXPECT_THAT(WhyTiktokenRefused("YQ== 0\n" + of_1002_bytes + " 1\n"),
              AllOf(HasSubstr("line 2 'YYY"), HasSubstr("the token has more than 1000 bytes")));
}

}  // namespace
}  // namespace quern::text
