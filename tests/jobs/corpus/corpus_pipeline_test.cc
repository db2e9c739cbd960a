// mr run corpus, from pages to shards and files of tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "jobs/corpus/report.h"
#include "jobs/text/bpe.h"
#include "jobs/text/fold.h"
#include "jobs/text/json.h"
#include "mapreduce/api/words.h"
#include "mapreduce/formats/output_format.h"
#include "tests/jobs/corpus/token_readers.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/text/small_vocabulary.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
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
  size_t tokens = 0;
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
    for (const auto& document : want) tokens += document.size();
  }
  EXPECT_GT(documents, 0u) << outcome.out;
  const std::string report = File("out/report.txt");
  EXPECT_THAT(report, HasSubstr(fmt::format("\n  tokens: {} documents, ", documents)));
  EXPECT_THAT(report, HasSubstr(fmt::format(" bytes of text, {} tokens\n\nRejected, by rule",
                                            corpus::WithCommas(static_cast<int64_t>(tokens)))));
  EXPECT_THAT(report, HasSubstr("\nLanguages of tokens\n  en: "));
}

TEST_F(CorpusPipelineTest, ASentencePieceModelTakesThePlaceOfAVocabulary) {
  const std::string model =
      "--set sentencepiece=file://" QUERN_SOURCE_DIR "/tests/jobs/text/sentencepiece/unigram.model";
  EXPECT_THAT(
      RunCorpus("both", "--set tokenizer=vocabulary " + model).out,
      HasSubstr("tokenizer and sentencepiece: each of them makes the output tokens. Try: one"));
  const Outcome outcome = RunCorpus("out", model + " --set sentencepiece_tokens.reduce.tasks=2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  size_t documents = 0;
  for (const int shard : {0, 1}) {
    const std::string name = fmt::format("out/tokens/train-0000{}-of-00002", shard);
    for (const auto& document : corpus::ReadMegatron(File(name + ".bin"), File(name + ".idx"))) {
      ASSERT_GT(document.size(), 20u);
      EXPECT_EQ(document.back(), 2u) << "</s>";
      ++documents;
    }
  }
  EXPECT_GT(documents, 0u) << outcome.out;
  EXPECT_THAT(File("out/report.txt"),
              HasSubstr(fmt::format("\n  tokens: {} documents, ", documents)));
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

TEST_F(CorpusPipelineTest, PagesInListsOfUrlsAreRejected) {
  std::ofstream(dir_ / "blocked.txt") << "# by hand\nhttps://H/3\n";
  std::ofstream(dir_ / "other.txt") << "h/4/\nelsewhere.example\n";
  const std::string rejections = fmt::format(
      "cat {}/out/rejected/filter/part-* | grep -o '\"url_lists\": .*lists_max\"'", dir_.path());
  const Outcome outcome = RunCorpus("out", "--set url_lists=blocked.txt,other.txt");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string rejected = Shell(rejections).out;
  EXPECT_THAT(rejected, HasSubstr("\"url_lists\": [\"blocked\"], \"pii_emails\": 0"));
  EXPECT_THAT(rejected, HasSubstr("\"url_lists\": [\"other\"], \"pii_emails\": 0"));
  EXPECT_EQ(std::count(rejected.begin(), rejected.end(), '\n'), 2) << rejected;
  EXPECT_THAT(File("out/report.html"), HasSubstr("<b>url_lists</b>"));
  const Outcome one = RunCorpus(
      "out", "--overwrite --set url_lists=blocked.txt,other.txt --set counted_lists=other");
  ASSERT_EQ(one.exit_code, 0) << one.out;
  EXPECT_THAT(Shell(rejections).out, HasSubstr("\"url_lists\": [\"other\"]"));
  EXPECT_THAT(Shell(rejections).out, Not(HasSubstr("blocked")));
}

TEST_F(CorpusPipelineTest, ParquetIsMadeWhereItIsAskedFor) {
  const Outcome outcome = RunCorpus("out", "--set parquet=true --set parquet.reduce.tasks=2");
  if (!(*FindOutputFormat("parquet"))->Installed().ok()) {
    EXPECT_THAT(outcome.out, HasSubstr("Try: in the sources of Quern, deploy/install-arrow.sh"));
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

TEST_F(CorpusPipelineTest, FilesOfOtherFormatsMayLieBesideTheCrawl) {
  const auto words = [](const std::string& of) {
    return fmt::format(
        "The {0} has words that nobody else has, and they go on for a while. It tells the {0} what "
        "it has to say to a {0}, and then it says that of every {0} once more in the words of {0}.",
        of);
  };
  std::ofstream(dir_ / "crawl/b.html") << "<title>T</title><p>" << words("miller");
  std::ofstream(dir_ / "crawl/c.txt") << words("fisherman");
  std::ofstream(dir_ / "crawl/d.jsonl")
      << "{\"id\": \"line\", \"text\": \"" << words("gardener") << "\"}\n"
      << "{\"id\": \"page\", \"html\": \"<p>" << words("carpenter") << "\"}\n";
  const Outcome outcome = RunCorpus("out", "");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string everywhere =
      Shard(0) + Shard(1) + Shell("cat " + dir_ / "out/rejected/*/part-*").out;
  for (const char* const word : {"miller", "fisherman", "gardener", "carpenter", "number 7 "}) {
    EXPECT_THAT(everywhere, HasSubstr(word));
  }
  // Crawls alone are what they are in their own format.
  const std::string crawl = "--set extract.input.format=warc";
  const std::string refused = RunCorpus("refused", crawl).out;
  EXPECT_THAT(refused, HasSubstr("is no WARC file"));
  EXPECT_THAT(refused, HasSubstr("of a stage of a pipeline with --set STAGE.input.format=FORMAT"));
  Shell(fmt::format("cd {}/crawl; rm b.html c.txt d.jsonl", dir_.path()));
  ASSERT_EQ(RunCorpus("out", "--overwrite").exit_code, 0);
  const std::string mixed = Shard(0) + Shard(1);
  ASSERT_EQ(RunCorpus("out", "--overwrite " + crawl).exit_code, 0);
  EXPECT_EQ(Shard(0) + Shard(1), mixed);
}

TEST_F(CorpusPipelineTest, ACrawlOfAnyNameIsReadWhereThatIsSaid) {
  ASSERT_EQ(RunCorpus("named", "").exit_code, 0);
  Shell(fmt::format("cd {}/crawl; gzip a.warc; mv a.warc.gz a.gz", dir_.path()));
  const Outcome refused = RunCorpus("out", "");
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr("crawl/a.gz: is a WARC file, and its name does not say so"));
  const std::string flag = "--set extract.input.format=warc";
  EXPECT_THAT(refused.out, HasSubstr(flag));
  const Outcome outcome = RunCorpus("out", flag);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto totals = [&](const std::string& out) {
    return Shell(fmt::format("head -n 5 {}/{}/report.txt", dir_.path(), out)).out;
  };
  EXPECT_EQ(totals("out"), totals("named"));
}

// Pages of which every stage rejects some.
class CorpusStagesTest : public CorpusPipelineTest {
 protected:
  // Lines that every rule lets pass.
  static std::vector<std::string> Mill() {
    return {
        "The mill had stood at the river for three hundred years, and nobody could remember "
        "who had built it with his own hands.",
        "Its wheel turned day and night, except on Sundays, when the miller went to church "
        "with his three daughters.",
        "Farmers brought corn from as far away as the hills; they waited in the yard, smoked, "
        "and talked of prices.",
        "Then a dry summer came. What had been a stream became a row of ponds, where children "
        "caught frogs and old men shook their heads.",
        "Have you ever heard such silence? That autumn most people ate bread from the town."};
  }
  static std::vector<std::string> Lighthouse() {
    return {
        "Nobody lives in the lighthouse now, but its lamp is still lit at dusk by a clock that "
        "a keeper left behind.",
        "Ships that pass far out have no need of it; they know where they are from other "
        "signs that we cannot see.",
        "Only the fishermen of the bay look up when it begins to turn, and then they pull in "
        "their nets and go home to supper.",
        "Some say that birds have nested in the stair. Whoever climbs it hears wings, and "
        "smells salt, oil and feathers."};
  }
  static std::vector<std::string> And(std::vector<std::string> lines,
                                      const std::vector<std::string>& more) {
    lines.insert(lines.end(), more.begin(), more.end());
    return lines;
  }
  // Other ones for each `of`, more than a text of the above has.
  static std::vector<std::string> Notices(const std::string& of) {
    std::vector<std::string> lines;
    for (int i = 0; i < 9; ++i) {
      lines.push_back(fmt::format(
          "{0} shop {1} and its {0} partners {1} of the {0} kind {1} do use cookies {0} for {1} "
          "all that {0} has {1} to sell you {0} or {1} to show.",
          of, std::string(1, static_cast<char>('a' + i)) + of));
    }
    return lines;
  }
  void AddPage(const std::string& id, const std::vector<std::string>& lines,
               const std::string& status = "200 OK") {
    std::string body =
        "HTTP/1.1 " + status + "\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<title>T</title>";
    for (const std::string& line : lines) body += "<p>" + line + "</p>\n";
    std::ofstream(dir_ / "crawl/b.warc", std::ios::binary | std::ios::app)
        << WarcRecord("response", "http://h/" + id, "application/http; msgtype=response", body,
                      "WARC-Record-ID: <" + id + ">\r\n");
  }
  void AddPages() {
    AddPage("javascript", {"Please enable JavaScript in your browser to read this page properly."});
    AddPage("gone", Mill(), "404 Not Found");
    AddPage("german",
            {"Die Mühle stand dort seit dreihundert Jahren, und niemand wusste noch, wer sie "
             "gebaut hatte, denn alle waren lange tot."});
    // The first one is worse, and a near copy.
    AddPage("mill-1", And(Mill(), {"He wrote a { and a } on the wall for all the town to see."}));
    AddPage("mill-2", Mill());
    AddPage("mill-3", And(Mill(), {"Then the rain came back at last, and all who had gone away "
                                   "came home to the valley."}));
    // Equal when they are clean.
    AddPage("lighthouse-1", And(Notices("fish"), Lighthouse()));
    AddPage("lighthouse-2", And(Lighthouse(), Notices("net")));
  }
  // Of JSON lines in any files, sorted.
  std::string Ids(const std::string& cat) {
    return Shell(fmt::format("cd {}/out; {} | grep -o '^{{\"id\": \"[^\"]*' | cut -c9- | sort",
                             dir_.path(), cat))
        .out;
  }
  std::string Rejected(const std::string& stage) {
    return Ids("cat rejected/" + stage + "/part-*");
  }

  // As the report has them.
  int DocumentsOf(const std::string& stage) {
    const Outcome found = Shell(fmt::format(
        "sed -n 's/^  {}: \\([0-9]*\\) documents.*/\\1/p' {}/out/report.txt | head -n 1", stage,
        dir_.path()));
    EXPECT_NE(found.out, "") << stage;
    return std::atoi(found.out.c_str());
  }
  std::string Explained(const std::string& document) {
    return Shell(fmt::format("cd {0}; {1}/mr run --local corpus-explain file://{0}/out {2} 2>&1",
                             dir_.path(), std::getenv("QUERN_BIN"), document))
        .out;
  }

  static constexpr char kShards[] = "zstd -dc shards/*.zst";
};

TEST_F(CorpusStagesTest, EveryPageIsInTheShardsOrAmongTheRejected) {
  AddPages();
  const Outcome outcome = RunCorpus("out", "");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  // Records without an id are named by their places.
  const std::string all = Ids(std::string("(cat rejected/*/part-*; ") + kShards + ")");
  std::istringstream lines(all);
  std::multiset<std::string> ids;
  for (std::string id; std::getline(lines, id);) ids.insert(id);
  EXPECT_EQ(ids.size(), kPages + 8u) << all;
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size()) << all;
  EXPECT_THAT(Rejected("extract"), HasSubstr("gone"));
  EXPECT_THAT(Rejected("filter"), HasSubstr("german"));
  EXPECT_THAT(Rejected("exact-dedup"), HasSubstr("lighthouse"));
  EXPECT_THAT(Rejected("near-duplicates"), HasSubstr("mill-3"));
  // The only line that it had.
  EXPECT_THAT(Rejected("clean"), HasSubstr("javascript"));
  EXPECT_THAT(Explained("http://h/javascript"),
              HasSubstr("  passed extract\n  dropped by clean: clean.notices (value 1)\n"));
  // The stage that is left out leaves no trace, and nothing is counted twice in its place.
  EXPECT_EQ(Shell("ls " + dir_ / "out/rejected").out,
            "clean\nexact-dedup\nextract\nfilter\nnear-duplicates\n");
  EXPECT_THAT(File("out/report.json"), Not(HasSubstr("decontaminate")));
  EXPECT_EQ(DocumentsOf("filter"), DocumentsOf("distinct") + DocumentsOf("distinct-rejected"));
}

TEST_F(CorpusStagesTest, WhatSharesTextWithEvaluationSetsIsLeftOut) {
  AddPages();
  Shell(fmt::format("mkdir {0}/mills {0}/ships", dir_.path()));
  std::ofstream(dir_ / "mills/test.jsonl") << "{\"question\": \"" << Mill()[0] << "\"}\n";
  std::ofstream(dir_ / "ships/test.jsonl") << "{\"answer\": \"" << Lighthouse()[1] << "\"}\n";
  // Called the same, as the files of many sets are.
  const Outcome outcome =
      RunCorpus("out", "--set evaluation=mills/test.jsonl,file://" + dir_ / "ships/test.jsonl");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Rejected("decontaminate"), "lighthouse-1\nlighthouse-2\nmill-2\nmill-3\n");
  EXPECT_THAT(Ids(kShards), Not(::testing::AnyOf(HasSubstr("mill"), HasSubstr("lighthouse"))));
  EXPECT_THAT(Rejected("exact-dedup"), Not(HasSubstr("lighthouse"))) << "it came before";
  EXPECT_EQ(DocumentsOf("decontaminate-rejected"), 4);
  EXPECT_EQ(DocumentsOf("decontaminate"), DocumentsOf("filter") - 4);
  EXPECT_THAT(File("out/report.txt"), HasSubstr("\n  decontaminate: 4 documents, "));
  EXPECT_THAT(File("out/report.json"), HasSubstr("\"shared\": 11, \"text\": \"The mill"));
  EXPECT_THAT(
      Explained("http://h/mill-2"),
      HasSubstr("  passed extract, clean, filter\n"
                "  dropped by decontaminate: shares 11 runs of words with evaluation sets\n"));
  EXPECT_THAT(RunCorpus("other", "--set evaluation=nowhere.jsonl").out,
              HasSubstr("stage decontaminate: files: " + dir_ / "nowhere.jsonl: no such file"));
  EXPECT_THAT(RunCorpus("other", "--set evaluation=mills/test.jsonl,mills/test.jsonl").out,
              HasSubstr("files: file://" + dir_ / "mills/test.jsonl is named twice, both times as "
                                                  "'mills_test.jsonl'. Try: it once"));
  // Nothing of it stays where it is not asked for again.
  const Outcome without = RunCorpus("out", "--overwrite");
  ASSERT_EQ(without.exit_code, 0) << without.out;
  EXPECT_EQ(Shell("ls " + dir_ / "out/rejected").out,
            "clean\nexact-dedup\nextract\nfilter\nnear-duplicates\n");
  EXPECT_THAT(Ids(kShards), HasSubstr("mill-2"));
}

// Of the mill's third page a line is left that it has alone, of the lighthouse's second one none.
TEST_F(CorpusStagesTest, LinesOfSeveralDocumentsStayInOneWhereThatIsAskedFor) {
  AddPages();
  const Outcome outcome = RunCorpus("out", "--set lines=true");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string rejected = Rejected("repeated-lines");
  EXPECT_THAT(rejected, HasSubstr("mill-3"));
  EXPECT_THAT(rejected, HasSubstr("lighthouse-2"));
  EXPECT_THAT(rejected, Not(HasSubstr("mill-2")));
  EXPECT_THAT(Ids(kShards), HasSubstr("mill-2"));
  EXPECT_THAT(Ids(kShards), HasSubstr("lighthouse-1"));
  EXPECT_THAT(File("out/report.txt"), HasSubstr("\n  repeated-lines: "));
  EXPECT_THAT(RunCorpus("other", "--set lines=maybe").out,
              HasSubstr("'maybe' is neither true nor false"));
  EXPECT_THAT(RunCorpus("other", "--set lines.by=paragraph").out,
              HasSubstr("--set: lines.by: stage lines is left out. Try: --set lines=..., or "));
  EXPECT_THAT(
      RunCorpus("other", "--set words=8").out,
      HasSubstr("--set: words: is read only by stages that are left out (decontaminate). Try: "
                "--set evaluation=..., or "));
  EXPECT_THAT(RunCorpus("other", "--set lines=true --set words_left_min=20").out,
              HasSubstr("--set: words_left_min: every stage that reads it has a value of its own. "
                        "Try: --set once.words_left_min=..."));
}

TEST_F(CorpusStagesTest, CopiesAreLookedForAmongWhatIsGoodAndClean) {
  AddPages();
  const Outcome outcome = RunCorpus("out", "");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string kept = Ids(kShards);
  EXPECT_THAT(kept, HasSubstr("mill-2")) << "its better copy was rejected";
  EXPECT_THAT(Rejected("filter"), HasSubstr("mill-1"));
  EXPECT_THAT(kept, HasSubstr("lighthouse-1"));
  EXPECT_THAT(kept, Not(HasSubstr("lighthouse-2")));
  // No two are equal.
  std::set<std::string> texts;
  std::istringstream lines(Shard(0) + Shard(1));
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto fields = text::ReadJsonObject(line);
    const std::string folded = text::FoldText(text::StringField(*fields, "text"));
    std::string words;
    for (const std::string_view word : text::Words(folded)) words.append(word) += ' ';
    EXPECT_TRUE(texts.insert(words).second) << line;
  }
  EXPECT_GT(count, 2u);
}

}  // namespace
}  // namespace quern::mr
