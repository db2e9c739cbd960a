// mr run corpus, from pages to shards and files of tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "jobs/text/bpe.h"
#include "jobs/text/json.h"
#include "mapreduce/formats/output_format.h"
#include "tests/jobs/corpus/token_readers.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/text/small_vocabulary.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using Documents = std::vector<std::vector<uint32_t>>;

class CorpusPipelineTest : public LocalJobsTest {
 protected:
  CorpusPipelineTest() {
    Shell(fmt::format("mkdir {0}/crawl {0}/vocabulary", dir_.path()));
    std::ofstream(dir_ / "vocabulary/encoder.json") << files_.encoder_json;
    std::ofstream(dir_ / "vocabulary/vocab.bpe") << files_.vocab_bpe;
    std::ofstream crawl(dir_ / "crawl/a.warc", std::ios::binary);
    for (int i = 0; i < kPages; ++i) crawl << Page(i);
  }
  static std::string Page(int number) {
    const std::string body = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<title>T</title><p>The "
        "page with the number {0} has text that nobody else has, and it goes on for a while. It "
        "says {0} what it {0} has to {0} say, and {0} then it {0} says that {0} once more {0} in "
        "other {0} words. Whoever reads it learns of the number {0}.",
        number);
    return WarcRecord("response", fmt::format("http://h/{}", number),
                      "application/http; msgtype=response", body);
  }
  Outcome RunCorpus(const std::string& out, const std::string& flags) {
    return Shell(
        fmt::format("cd {0}; {1}/mr run --local corpus file://{0}/crawl file://{0}/{2} "
                    "--set gopher.words_min=10 --set c4.sentences_min=1 "
                    "--set shards.reduce.tasks=2 {3} 2>&1",
                    dir_.path(), std::getenv("QUERN_BIN"), out, flags));
  }
  std::string File(const std::string& name) { return Shell("cat " + dir_ / name).out; }
  std::string Shard(int number) {
    return Shell(fmt::format("zstd -dc {}/out/shards/train-0000{}-of-00002.jsonl.zst", dir_.path(),
                             number))
        .out;
  }

  static constexpr int kPages = 20;
  const text::Trained files_ = text::Train("the page that has the number of the text", 20);
  const text::BpeVocabulary vocabulary_{files_.encoder_json, files_.vocab_bpe};
};

TEST_F(CorpusPipelineTest, TokensAreMadeWhereATokenizerIsNamed) {
  const Outcome outcome =
      RunCorpus("out", "--set tokenizer=vocabulary --set tokens.reduce.tasks=2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  size_t documents = 0;
  for (const int shard : {0, 1}) {
    std::istringstream lines(Shard(shard));
    Documents want;
    for (std::string line; std::getline(lines, line);) {
      const auto fields = text::ReadJsonObject(line);
      text::BpeEncoder(&vocabulary_)
          .Encode(text::StringField(*fields, "text"), &want.emplace_back());
      want.back().push_back(*vocabulary_.end_of_text());
    }
    const std::string name = fmt::format("out/tokens/train-0000{}-of-00002", shard);
    EXPECT_EQ(corpus::ReadMegatron(File(name + ".bin"), File(name + ".idx")), want);
    documents += want.size();
  }
  EXPECT_GT(documents, 0u) << outcome.out;
}

TEST_F(CorpusPipelineTest, WithoutOneThereAreNone) {
  const Outcome outcome = RunCorpus("out", "");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Shell("ls " + dir_ / "out").out,
            "_MANIFEST.json\n_SUCCESS\nrejected\nreport.html\nreport.json\nreport.txt\nshards\n");
  EXPECT_THAT(File("out/report.txt"), HasSubstr("Stages"));
  // It is what --overwrite knows as its own, until something else lies in it.
  const Outcome again = RunCorpus("out", "--overwrite");
  EXPECT_EQ(again.exit_code, 0) << again.out;
  Shell("touch " + dir_ / "out/mine");
  EXPECT_THAT(RunCorpus("out", "--overwrite").out,
              HasSubstr("mine in it is not the output of a job"));
  EXPECT_THAT(RunCorpus("other", "--set tokenizer=nowhere").out,
              HasSubstr("stage tokens: files: " + dir_ / "nowhere/encoder.json: no such file"));
}

TEST_F(CorpusPipelineTest, ParquetIsMadeWhereItIsAskedFor) {
  const Outcome outcome = RunCorpus("out", "--set parquet=true --set parquet.reduce.tasks=2");
  if (!(*FindOutputFormat("parquet"))->Installed().ok()) {
    EXPECT_THAT(outcome.out, HasSubstr("Try: deploy/install-arrow.sh"));
    return;
  }
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const int shard : {0, 1}) {
    const std::string file = File(fmt::format("out/parquet/train-0000{}-of-00002.parquet", shard));
    EXPECT_TRUE(file.starts_with("PAR1"));
    EXPECT_TRUE(file.ends_with("PAR1"));
  }
  EXPECT_NE(Shard(0) + Shard(1), "") << outcome.out;
}

}  // namespace
}  // namespace quern::mr
