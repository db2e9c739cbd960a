// mr run corpus on a cluster: tokens of what the shards hold, made when a tokenizer is named, the
// same whatever worker dies, and nothing else made again for their sake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <vector>

#include "jobs/text/bpe.h"
#include "tests/cluster/cluster.h"
#include "tests/jobs/corpus/token_readers.h"
#include "tests/jobs/text/small_vocabulary.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Documents = std::vector<std::vector<uint32_t>>;

constexpr int kPages = 40;
constexpr absl::Duration kPatience = absl::Seconds(60);

class CorpusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 2, .workers = 2});
    ASSERT_NE(cluster_, nullptr);
    Put("/a crawl/网页.warc", Crawl());
    Put("/vocabulary/encoder.json", files_.encoder_json);
    Put("/vocabulary/vocab.bpe", files_.vocab_bpe);
  }
  void Put(const std::string& path, const std::string& bytes) {
    ASSERT_EQ(cluster_->Dfs({"mkdir", "-p", path.substr(0, path.rfind('/'))}).exit_code, 0);
    ASSERT_EQ(cluster_->Dfs({"put", "-", path}, {.stdin_text = bytes}).exit_code, 0);
  }
  // Pages with other words each, so that they are no copies of one another.
  static std::string Crawl() {
    constexpr std::string_view kWords[] = {"river", "the",  "mill",  "of",    "and",
                                           "wheel", "that", "has",   "stone", "to",
                                           "water", "with", "grain", "be",    "bread"};
    std::mt19937_64 random(1);
    std::string crawl;
    for (int i = 0; i < kPages; ++i) {
      std::string text;
      for (int word = 0; word < 120; ++word) {
        text += kWords[random() % std::size(kWords)];
        text += word % 12 == 11 ? ". The " : " ";
      }
      const std::string body = fmt::format(
          "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<title>T</title><p>The "
          "page of the number {}. {}end 数字.",
          i, text);
      crawl += mr::WarcRecord("response", fmt::format("http://h/{}", i),
                              "application/http; msgtype=response", body);
    }
    return crawl;
  }
  static std::vector<std::string> Words(const std::string& out,
                                        const std::vector<std::string>& flags) {
    std::vector<std::string> words = {"run",      "corpus",
                                      "/a crawl", out,
                                      "--set",    "gopher.words_min=10",
                                      "--set",    "c4.sentences_min=1",
                                      "--set",    "shards.reduce.tasks=2"};
    words.insert(words.end(), flags.begin(), flags.end());
    const bool has_tokens = std::any_of(flags.begin(), flags.end(), [](const std::string& flag) {
      return flag.starts_with("tokenizer=");
    });
    if (has_tokens) {
      words.emplace_back("--set");
      words.emplace_back("tokens.reduce.tasks=2");
    }
    return words;
  }
  std::string Read(const std::string& path) {
    const CommandResult read = cluster_->Dfs({"cat", path});
    EXPECT_EQ(read.exit_code, 0) << read.Describe();
    return read.out;
  }
  std::vector<json> Lines(const std::vector<std::string>& arguments) {
    std::vector<json> lines;
    std::istringstream in(cluster_->Mr(arguments).out);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }
  // Of the newest pipeline, by stage; empty when there is none.
  std::map<std::string, std::string> States() {
    std::map<std::string, std::string> states;
    for (const json& one : Lines({"list", "--json"})) {
      if (!one.contains("stages")) continue;
      const std::vector<json> status = Lines({"status", one.at("job"), "--json"});
      for (const json& stage : status.at(0).at("stages")) {
        states[stage.at("stage")] = stage.at("state");
      }
      return states;
    }
    return states;
  }
  // The tokens of each document of a shard, as the vocabulary has them.
  Documents TokensOf(const std::string& shard) {
    const std::string bytes = Read(shard);
    std::string lines(size_t{1} << 20, '\0');
    const size_t got = ZSTD_decompress(lines.data(), lines.size(), bytes.data(), bytes.size());
    EXPECT_FALSE(ZSTD_isError(got)) << shard;
    if (!ZSTD_isError(got)) lines.resize(got);
    Documents documents;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      text::BpeEncoder(&vocabulary_)
          .Encode(json::parse(line).at("text").get<std::string>(), &documents.emplace_back());
      documents.back().push_back(*vocabulary_.end_of_text());
    }
    return documents;
  }
  void ExpectTokensOfShards(const std::string& out) {
    size_t documents = 0;
    for (const int i : {0, 1}) {
      const Documents want =
          TokensOf(fmt::format("{}/shards/train-0000{}-of-00002.jsonl.zst", out, i));
      const std::string name = fmt::format("{}/tokens/train-0000{}-of-00002", out, i);
      EXPECT_EQ(corpus::ReadMegatron(Read(name + ".bin"), Read(name + ".idx")), want);
      documents += want.size();
    }
    EXPECT_GT(documents, size_t{kPages} / 2);
  }
  std::string TokenBytes(const std::string& out) { return Read(out + "/tokens/train-*"); }

  const text::Trained files_ = text::Train("the page that has the number of the text", 20);
  const text::BpeVocabulary vocabulary_{files_.encoder_json, files_.vocab_bpe};
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(CorpusTest, ATokenizerThatIsNamedLaterCostsItsStageAndTheReport) {
  const CommandResult first = cluster_->Mr(Words("/out", {}));
  ASSERT_EQ(first.exit_code, 0) << first.Describe();
  EXPECT_NE(cluster_->Dfs({"test", "-e", "/out/tokens"}).exit_code, 0);
  const std::string report = Read("/out/report.html");
  EXPECT_THAT(report, HasSubstr("<html"));

  const CommandResult refused =
      cluster_->Mr(Words("/out", {"--overwrite", "--set", "tokenizer=/nowhere"}));
  EXPECT_EQ(refused.exit_code, 3) << refused.Describe();
  EXPECT_THAT(refused.err, HasSubstr("/nowhere/encoder.json"));
  EXPECT_EQ(cluster_->Mr(Words("/out", {"--set", "tokeniser=/vocabulary"})).exit_code, 2);

  const CommandResult second =
      cluster_->Mr(Words("/out", {"--overwrite", "--set", "tokenizer=/vocabulary"}));
  ASSERT_EQ(second.exit_code, 0) << second.Describe();
  const auto states = States();
  EXPECT_EQ(states.size(), 11u);
  for (const auto& [stage, state] : states) {
    if (stage == "tokens" || stage == "report") {
      EXPECT_EQ(state, "DONE") << stage;
    } else {
      EXPECT_THAT(state, ::testing::AnyOf("REUSED", "NOT_NEEDED")) << stage;
    }
  }
  ExpectTokensOfShards("/out");
  EXPECT_FALSE(Read("/out/report.html") == report) << "it tells of the tokens";
  EXPECT_EQ(cluster_->Dfs({"ls", "-C", "/out"}).out,
            "/out/_MANIFEST.json\n/out/_SUCCESS\n/out/rejected\n/out/report.html\n"
            "/out/report.json\n/out/report.txt\n/out/shards\n/out/tokens\n");

  // Without it again: no stage but the report runs, and the tokens do not stay behind.
  const CommandResult third = cluster_->Mr(Words("/out", {"--overwrite"}));
  ASSERT_EQ(third.exit_code, 0) << third.Describe();
  for (const auto& [stage, state] : States()) {
    if (stage == "report") continue;
    EXPECT_NE(state, "DONE") << stage;
  }
  EXPECT_NE(cluster_->Dfs({"test", "-e", "/out/tokens"}).exit_code, 0);
  EXPECT_TRUE(Read("/out/report.html") == report);
  EXPECT_THAT(Read("/out/_MANIFEST.json"), ::testing::Not(HasSubstr("tokens")));
}

TEST_F(CorpusTest, ADocumentIsExplainedWhereItIsAsked) {
  const CommandResult made = cluster_->Mr(Words("/out", {}));
  ASSERT_EQ(made.exit_code, 0) << made.Describe();
  const CommandResult kept = cluster_->Mr({"run", "corpus-explain", "/out", "https://h/7/"});
  ASSERT_EQ(kept.exit_code, 0) << kept.Describe();
  EXPECT_THAT(kept.out, ::testing::StartsWith("http://h/7\n  id: "));
  EXPECT_THAT(kept.out, ::testing::ContainsRegex(
                            "  kept\n  lies in /out/shards/train-0000[01]-of-00002.jsonl.zst\n$"));
  EXPECT_EQ(cluster_->Dfs({"ls", "-C", "/.quern/answers"}).out, "") << "it is read, and gone";

  const CommandResult unknown = cluster_->Mr({"run", "corpus-explain", "/out", "http://h/none"});
  EXPECT_EQ(unknown.exit_code, 1) << unknown.Describe();
  EXPECT_THAT(unknown.err,
              ::testing::StartsWith("mr run: http://h/none: the corpus has no document of this"));
  EXPECT_EQ(std::count(unknown.err.begin(), unknown.err.end(), '\n'), 1) << unknown.err;
  const CommandResult other = cluster_->Mr({"run", "corpus-explain", "/vocabulary", "http://h/7"});
  EXPECT_EQ(other.exit_code, 3) << other.Describe();
  EXPECT_THAT(other.err, HasSubstr("/vocabulary/rejected: no such file or directory"));
  EXPECT_THAT(other.err, HasSubstr("CORPUS is what mr run corpus has made"));
}

TEST_F(CorpusTest, TheSameTokensWhateverWorkerDies) {
  const std::vector<std::string> flags = {"--set", "tokenizer=/vocabulary"};
  const CommandResult plain = cluster_->Mr(Words("/plain", flags));
  ASSERT_EQ(plain.exit_code, 0) << plain.Describe();
  ExpectTokensOfShards("/plain");

  std::vector<std::string> words = Words("/killed", flags);
  words.insert(words.begin(), "mr");
  const auto client = cluster_->StartCommand(words);
  ASSERT_TRUE(cluster_->Eventually([&] { return States()["shards"] == "DONE"; }, kPatience))
      << json(States()).dump() << client->Finish().Describe();
  cluster_->Kill("worker1");
  const CommandResult killed = client->Finish();
  ASSERT_EQ(killed.exit_code, 0) << killed.Describe();
  EXPECT_TRUE(TokenBytes("/killed") == TokenBytes("/plain"));
}

}  // namespace
}  // namespace quern::testing
