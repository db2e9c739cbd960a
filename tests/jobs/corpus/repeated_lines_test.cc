// repeated-lines and drop-lines: lines and paragraphs that several documents have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "jobs/corpus/repeats.h"
#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using corpus::Repeat;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using text::PartKind;

std::optional<Repeat> ReadBack(const std::string& line) {
  return corpus::ReadRepeat(text::ReadJsonObject(line).value());
}

TEST(Repeats, AreReadBackAsTheyWere) {
  const Repeat line{"b\"\n", 0x00ab'0000'0000'00ff, PartKind::kLine, 3, "a"};
  EXPECT_EQ(
      corpus::RepeatLine(line),
      "{\"id\": \"b\\\"\\n\", \"text_hash\": \"00ab0000000000ff\", \"line\": 3, \"of\": \"a\"}");
  const Repeat paragraph{"b", UINT64_MAX, PartKind::kParagraph, UINT32_MAX, ""};
  EXPECT_EQ(corpus::RepeatLine(paragraph),
            "{\"id\": \"b\", \"text_hash\": \"ffffffffffffffff\", \"paragraph\": 4294967295}");
  for (const Repeat& repeat : {line, paragraph}) {
    EXPECT_EQ(ReadBack(corpus::RepeatLine(repeat)), repeat);
  }
}

TEST(Repeats, OtherLinesAreNone) {
  const std::string good = "\"id\": \"b\", \"text_hash\": \"00ab0000000000ff\"";
  EXPECT_TRUE(ReadBack("{" + good + ", \"line\": 1}").has_value());
  for (const std::string& line :
       {std::string("{}"), "{" + good + "}", "{" + good + ", \"line\": 0}",
        "{" + good + ", \"line\": -1}", "{" + good + ", \"line\": 1.5}",
        "{" + good + ", \"line\": \"1\"}", "{" + good + ", \"line\": 4294967296}",
        "{" + good + ", \"line\": 1, \"paragraph\": 1}",
        std::string("{\"id\": \"b\", \"text_hash\": \"ab\", \"line\": 1}"),
        std::string("{\"id\": \"b\", \"text_hash\": \"00ab00000000xxff\", \"line\": 1}"),
        std::string("{\"text_hash\": \"00ab0000000000ff\", \"line\": 1}")}) {
    EXPECT_FALSE(ReadBack(line).has_value()) << line;
  }
}

class RepeatedLinesTest : public LocalJobsTest {
 protected:
  pb::JobSpec JobOver(const std::string& job, const std::string& input, const std::string& output) {
    pb::JobSpec spec = Spec(job, dir_ / input);
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_group(2);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_path("file://" + dir_ / output);
    spec.mutable_output()->set_overwrite(true);
    if (job != "drop_lines") return spec;
    spec.add_outputs()->set_name("rejected");
    spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    return spec;
  }
  // Documents of `input` and the repeats that lie in "repeats".
  pb::JobSpec DropOver(const std::string& input) {
    pb::JobSpec spec = JobOver("drop_lines", input, "out");
    *spec.add_inputs() = spec.inputs(0);
    spec.mutable_inputs(1)->set_path("file://" + dir_ / "repeats");
    return spec;
  }
  void RunOne(const pb::JobSpec& spec) {
    const Outcome outcome = Run(spec);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    log_ = outcome.out;
  }
  using Params = std::map<std::string, std::string>;
  // Both jobs, one after the other.
  void RunBoth(const std::string& input, const Params& find = {{"words_min", "3"}},
               const Params& drop = {}) {
    pb::JobSpec repeats = JobOver("repeated_lines", input, "repeats");
    for (const auto& [name, value] : find) (*repeats.mutable_params())[name] = value;
    RunOne(repeats);
    pb::JobSpec lines = DropOver(input);
    for (const auto& [name, value] : drop) (*lines.mutable_params())[name] = value;
    RunOne(lines);
  }
  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / name, std::ios::binary) << contents;
  }
  std::string Sorted(const std::string& output) {
    return Shell("sort " + dir_ / output + "/part-*").out;
  }
  static std::string Line(const std::string& id, const std::string& text,
                          const std::string& more = "") {
    text::JsonObjectWriter line;
    if (!id.empty()) line.AddString("id", id);
    line.AddString("text", text);
    const std::string object = line.Take();
    return object.substr(0, object.size() - 1) + more + "}\n";
  }
  static std::string Rejected(const std::string& id, const std::string& text, int value,
                              int words_left) {
    return Line(id, text,
                fmt::format(", \"rejected\": {{\"rule\": \"repeated-lines\", \"value\": {}, "
                            "\"words_left\": {}}}",
                            value, words_left));
  }
  static std::string RepeatOf(const std::string& id, const std::string& text, uint32_t line,
                              const std::string& of) {
    return corpus::RepeatLine({id, corpus::HashOfText(text), PartKind::kLine, line, of}) + "\n";
  }
  // Half of their lines are those of others too.
  std::string RandomDocument(int number) {
    std::string text;
    for (uint64_t i = 1 + Below(6); i > 0; --i) {
      text += OneIn(2) ? fmt::format("This line is number {} of many.\n",
                                     std::string(1 + Below(30), 'x'))
                       : fmt::format("Line {} stands in document {} alone.\n", std::string(i, 'y'),
                                     std::string(static_cast<size_t>(1 + number), 'z'));
      if (OneIn(4)) text += "\n";
    }
    return Line(fmt::format("d{:03}", number), text);
  }

  std::string log_;  // of the last job
};

// The first one is that of the least id, wherever it stands; in a document the one in front.
TEST_F(RepeatedLinesTest, StayInTheDocumentWithTheLeastId) {
  const std::string c = "The mill was sold in 1907.\n}\nIt burned down.\n}\n";
  const std::string a = "Old news:\nthe MILL was sold - in 2026!\n";
  const std::string b = "It burned down.\nNobody knows why it burned.\nit burned down\n";
  Write("docs", Line("c", c) + Line("a", a) + Line("b", b) + "no JSON\n{\"id\": \"z\"}\n");
  pb::JobSpec find = JobOver("repeated_lines", "docs", "repeats");
  (*find.mutable_params())["words_min"] = "3";
  RunOne(find);
  EXPECT_EQ(Sorted("repeats"),
            RepeatOf("b", b, 3, "b") + RepeatOf("c", c, 1, "a") + RepeatOf("c", c, 3, "b"));
  for (const char* counter :
       {"user.documents = 3", "user.lines = 9", "user.lines_too_short = 3", "user.repeats = 3",
        "user.lines_of_bad_json = 1", "user.documents_without_text = 1"}) {
    EXPECT_THAT(log_, HasSubstr(counter));
  }
  RunOne(DropOver("docs"));
  EXPECT_EQ(Sorted("out"),
            Line("a", a) + Line("b", "It burned down.\nNobody knows why it burned.\n"));
  EXPECT_EQ(Sorted("out-rejected"), Rejected("c", c, 2, 0)) << "braces are no words";
  for (const char* counter : {"user.documents = 3", "user.kept = 2", "user.changed = 1",
                              "user.rejected = 1", "user.lines_dropped = 3",
                              "user.paragraphs_dropped = 0", "user.repeats_of_no_document = 0"}) {
    EXPECT_THAT(log_, HasSubstr(counter));
  }
}

TEST_F(RepeatedLinesTest, MayStayInNone) {
  Write("docs", Line("a", "one two three\nfour five six\n") + Line("b", "One, two, three") +
                    Line("c", "seven eight nine"));
  RunBoth("docs", {{"words_min", "3"}, {"keep", "none"}});
  EXPECT_EQ(Sorted("repeats"), RepeatOf("a", "one two three\nfour five six\n", 1, "") +
                                   RepeatOf("b", "One, two, three", 1, ""));
  EXPECT_EQ(Sorted("out"), Line("a", "four five six\n") + Line("c", "seven eight nine"));
  EXPECT_EQ(Sorted("out-rejected"), Rejected("b", "One, two, three", 1, 0));
}

// Ten words, of which nine are not enough.
TEST_F(RepeatedLinesTest, ShortOnesAreNobodysRepeats) {
  const std::string nine = "a b c d e f g h i\n";
  const std::string ten = "a b c d e f g h i j\n";
  Write("docs", Line("1", nine + ten) + Line("2", nine + ten));
  RunBoth("docs", {});
  EXPECT_EQ(Sorted("out"), Line("1", nine + ten) + Line("2", nine));
  // One without a word equals none, whatever the minimum.
  Write("docs", Line("1", "}\n...\nx\n") + Line("2", "}\n...\nx\n...\n"));
  RunBoth("docs", {{"words_min", "0"}});
  EXPECT_EQ(Sorted("out"), Line("1", "}\n...\nx\n"));
  EXPECT_EQ(Sorted("out-rejected"), Rejected("2", "}\n...\nx\n...\n", 1, 0));
}

TEST_F(RepeatedLinesTest, ParagraphsAreComparedWhole) {
  Write("docs", Line("1", "one two\nthree four\n\nfive\n") +
                    Line("2", "six\n\none two three\nfour\n\n\nseven") +
                    Line("3", "one two\nthree four\neight"));
  RunBoth("docs", {{"words_min", "3"}, {"by", "paragraph"}});
  EXPECT_EQ(Sorted("out"), Line("1", "one two\nthree four\n\nfive\n") + Line("2", "six\n\nseven") +
                               Line("3", "one two\nthree four\neight"));
  EXPECT_THAT(log_, HasSubstr("user.paragraphs_dropped = 1"));
}

// What a filter has measured and everything else passes; an untouched line is not even respelt.
TEST_F(RepeatedLinesTest, OtherFieldsStayAsTheyAre) {
  const std::string untouched = "{\"n\":1.50,\"text\":\"one two three\",\"id\":7}\n";
  Write("docs",
        untouched +
            "{\"n\":[2, 3],\"text\":\"one two three\\nmore\",\"tags\":{\"words\":4},\"id\":8}\n");
  RunBoth("docs");
  EXPECT_EQ(
      Sorted("out"),
      "{\"n\": [2, 3], \"text\": \"more\", \"tags\": {\"words\":4}, \"id\": 8}\n" + untouched);
}

TEST_F(RepeatedLinesTest, MasksAreFoundWhereTheyAreThen) {
  const std::string ask = "Ask email@example.com, 192.0.2.1\n";
  Write("docs",
        Line("a", "one two three\n") +
            Line("b", "four\nOne, two, three\n\n" + ask,
                 ", \"pii\": [[\"email\", 26, 17], [\"ip\", 45, 9]]") +
            Line("c", "one two three\nfour " + ask, ", \"pii\": \"none\"") +
            Line("d", "five four\n" + ask, ", \"pii\": [[\"email\", 14, 17], [\"ip\", 33, 9]]"));
  RunBoth("docs");
  EXPECT_EQ(Sorted("out"),
            Line("a", "one two three\n") +
                Line("b", "four\n\n" + ask, ", \"pii\": [[\"email\", 10, 17], [\"ip\", 29, 9]]") +
                Line("c", "four " + ask, ", \"pii\": \"none\"") + Line("d", "five four\n"))
      << "of somebody else as it is, and none where no mask is left";
}

TEST_F(RepeatedLinesTest, DocumentsThatAreLeftWithFewWordsMayGoToo) {
  const std::string text = "one two three\nfour five\n";
  Write("docs", Line("1", "one two three\n") + Line("2", text) + Line("3", "four"));
  RunBoth("docs", {{"words_min", "3"}}, {{"words_left_min", "2"}});
  EXPECT_THAT(Sorted("out-rejected"), IsEmpty());
  RunBoth("docs", {{"words_min", "3"}}, {{"words_left_min", "3"}});
  EXPECT_EQ(Sorted("out-rejected"), Rejected("2", text, 1, 2));
  EXPECT_EQ(Sorted("out"), Line("1", "one two three\n") + Line("3", "four"))
      << "of which nothing went, however short";
}

TEST_F(RepeatedLinesTest, DocumentsWithoutIdsAreCalledByTheirPlaces) {
  const std::string first = Line("", "one two three\nfour");
  const std::string second = Line("", "one two three\nfive");
  Write("docs", first + second);
  RunBoth("docs");
  EXPECT_EQ(Sorted("out"), Line("", "five") + first);
  EXPECT_THAT(Sorted("repeats"),
              HasSubstr(fmt::format("/docs:{}\", \"text_hash\": ", first.size())));
  EXPECT_THAT(Sorted("repeats"), HasSubstr("/docs:0\"}"));
}

// An id that two documents share by mistake: the numbers are those of one of them.
TEST_F(RepeatedLinesTest, AnIdOfSeveralTextsRobsNone) {
  Write("docs", Line("a", "one two three\n") + Line("x", "one two three\nkept\n") +
                    Line("x", "kept too\nkept as well\n"));
  RunBoth("docs");
  EXPECT_EQ(Sorted("out"), Line("a", "one two three\n") + Line("x", "kept too\nkept as well\n") +
                               Line("x", "kept\n"));
  // Those of one text as well are one document: exact-dedup sees to them.
  Write("docs", Line("x", "one two three\n") + Line("x", "one two three\n"));
  RunBoth("docs");
  EXPECT_EQ(Sorted("out"), Line("x", "one two three\n") + Line("x", "one two three\n"));
}

// Numbers of what a document was once do not fit what it is now.
TEST_F(RepeatedLinesTest, RepeatsOfAnotherTextDropNothing) {
  Write("docs", Line("a", "one two three\n") + Line("b", "one two three\nfour\n"));
  RunBoth("docs");
  Write("docs", Line("b", "another line\nfour\n"));
  RunOne(DropOver("docs"));
  EXPECT_EQ(Sorted("out"), Line("b", "another line\nfour\n"));
  EXPECT_THAT(log_, HasSubstr("user.repeats_of_no_document = 1"));
}

TEST_F(RepeatedLinesTest, WhatHasATextIsADocumentThoughItLooksLikeARepeat) {
  const std::string both =
      Line("a", "x", ", \"text_hash\": \"00ab0000000000ff\", \"line\": 1, \"of\": \"b\"");
  Write("docs", both);
  RunBoth("docs");
  EXPECT_EQ(Sorted("out"), both);
  pb::JobSpec spec = DropOver("docs");
  (*spec.mutable_params())["field"] = "of";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.field = 'of': repeats have that field too"));
}

// Each line is looked at once, and is one thing alone.
TEST_F(RepeatedLinesTest, ALineIsADocumentARepeatOrNeither) {
  const std::string repeat = "\"text_hash\": \"00ab0000000000ff\", \"line\": 1";
  const std::string document = Line("a", "one two");
  Write("lines", document + "\n \t\nno JSON\n[1]\n{\"id\": \"z\"}\n{\"id\": \"y\", \"text\": 7}\n" +
                     "{\"id\": \"x\", \"text\": \"\\q\", " + repeat + "}\n" +
                     "{\"id\": \"w\", \"text\": null, " + repeat + "}\n" + "{\"id\": \"v\", " +
                     repeat + "}\n" + "{\"id\": 5, " + repeat + "}\n");
  RunOne(JobOver("drop_lines", "lines", "out"));
  EXPECT_EQ(Sorted("out"), document);
  for (const char* counter :
       {"user.documents = 1\n", "user.lines_of_bad_json = 3\n", "user.documents_without_text = 3\n",
        "user.repeats_of_no_document = 2\n"}) {
    EXPECT_THAT(log_, HasSubstr(counter));
  }
}

TEST_F(RepeatedLinesTest, NothingButTheDocumentsDecides) {
  std::vector<std::string> lines;
  for (int i = 0; i < 150; ++i) lines.push_back(RandomDocument(i));
  const auto write = [&](const std::string& name, size_t from, size_t to) {
    std::string text;
    for (size_t i = from; i < to; ++i) text += lines[i];
    Write(name, text);
  };
  Shell("mkdir " + dir_ / "in");
  std::set<std::string> repeats, documents, rejected;
  for (const auto& [split_bytes, tasks] :
       std::map<uint64_t, uint32_t>{{2'000, 3}, {7'777, 1}, {1 << 20, 5}}) {
    std::shuffle(lines.begin(), lines.end(), random_);
    const size_t cut = Below(lines.size());
    write("in/docs", 0, cut);
    write("in/more", cut, lines.size());
    for (const char* by : {"line", "paragraph"}) {
      pb::JobSpec find = JobOver("repeated_lines", "in", "repeats");
      (*find.mutable_params())["by"] = by;
      (*find.mutable_params())["words_min"] = "3";
      pb::JobSpec drop = DropOver("in");
      for (pb::JobSpec* spec : {&find, &drop}) {
        spec->mutable_limits()->set_split_bytes(split_bytes);
        spec->mutable_reduce()->set_tasks(tasks);
        RunOne(*spec);
      }
      EXPECT_THAT(log_, HasSubstr("user.repeats_of_no_document = 0"));
      repeats.insert(Sorted("repeats"));
      documents.insert(Sorted("out"));
      rejected.insert(Sorted("out-rejected"));
    }
  }
  EXPECT_EQ(repeats.size(), 2u) << "one for each kind";
  EXPECT_EQ(documents.size(), 2u);
  EXPECT_LE(rejected.size(), 2u);
}

// Byte by byte, file by file: the tasks of the reduce are the same ones.
TEST_F(RepeatedLinesTest, FilesAreTheSameWhateverTheSplits) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += RandomDocument(i);
  Write("docs", text);
  std::set<std::string> sums;
  for (const uint64_t split_bytes : {2'000, 9'999, 1 << 20}) {
    pb::JobSpec find = JobOver("repeated_lines", "docs", "repeats");
    (*find.mutable_params())["words_min"] = "3";
    pb::JobSpec drop = DropOver("docs");
    for (pb::JobSpec* spec : {&find, &drop}) {
      spec->mutable_limits()->set_split_bytes(split_bytes);
      RunOne(*spec);
    }
    sums.insert(Shell(fmt::format("cd {}; cksum repeats/part-* out/part-* out-rejected/part-*",
                                  dir_.path()))
                    .out);
  }
  EXPECT_EQ(sums.size(), 1u);
}

// Every kept line once, and none is lost: held to a count of all lines.
TEST_F(RepeatedLinesTest, EachLineIsThereOnce) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += RandomDocument(i);
  Write("docs", text);
  RunBoth("docs");
  const auto lines_of = [&](const std::string& files) {
    std::multiset<std::string> lines;
    std::istringstream in(Shell("cat " + files).out);
    for (std::string line; std::getline(in, line);) {
      const std::string of = text::StringField(*text::ReadJsonObject(line), "text");
      std::istringstream words(of);
      for (std::string part; std::getline(words, part);) {
        if (!part.empty()) lines.insert(part);
      }
    }
    return lines;
  };
  const auto all = lines_of(dir_ / "docs");
  const auto left = lines_of(dir_ / "out/part-*");
  EXPECT_EQ(left.size(), std::set<std::string>(all.begin(), all.end()).size());
  EXPECT_EQ(std::set<std::string>(left.begin(), left.end()).size(), left.size());
  EXPECT_LT(left.size(), all.size());
}

TEST_F(RepeatedLinesTest, WrongParametersAreNamed) {
  Write("docs", Line("a", "one two three four five six seven eight nine ten"));
  const auto said = [&](const std::string& job, const std::string& name, const std::string& value) {
    pb::JobSpec spec = JobOver(job, "docs", "out");
    (*spec.mutable_params())[name] = value;
    const Outcome outcome = Run(spec);
    EXPECT_NE(outcome.exit_code, 0) << outcome.out;
    return outcome.out;
  };
  EXPECT_THAT(said("repeated_lines", "by", "word"),
              HasSubstr("params.by = 'word': must be line or paragraph"));
  EXPECT_THAT(said("repeated_lines", "keep", "last"),
              HasSubstr("params.keep = 'last': must be first or none"));
  EXPECT_THAT(said("repeated_lines", "words_min", "-1"),
              HasSubstr("params.words_min = '-1': must be a whole number"));
  EXPECT_THAT(said("drop_lines", "words_left_min", "few"),
              HasSubstr("params.words_left_min = 'few': must be a whole number"));
  for (const char* job : {"repeated_lines", "drop_lines"}) {
    pb::JobSpec spec = JobOver(job, "docs", "out");
    spec.mutable_reduce()->set_group(0);
    EXPECT_THAT(Run(spec).out, HasSubstr("reduce.group: must be 2"));
    spec = JobOver(job, "docs", "out");
    spec.mutable_inputs(0)->set_format("text");
    EXPECT_THAT(Run(spec).out, HasSubstr(" reads the format jsonl"));
  }
}

// A line that stands everywhere: the ids alone would take 100 MB.
TEST_F(RepeatedLinesTest, ALineOfManyDocumentsTakesNoMemory) {
  constexpr int kDocuments = 300'000;
  const std::string line = "This very line stands at the end of each page.";
  std::string lines;
  for (int i = 0; i < kDocuments; ++i) {
    lines += fmt::format("{{\"id\": \"{:0300}\", \"text\": \"{}\"}}\n", i, line);
  }
  Write("docs", lines);
  lines.clear();
  pb::JobSpec find = JobOver("repeated_lines", "docs", "repeats");
  pb::JobSpec drop = DropOver("docs");
  for (pb::JobSpec* spec : {&find, &drop}) {
    spec->mutable_reduce()->set_tasks(1);
    spec->mutable_limits()->set_memory_bytes(32 << 20);
  }
  EXPECT_THAT(RunWithin(140, find), HasSubstr(fmt::format("user.repeats = {}", kDocuments - 1)));
  const std::string log = RunWithin(140, drop);
  EXPECT_THAT(log, HasSubstr("user.kept = 1\n"));
  EXPECT_THAT(log, HasSubstr(fmt::format("user.rejected = {}", kDocuments - 1)));
}

}  // namespace
}  // namespace quern::mr
