// mr run corpus-explain: what became of one document, printed where it is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "jobs/corpus/rules.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class CorpusExplainTest : public LocalJobsTest {
 protected:
  CorpusExplainTest() {
    Add("rejected/extract",
        Line("gone", "", R"({"rule": "extract.status", "value": "404"})") +
            Line("slow", "", R"({"rule": "extract.too_slow", "value": 6, "threshold": 5})"));
    corpus::Tags tags;
    tags.language = "en";
    tags.language_score = 0.9;
    const std::string tagged = ", \"tags\": " + tags.Json();
    Add("rejected/exact-dedup", Line("copy", tagged, R"({"rule": "exact-dedup", "of": "kept"})") +
                                    Line("early", "", R"({"rule": "exact-dedup", "of": "kept"})"));
    Add("rejected/near-duplicates",
        Line("near", "", R"({"rule": "near-duplicates", "of": "kept"})"));
    Add("shards", Line("kept", R"(, "lang": "en", "date": "2024-01-02")", "") +
                      Line("twice", "", "") + "no JSON\n");
    Add("rejected/filter",
        Line("short", tagged,
             R"({"rule": "gopher.words_min", "value": 12, "threshold": 30, "also": )"
             R"({"c4.curly_brackets_max": {"value": 2, "threshold": 0}}})") +
            Line("german", "", R"({"rule": "languages", "value": "de"})") +
            Line("twice", "", R"({"rule": "languages", "value": "fr"})"));
  }
  void Add(const std::string& stage, const std::string& lines) {
    Shell(fmt::format("mkdir -p '{}/{}'", dir_ / "a corpus", stage));
    std::ofstream(dir_ / "a corpus/" + stage + "/part-m-00000") << lines;
  }
  static std::string Line(const std::string& id, const std::string& more, const std::string& why) {
    return fmt::format("{{\"id\": \"{0}\", \"text\": \"four\", \"url\": \"http://h/{0}\"{1}{2}}}\n",
                       id, more, why.empty() ? "" : ", \"rejected\": " + why);
  }
  // What a user types; both channels, or stdout alone.
  Outcome Explain(const std::string& arguments, const std::string& err = "2>&1") {
    return Shell(fmt::format("cd '{}'; TMPDIR={} {}/mr run --local corpus-explain {} {}",
                             dir_.path(), dir_.path(), std::getenv("QUERN_BIN"), arguments, err));
  }
  std::string Corpus() { return fmt::format("'file://{}' ", dir_ / "a corpus"); }
  std::string PlaceOf(const std::string& stage) {
    return fmt::format("  lies in file://{}/{}/part-m-00000\n", dir_ / "a corpus", stage);
  }
};

TEST_F(CorpusExplainTest, SaysWhichRuleDroppedADocumentAndWhatElseItBreaks) {
  EXPECT_EQ(Explain(Corpus() + "'https://www.h/short#top'").out,
            "http://h/short\n  id: short\n  text: 4 bytes, language en (score 0.9)\n"
            "  passed extract\n"
            "  dropped by filter: gopher.words_min: words is 12, must be at least 30\n"
            "  breaks c4.curly_brackets_max: curly_brackets is 2, must be at most 0\n" +
                PlaceOf("rejected/filter"));
  EXPECT_THAT(Explain(Corpus() + "german").out,
              HasSubstr("  dropped by filter: languages (value de)\n"));
  EXPECT_THAT(Explain(Corpus() + "slow").out,
              HasSubstr("  dropped by extract: extract.too_slow (value 6, threshold 5)\n"));
  EXPECT_EQ(Explain(Corpus() + "gone").out,
            "http://h/gone\n  id: gone\n  text: 4 bytes\n"
            "  dropped by extract: extract.status (value 404)\n" +
                PlaceOf("rejected/extract"));
}

TEST_F(CorpusExplainTest, SaysWhoseCopyItIs) {
  EXPECT_THAT(
      Explain(Corpus() + "copy").out,
      HasSubstr(
          "  passed extract, filter\n  dropped by exact-dedup: its text is that of kept\n  of "
          "that one tells: mr run corpus-explain CORPUS kept\n"));
  EXPECT_THAT(Explain(Corpus() + "http://h/near").out,
              HasSubstr("  dropped by near-duplicates: a near duplicate of kept\n"));
  Add("rejected/exact-dedup",
      Line("page", "", R"({"rule": "exact-dedup", "of": "http://h/?a&b"})"));
  EXPECT_THAT(Explain(Corpus() + "page").out,
              HasSubstr("its text is that of http://h/?a&b\n  of that one tells: mr run "
                        "corpus-explain CORPUS 'http://h/?a&b'\n"));
}

TEST_F(CorpusExplainTest, SaysHowMuchItSharesWithEvaluationSets) {
  const std::string tagged = ", \"tags\": " + corpus::Tags().Json();
  Add("rejected/decontaminate",
      Line("exam", tagged, R"({"rule": "decontaminate", "shared": 3})") +
          Line("once", tagged, R"({"rule": "decontaminate", "shared": 1})"));
  EXPECT_THAT(
      Explain(Corpus() + "exam").out,
      HasSubstr("  passed extract, filter\n"
                "  dropped by decontaminate: shares 3 runs of words with evaluation sets\n"));
  EXPECT_THAT(Explain(Corpus() + "once").out, HasSubstr(": shares 1 run of words with "));
  EXPECT_THAT(Explain(Corpus() + "kept").out,
              HasSubstr("  passed extract, filter, decontaminate, exact-dedup, near-duplicates\n"));
}

TEST_F(CorpusExplainTest, SaysThatNothingWasLeftOfIt) {
  corpus::Tags tags;
  tags.language = "en";
  Add("rejected/repeated-lines",
      Line("menu", ", \"tags\": " + tags.Json(),
           R"({"rule": "repeated-lines", "value": 7, "words_left": 0})"));
  EXPECT_THAT(Explain(Corpus() + "menu").out,
              HasSubstr("  passed extract, filter\n"
                        "  dropped by repeated-lines: repeated-lines (value 7)\n"));
  EXPECT_THAT(Explain(Corpus() + "kept").out,
              HasSubstr("  passed extract, filter, repeated-lines, exact-dedup, near-"));
}

// The pipeline looked for copies before it filtered once.
TEST_F(CorpusExplainTest, WhatItsStageCameAfterIsSaidWhereItIsKnown) {
  EXPECT_THAT(Explain(Corpus() + "early").out,
              HasSubstr("  text: 4 bytes\n  dropped by exact-dedup: "));
}

TEST_F(CorpusExplainTest, CharactersOfAnyKindAreShown) {
  Add("rejected/filter",
      Line("zero", R"(, "title": "a\u0000b")", R"({"rule": "languages", "value": "de"})"));
  EXPECT_THAT(Explain(Corpus() + "zero").out,
              HasSubstr("b\n  text: 4 bytes\n  passed extract\n  dropped by filter"));
}

TEST_F(CorpusExplainTest, SaysWhereAKeptOneLies) {
  EXPECT_EQ(Explain(Corpus() + "kept").out,
            "http://h/kept\n  id: kept\n  date: 2024-01-02\n  text: 4 bytes, language en\n"
            "  passed extract, filter, exact-dedup, near-duplicates\n  kept\n" +
                PlaceOf("shards"));
}

TEST_F(CorpusExplainTest, AnAddressThatWasCrawledTwiceHasTwoAnswers) {
  const std::string out = Explain(Corpus() + "http://h/twice").out;
  EXPECT_THAT(out, HasSubstr("languages (value fr)\n" + PlaceOf("rejected/filter") + "\nhttp://"));
  EXPECT_THAT(out, ::testing::EndsWith("  kept\n" + PlaceOf("shards")));
}

TEST_F(CorpusExplainTest, CountsWhatItDoesNotShow) {
  std::string copies;
  for (int i = 0; i < 130; ++i) {
    copies += Line("again", "", fmt::format(R"({{"rule": "exact-dedup", "of": "{}"}})", i));
  }
  Add("rejected/exact-dedup", copies);
  EXPECT_THAT(Explain(Corpus() + "again").out, ::testing::EndsWith("\n\n... and 30 more\n"));
}

TEST_F(CorpusExplainTest, WritesToAnOutThatIsNamedAndLeavesNothingElse) {
  const std::string out = fmt::format(" file://{}", dir_ / "why");
  EXPECT_EQ(Explain(Corpus() + "kept" + out, "2>/dev/null").out, "");
  EXPECT_THAT(Shell("cat " + dir_ / "why/part-r-00000").out, HasSubstr("  kept\n"));
  EXPECT_EQ(Explain(Corpus() + "kept").exit_code, 0);
  EXPECT_EQ(Shell("ls " + dir_.path()).out, "a corpus\nwhy\n");
}

TEST_F(CorpusExplainTest, WhatIsNotThereIsNamedWithTheNextStep) {
  const Outcome unknown = Explain(Corpus() + "http://h/unknown");
  EXPECT_EQ(unknown.exit_code, 1) << unknown.out;
  EXPECT_THAT(unknown.out, HasSubstr("http://h/unknown: the corpus has no document of this address "
                                     "or id, kept or rejected. Try: mr run warc-index"));
  Shell("mkdir " + dir_ / "empty");
  const Outcome none = Explain(fmt::format("file://{} http://h/kept", dir_ / "empty"));
  EXPECT_EQ(none.exit_code, 3) << none.out;
  EXPECT_THAT(none.out, HasSubstr(dir_ / "empty/rejected: no such file or directory"));
  EXPECT_THAT(none.out, HasSubstr("CORPUS is what mr run corpus has made"));
}

TEST_F(CorpusExplainTest, WrongUseSaysTheUsage) {
  for (const char* arguments : {"", "http://h/kept", "/a /b /c /d"}) {
    const Outcome outcome = Explain(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("mr run corpus-explain CORPUS ID|URL [OUT]"));
  }
  EXPECT_THAT(Explain("--json " + Corpus() + "kept").out,
              HasSubstr("--json: corpus-explain answers on the terminal. Try: an OUT at the end"));
  EXPECT_THAT(Explain(Corpus() + "''").out, HasSubstr("params.document: must not be empty"));
}

}  // namespace
}  // namespace quern::mr
