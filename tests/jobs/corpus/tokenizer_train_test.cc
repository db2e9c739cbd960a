// Training of vocabularies, against a reference that counts everything anew for each merge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "jobs/text/bpe.h"
#include "jobs/text/bpe_trainer.h"
#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/text/small_vocabulary.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

// As slow as it is plain. Pieces and how often each comes; the lines of vocab.bpe.
std::string SlowMerges(const std::map<std::string, int64_t>& counts, size_t vocabulary,
                       int64_t min_count) {
  std::vector<std::string> tokens;
  for (const bool two_bytes : {false, true}) {  // plain bytes are written as themselves
    for (int byte = 0; byte < 256; ++byte) {
      const std::string token(1, static_cast<char>(byte));
      const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      if (plain != two_bytes) tokens.push_back(token);
    }
  }
  const auto id_of = [&tokens](const std::string& token) {
    return std::find(tokens.begin(), tokens.end(), token) - tokens.begin();
  };
  std::vector<std::pair<std::vector<std::string>, int64_t>> words;
  for (const auto& [piece, count] : counts) {
    words.push_back({{}, count});
    for (const char c : piece) words.back().first.emplace_back(1, c);
  }
  std::string lines = "#version: 0.2\n";
  while (tokens.size() + 1 < vocabulary) {
    std::map<std::pair<long, long>, int64_t> pairs;
    for (const auto& [word, count] : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        pairs[{id_of(word[i]), id_of(word[i + 1])}] += count;
      }
    }
    std::pair<long, long> best;
    int64_t most = 0;
    for (const auto& [pair, count] : pairs) {
      if (count > most) most = count, best = pair;
    }
    if (most < min_count || most == 0) break;
    const std::string left = tokens[static_cast<size_t>(best.first)];
    const std::string right = tokens[static_cast<size_t>(best.second)];
    lines += text::Written(left) + " " + text::Written(right) + "\n";
    for (auto& [word, count] : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != left || word[i + 1] != right) continue;
        word[i] += word[i + 1];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    if (id_of(left + right) == static_cast<long>(tokens.size())) tokens.push_back(left + right);
  }
  return lines;
}

class TokenizerTrainTest : public LocalJobsTest {
 protected:
  std::string RandomWord() {
    std::string word;
    const uint64_t letters = 1 + Below(4);
    for (uint64_t i = 1 + Below(9); i > 0; --i) word += "ab\xc3 e"[Below(letters)];
    return word;
  }
  pb::JobSpec TrainSpec(const std::string& lines) {
    std::ofstream(dir_ / "docs") << lines;
    pb::JobSpec spec = Spec("tokenizer_train", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(1);
    spec.mutable_reduce()->set_combiner("SumCombiner");
    spec.mutable_output()->set_format("bytes");
    spec.mutable_output()->set_files("encoder.json");
    spec.mutable_output()->set_overwrite(true);
    pb::JobSpec::NamedOutput* const merges = spec.add_outputs();
    merges->set_name("merges");
    merges->mutable_output()->set_path(".");
    merges->mutable_output()->set_format("bytes");
    merges->mutable_output()->set_files("vocab.bpe");
    return spec;
  }
  std::string File(const std::string& name) { return Shell("cat " + dir_ / "out/" + name).out; }
};

TEST_F(TokenizerTrainTest, MergesAreThoseOfTheReference) {
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, int64_t> counts;
    for (uint64_t i = 1 + Below(60); i > 0; --i)
      counts[RandomWord()] += 1 + static_cast<int64_t>(Below(4));
    const size_t vocabulary = 257 + Below(80);
    const int64_t min_count = 1 + static_cast<int64_t>(Below(3));
    text::BpeTrainer trainer({vocabulary, min_count});
    for (const auto& [piece, count] : counts) trainer.Add(piece, count);
    trainer.Train([](size_t) {});
    ASSERT_EQ(trainer.VocabBpe(), SlowMerges(counts, vocabulary, min_count)) << round;
    const text::BpeVocabulary read(trainer.EncoderJson(), trainer.VocabBpe());
    EXPECT_LE(read.size(), vocabulary);
    EXPECT_EQ(read.end_of_text(), read.size() - 1);
  }
}

// What Add said is what it begins with: of pairs there are four, and no token is made.
TEST_F(TokenizerTrainTest, CountingThePairsTakesWhatWasSaidBefore) {
  constexpr size_t kPieces = 20'000;
  text::BpeTrainer trainer({257, 1});
  for (size_t i = 0; i < kPieces; ++i) {
    std::string piece;
    for (size_t bit = 0; bit < 15; ++bit) piece += (i >> bit) % 2 == 0 ? 'a' : 'b';
    trainer.Add(piece, 1);
  }
  const size_t said = trainer.bytes();
  EXPECT_GT(said, kPieces * (15 + 14) * sizeof(uint32_t));
  trainer.Train([](size_t) {});
  EXPECT_LT(trainer.bytes(), said + 10'000);
}

TEST_F(TokenizerTrainTest, MoreThanItsMemoryHoldsEndsTheJob) {
  std::string lines;
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int word = 0; word < 100; ++word) text += fmt::format(" {}", 10'000 + 100 * i + word);
    lines += fmt::format("{{\"text\": \"{}\"}}\n", text);
  }
  pb::JobSpec spec = TrainSpec(lines);
  (*spec.mutable_params())["vocabulary"] = "300";
  EXPECT_EQ(Run(spec).exit_code, 0);
  (*spec.mutable_params())["memory_mib"] = "1";
  const Outcome outcome = Run(spec);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("training takes more than params.memory_mib = 1: "));
  EXPECT_THAT(outcome.out, HasSubstr("--set params.memory_mib=2 --set limits.memory=4MiB"));
}

TEST_F(TokenizerTrainTest, BytesHaveGpt2sIds) {
  text::BpeTrainer trainer({257, 1});
  trainer.Add("abab", 5);
  trainer.Train([](size_t) {});
  const text::BpeVocabulary read(trainer.EncoderJson(), trainer.VocabBpe());
  EXPECT_EQ(read.size(), 257u);
  EXPECT_EQ(read.byte_token('!'), 0u);
  EXPECT_EQ(read.byte_token('a'), 64u);
  EXPECT_EQ(read.byte_token(0), 188u);
  EXPECT_EQ(read.byte_token(' '), 220u);
}

TEST_F(TokenizerTrainTest, TheJobTrainsOnAllTexts) {
  std::string lines;
  std::map<std::string, int64_t> counts;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (uint64_t word = 1 + Below(20); word > 0; --word) {
      text += std::string(word % 3 == 0 ? " the" : " cat") + static_cast<char>('a' + Below(3));
    }
    for (const std::string& piece : text::PiecesOf(text)) ++counts[piece];
    lines += fmt::format("{{\"id\": {}, \"text\": \"{}\"}}\n", i, text);
  }
  lines += "{\"id\": \"long\", \"text\": \"" + std::string(300, 'x') + "\"}\n";
  pb::JobSpec spec = TrainSpec(lines);
  (*spec.mutable_params())["vocabulary"] = "270";
  for (const uint64_t split_bytes : {2'000, 2'000'000}) {
    spec.mutable_limits()->set_split_bytes(split_bytes);
    const Outcome outcome = Run(spec);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("user.pieces_too_long = 1"));
    EXPECT_EQ(File("vocab.bpe"), SlowMerges(counts, 270, 2));
  }
  const text::BpeVocabulary vocabulary(File("encoder.json"), File("vocab.bpe"));
  std::vector<uint32_t> tokens;
  text::BpeEncoder encoder(&vocabulary);
  encoder.Encode(" thea cat", &tokens);
  EXPECT_EQ(encoder.Decode(tokens), " thea cat");
  EXPECT_LT(tokens.size(), 9u);
}

TEST_F(TokenizerTrainTest, NoTextIsNoVocabulary) {
  for (const char* const lines : {"", "{\"words\": \"x\"}\n", "{\"text\": \"\"}\nx\n"}) {
    const Outcome outcome = Run(TrainSpec(lines));
    EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("no document has a text in the field 'text'"));
  }
  pb::JobSpec spec = TrainSpec("{\"words\": \"x\"}\n");
  (*spec.mutable_params())["field"] = "words";
  EXPECT_EQ(Run(spec).exit_code, 0);
}

TEST_F(TokenizerTrainTest, ParametersAreChecked) {
  pb::JobSpec spec = TrainSpec("{\"text\": \"x\"}\n");
  (*spec.mutable_params())["vocabulary"] = "256";
  EXPECT_THAT(Run(spec).out,
              HasSubstr("params.vocabulary = '256': must be a whole number from 257 to 10000000"));
  (*spec.mutable_params())["vocabulary"] = "300";
  (*spec.mutable_params())["min_count"] = "0";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.min_count = '0': must be a whole number from 1 to"));
}

}  // namespace
}  // namespace quern::mr
