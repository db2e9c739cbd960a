// Shards: their form, and that nothing but the documents decides what stands where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "jobs/corpus/rules.h"
#include "jobs/corpus/shuffle.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

TEST(Shards, HaveEqualRangesOfThePlaces) {
  EXPECT_EQ(corpus::ShardOf(std::string("\0\0\0\0", 4), 3), 0u);
  EXPECT_EQ(corpus::ShardOf("\x55\x55\x55\x55", 3), 0u);
  EXPECT_EQ(corpus::ShardOf("\x55\x55\x55\x56", 3), 1u);
  EXPECT_EQ(corpus::ShardOf("\xff\xff\xff\xff\xff", 3), 2u);
  EXPECT_EQ(corpus::ShardOf("\xff\xff\xff\xff", 10'000), 9'999u);
  EXPECT_EQ(corpus::ShardOf("", 7), 0u);
}

// All frames of `packed`.
std::string UnpackZstd(const std::string& packed) {
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string text;
  std::string buffer(1 << 16, '\0');
  size_t left = 0;
  while (in.pos < in.size) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    left = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(left)) break;
    text.append(buffer, 0, out.pos);
  }
  EXPECT_EQ(left, 0u);
  ZSTD_freeDCtx(context);
  return text;
}

class ShardsJobTest : public LocalJobsTest {
 protected:
  pb::JobSpec ShardsSpec(const std::string& documents) {
    Write("in/docs", documents);
    pb::JobSpec spec = Spec("shards", dir_ / "in");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_partitioner("ShardPartitioner");
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_codec("zstd");
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  void Write(const std::string& name, const std::string& contents) {
    Shell("mkdir -p " + dir_ / "in");
    std::ofstream(dir_ / name, std::ios::binary) << contents;
  }
  // Of every part, as it lies on the disk.
  std::string Checksums() { return Shell("cd " + dir_ / "out" + "; md5sum part-*").out; }
  std::string Text() { return UnpackZstd(Shell("cat " + dir_ / "out/part-*").out); }

  // Some ids several times, and some documents too.
  std::vector<std::string> RandomDocuments(size_t count) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < count; ++i) {
      std::string line = fmt::format("{{\"id\": \"d{}\", \"text\": \"{}\"", Below(count * 3 / 4),
                                     std::string(Below(200), "abc"[Below(3)]));
      if (Below(4) == 0) line += fmt::format(", \"n\": {}", Below(2));
      lines.push_back(line + "}\n");
    }
    lines.push_back("{\"id\": \"same\", \"text\": \"x\", \"n\": 1}\n");
    lines.push_back("{\"id\": \"same\", \"text\": \"x\", \"n\": 2}\n");
    lines.push_back("{\"id\": \"same\", \"text\": \"y\"}\n");
    lines.push_back("{\"id\": \"same\", \"text\": \"x\", \"n\": 1}\n");
    return lines;
  }
  static std::string Joined(const std::vector<std::string>& lines) {
    return fmt::format("{}", fmt::join(lines, ""));
  }
};

TEST_F(ShardsJobTest, EveryLineHasTheSameSevenFields) {
  pb::JobSpec spec = ShardsSpec(
      "{\"id\": \"a\", \"title\": \"T\", \"text\": \"one \\\"\", \"lang\": \"de-DE\", \"url\": "
      "\"http://h/\", \"date\": \"2024-01-02\", \"tags\": {\"language\": \"en\"}, \"n\": [1, 2]}\n"
      "{\"text\": \"two\", \"id\": 7, \"source\": \"books\"}\n"
      "\n{\"id\": \"none\"}\n{cut\n");
  (*spec.mutable_params())["source"] = "crawl";
  spec.mutable_reduce()->set_tasks(1);
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string a =
      "{\"id\": \"a\", \"url\": \"http://h/\", \"text\": \"one \\\"\", \"lang\": \"de-DE\", "
      "\"date\": \"2024-01-02\", \"source\": \"crawl\", \"meta\": {\"title\": \"T\", \"n\": [1, "
      "2]}}\n";
  const std::string b =
      "{\"id\": \"7\", \"url\": null, \"text\": \"two\", \"lang\": null, \"date\": null, "
      "\"source\": \"books\", \"meta\": {}}\n";
  EXPECT_THAT(Text(), ::testing::AnyOf(a + b, b + a));
  for (const char* counter : {"user.documents = 2", "user.documents_without_text = 1",
                              "user.lines_of_bad_json = 1", "user.bytes_of_text = 8"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(ShardsJobTest, AFieldCalledTextStaysWhereAnotherHoldsTheText) {
  pb::JobSpec spec = ShardsSpec("{\"id\": \"a\", \"text\": \"short\", \"body\": \"long\"}\n");
  (*spec.mutable_params())["field"] = "body";
  ExpectSucceeds(spec);
  EXPECT_EQ(Text(),
            "{\"id\": \"a\", \"url\": null, \"text\": \"long\", \"lang\": null, \"date\": null, "
            "\"source\": null, \"meta\": {\"text\": \"short\"}}\n");
}

TEST_F(ShardsJobTest, EveryLineIsJson) {
  pb::JobSpec spec = ShardsSpec(
      "{\"id\": \"a\", \"text\": \"x\", \"score\": NaN}\n"
      "{\"id\": \"b\", \"text\": \"y\", \"url\": \"h\t\\u00e9\xff\", \"n\": [1 ,2,{\"m\":1e999}]}\n"
      "{\"id\": \"c\", \"text\": \"z\", \"date\": [1,]}\n");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Text(),
            "{\"id\": \"b\", \"url\": \"h\\té\uFFFD\", \"text\": \"y\", \"lang\": null, \"date\": "
            "null, \"source\": null, \"meta\": {\"n\": [1, 2, {\"m\": 1e999}]}}\n");
  for (const char* counter :
       {"user.documents = 1", "user.lines_of_bad_json = 2", "user.bytes_of_text = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(ShardsJobTest, TheMeasuredLanguageGoesBeforeTheStatedOne) {
  corpus::Tags tags;
  tags.language = "en";
  const auto line = [](const std::string& lang, const std::string& tags_json) {
    return fmt::format("{{\"id\": \"a\", \"text\": \"x\"{}, \"tags\": {}}}\n", lang, tags_json);
  };
  const auto shard = [](const std::string& lang, const std::string& meta) {
    return fmt::format(
        "{{\"id\": \"a\", \"url\": null, \"text\": \"x\", \"lang\": \"{}\", \"date\": null, "
        "\"source\": null, \"meta\": {}}}\n",
        lang, meta);
  };
  pb::JobSpec spec = ShardsSpec(line(", \"lang\": \"de\"", tags.Json()));
  ExpectSucceeds(spec);
  EXPECT_EQ(Text(), shard("en", "{\"lang\": \"de\"}"));
  spec = ShardsSpec(line(", \"lang\": \"en\"", tags.Json()));
  ExpectSucceeds(spec);
  EXPECT_EQ(Text(), shard("en", "{}"));
  spec = ShardsSpec(line(", \"lang\": \"de\"", "{}"));
  (*spec.mutable_params())["tags"] = "true";
  ExpectSucceeds(spec);
  EXPECT_EQ(Text(), shard("de", "{\"tags\": {}}"));
}

TEST_F(ShardsJobTest, NothingButTheDocumentsDecides) {
  std::vector<std::string> lines = RandomDocuments(2'000);
  pb::JobSpec spec = ShardsSpec(Joined(lines));
  ExpectSucceeds(spec);
  const std::string want = Checksums();
  const std::string text = Text();
  for (const uint64_t split_bytes : {1'000, 7'777, 60'000}) {
    std::shuffle(lines.begin(), lines.end(), random_);
    const size_t cut = Below(lines.size());
    Write("in/docs", Joined({lines.begin(), lines.begin() + static_cast<ptrdiff_t>(cut)}));
    Write("in/more", Joined({lines.begin() + static_cast<ptrdiff_t>(cut), lines.end()}));
    spec.mutable_limits()->set_split_bytes(split_bytes);
    ExpectSucceeds(spec);
    EXPECT_EQ(Checksums(), want) << split_bytes;
  }
  // Another number of shards is the same order.
  spec.mutable_reduce()->set_tasks(7);
  ExpectSucceeds(spec);
  EXPECT_EQ(Text(), text);
}

TEST_F(ShardsJobTest, AreShuffledBySeedAndOfLikeSize) {
  std::string documents;
  for (int i = 0; i < 4'000; ++i) documents += fmt::format("{{\"id\": {}, \"text\": \"\"}}\n", i);
  pb::JobSpec spec = ShardsSpec(documents);
  spec.mutable_reduce()->set_tasks(4);
  ExpectSucceeds(spec);
  for (int part = 0; part < 4; ++part) {
    const std::string shard =
        Shell(fmt::format("cat {}/out/part-r-0000{}.zst", dir_.path(), part)).out;
    const std::string text = UnpackZstd(shard);
    EXPECT_NEAR(static_cast<double>(std::count(text.begin(), text.end(), '\n')), 1'000, 130)
        << part;
  }
  const std::string first = Text();
  std::set<std::string> same;
  for (const char* seed : {"0", "1", "9223372036854775807"}) {
    (*spec.mutable_params())["seed"] = seed;
    ExpectSucceeds(spec);
    same.insert(Text());
  }
  EXPECT_EQ(same.size(), 3u);
  EXPECT_TRUE(same.contains(first));
  (*spec.mutable_params())["seed"] = "-1";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.seed = '-1': must be a whole number from 0"));
}

}  // namespace
}  // namespace quern::mr
