// The inverted-index job, run by quern-task --local on real files and asked by quern-search.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class InvertedIndexTest : public LocalJobsTest {
 protected:
  pb::JobSpec IndexSpec(const std::string& format) {
    pb::JobSpec spec = Spec("inverted_index", dir_ / "docs");
    spec.mutable_inputs(0)->set_format(format);
    spec.mutable_output()->set_format("table");
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  // The index as lines: all of it, or as `what` says.
  Outcome Postings(const std::string& what = "") { return Ask("postings", what); }
  Outcome Words(const std::string& what) { return Ask("words", what); }
  Outcome Ask(const std::string& command, const std::string& what) {
    return Shell(fmt::format("{}/quern-search {} file://{} {} 2>&1", std::getenv("QUERN_BIN"),
                             command, dir_ / "out", what));
  }
};

TEST_F(InvertedIndexTest, ListsDocumentsAndPositions) {
  std::ofstream(dir_ / "docs") << R"({"id": "b", "text": "The cat, the CAT's tail."})"
                               << "\n"
                               << R"({"id": "a\tx", "text": "tail 中文"})"
                               << "\n";
  ExpectSucceeds(IndexSpec("jsonl"));
  EXPECT_EQ(Postings().out,
            "cat\tb\t1,3\ns\tb\t4\ntail\tb\t5\ntail\ta\\tx\t0\nthe\tb\t0,2\n中文\ta\\tx\t1\n");
  EXPECT_EQ(Postings("tail CAT nothing").out, "tail\tb\t5\ntail\ta\\tx\t0\ncat\tb\t1,3\n");
  EXPECT_EQ(Postings("--prefix T").out, "tail\tb\t5\ntail\ta\\tx\t0\nthe\tb\t0,2\n");
  EXPECT_EQ(Postings("--prefix t cat").exit_code, 2);
}

TEST_F(InvertedIndexTest, TakesJsonAsItIsFound) {
  std::ofstream(dir_ / "docs") << "\xef\xbb\xbf{\"id\":\"bom\",\"text\":\"one\"}\n"
                               << "{\"id\":-abc,\"text\":\"six\"}\n"
                               << "{\"id\":42,\"text\":\"two\"}\n\n   \r\n"
                               << "  {\"text\":\"no id\", \"n\":[{},\"]\"]}\r\n"
                               << "{\"id\":\"a\",\"text\":\"\\ud800 three\"}\n"
                               << "{\"id\":\"big\",\"n\":123456789012345678901234567890,"
                               << "\"m\":1e999,\"text\":\"four\"}\n"
                               << "{\"deep\":" << std::string(5000, '[') << std::string(5000, ']')
                               << ",\"id\":\"deep\",\"text\":\"five\"}\n"
                               << "{\"id\":\"null\",\"text\":null}\n{\"id\":\"none\"}\n"
                               << "{\"id\":\"cut\",\"te\n";
  const Outcome outcome = Run(IndexSpec("jsonl"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::string file = "file://" + dir_ / "docs";
  const std::string place = file + ":83";
  EXPECT_EQ(Postings().out, "five\tdeep\t0\nfour\tbig\t0\nid\t" + place + "\t1\nno\t" + place +
                                "\t0\none\tbom\t0\nsix\t" + file +
                                ":29\t0\nthree\ta\t0\ntwo\t42\t0\n");
  for (const char* counter :
       {"user.documents = 9", "user.documents_without_text = 2", "user.lines_of_bad_json = 1"}) {
    EXPECT_NE(outcome.out.find(counter), std::string::npos) << counter << " in " << outcome.out;
  }
}

TEST_F(InvertedIndexTest, FoldsAndCutsWordsOfEveryScript) {
  std::ofstream(dir_ / "docs")
      << "{\"id\":\"de\",\"text\":\"ÄPFEL, Straße\"}\n"
      << "{\"id\":\"en\",\"text\":\"he said “quoted” and left—fast\u00a0now\"}\n"
      << "{\"id\":\"full\",\"text\":\"ＦＵＬＬ width １２\"}\n"
      << "{\"id\":\"zh\",\"text\":\"漢字很长的句子。完\"}\n";
  ExpectSucceeds(IndexSpec("jsonl"));
  EXPECT_EQ(Postings().out,
            "12\tfull\t2\nand\ten\t3\nfast\ten\t5\nfull\tfull\t0\nhe\ten\t0\nleft\ten\t4\n"
            "now\ten\t6\nquoted\ten\t2\nsaid\ten\t1\nstrasse\tde\t1\nwidth\tfull\t1\näpfel\tde\t0\n"
            "句子\tzh\t5\n字很\tzh\t1\n完\tzh\t6\n很长\tzh\t2\n汉字\tzh\t0\n的句\tzh\t4\n"
            "长的\tzh\t3\n");
  // Asked in other spellings than those of the documents.
  EXPECT_EQ(Words("äpfel STRASSE").out, "2\tde\n1 document\n");
  EXPECT_EQ(Words("'full １２'").out, "2\tfull\n1 document\n");
  EXPECT_EQ(Words("汉字很長").out, "1\tzh\n1 document\n");
  EXPECT_EQ(Words("字漢").out, "0 documents\n");
  EXPECT_EQ(Words("--phrase left fast now").out, "1\ten\n1 document\n");
}

// More terms than there is memory for at once, in one line each all the same.
TEST_F(InvertedIndexTest, ALongDocumentNeedsLittleMemory) {
  constexpr size_t kTerms = 8'500'000;
  constexpr size_t kDifferent = 26 * 26;
  std::string text;
  for (size_t i = 0; i < kTerms; ++i) {
    text += static_cast<char>('A' + i % kDifferent / 26);
    text += static_cast<char>('a' + i % 26);
    text += ' ';
  }
  std::ofstream(dir_ / "docs", std::ios::binary) << text;
  EXPECT_THAT(RunWithin(400, IndexSpec("whole")),
              HasSubstr(fmt::format("user.terms = {}", kTerms)));
  std::string want = "aa\tfile://" + dir_ / "docs" + "\t0";
  for (size_t i = kDifferent; i < kTerms; i += kDifferent) want += fmt::format(",{}", i);
  EXPECT_TRUE(Postings("aa").out == want + "\n");
  EXPECT_EQ(Postings("| cut -f1 | uniq | wc -l").out, "676\n");
  EXPECT_EQ(Postings("| wc -l").out, "676\n");
}

TEST_F(InvertedIndexTest, AWordOfManyDocumentsIsAListLikeOthers) {
  constexpr int kDocuments = 100'000;
  std::ofstream docs(dir_ / "docs", std::ios::binary);
  for (int i = 0; i < kDocuments; ++i) {
    docs << "{\"id\":\"/documents/" << i << "\",\"text\":\"every ";
    if (i % 1000 == 1) docs << "thousandth ";
    if (i == 77'777) docs << "every every ";
    docs << "document\"}\n";
  }
  docs.close();
  ExpectSucceeds(IndexSpec("jsonl"));
  EXPECT_EQ(Words("every --limit 2").out,
            "3\t/documents/77777\n1\t/documents/0\n100000 documents\n");
  EXPECT_EQ(Words("--phrase every thousandth document --limit 1").out,
            "1\t/documents/1\n100 documents\n");
  EXPECT_EQ(Words("every --limit 0 | cut -f2 | sort -u | wc -l").out, "100000\n");
  EXPECT_EQ(Postings("every | cut -f2 | sort -u | wc -l").out, "100000\n");
  // A number and a place of each document, and its name once: the lines have 5 MB.
  const std::string bytes = Shell(fmt::format("cat {}/part-r-* | wc -c", dir_ / "out")).out;
  EXPECT_LT(std::stoul(bytes), 1'500'000u);
}

TEST_F(InvertedIndexTest, IsAskedWhereItIs) {
  std::ofstream(dir_ / "docs") << "{\"id\":\"a\",\"text\":\"free software for all\"}\n"
                               << "{\"id\":\"b\",\"text\":\"software that is free\"}\n"
                               << "{\"id\":\"c\",\"text\":\"none\"}\n";
  ExpectSucceeds(IndexSpec("jsonl"));
  EXPECT_EQ(Words("free software").out, "2\ta\n2\tb\n2 documents\n");
  EXPECT_EQ(Words("--phrase free software").out, "1\ta\n1 document\n");
  EXPECT_EQ(Words("beer").out, "0 documents\n");
  EXPECT_EQ(Words("'. . .'").exit_code, 1);
  const Outcome none = Shell(fmt::format("{}/quern-search words file://{}/none free 2>&1",
                                         std::getenv("QUERN_BIN"), dir_.path()));
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.out, HasSubstr("/none: no index there. Try: mr run inverted-index IN file://"));
}

// A word is looked up in one part: with another number of parts it would be looked for in a wrong
// one.
TEST_F(InvertedIndexTest, AnIndexThatIsNotWholeIsRefused) {
  std::ofstream(dir_ / "docs") << "{\"id\":\"a\",\"text\":\"free software\"}\n";
  ExpectSucceeds(IndexSpec("jsonl"));
  ASSERT_EQ(Shell(fmt::format("mv {0}/out/part-r-00001 {0}/away", dir_.path())).exit_code, 0);
  for (const Outcome& asked : {Words("free"), Postings()}) {
    EXPECT_EQ(asked.exit_code, 1);
    EXPECT_THAT(asked.out, AllOf(HasSubstr("of 3, and stands here as part"),
                                 HasSubstr("Try: mr run inverted-index IN OUT --overwrite")));
  }
}

TEST_F(InvertedIndexTest, IsDividedByHashAndNotOtherwise) {
  std::ofstream(dir_ / "docs") << "a b c d e f g h i j k l m n o p q r s t u v w x y z\n";
  pb::JobSpec spec = IndexSpec("text");
  ExpectSucceeds(spec);
  EXPECT_EQ(Postings("| cut -f1 | tr -d '\\n'").out, "abcdefghijklmnopqrstuvwxyz");
  spec.mutable_reduce()->set_partitioner("range");
  const Outcome ranges = Run(spec);
  EXPECT_NE(ranges.exit_code, 0);
  EXPECT_THAT(ranges.out, HasSubstr("reduce.partitioner: must be hash"));
}

TEST_F(InvertedIndexTest, WhatIsDamagedOrNoIndexIsNamed) {
  std::ofstream(dir_ / "docs") << "{\"id\":\"a\",\"text\":\"free software\"}\n";
  pb::JobSpec spec = IndexSpec("jsonl");
  spec.mutable_reduce()->set_tasks(1);
  ExpectSucceeds(spec);
  const std::string part = dir_ / "out/part-r-00000";
  // In the first block of records.
  ASSERT_EQ(Shell(fmt::format("printf X | dd of={} bs=1 seek=3 conv=notrunc 2>&1", part)).exit_code,
            0);
  const Outcome damaged = Words("free");
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.out, HasSubstr("part-r-00000: "));
  std::ofstream(part, std::ios::binary) << "free\ta\t0\n" << std::string(100, 'x');
  const Outcome text = Words("free");
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, AllOf(HasSubstr("part-r-00000: sorted table: "),
                              HasSubstr("made by: mr run inverted-index IN OUT")));
  // A table, and of another job.
  ASSERT_EQ(Shell("rm -r " + dir_ / "out").exit_code, 0);
  pb::JobSpec other = Spec("wordcount", dir_ / "docs");
  other.mutable_reduce()->set_tasks(1);
  other.mutable_output()->set_format("table");
  ExpectSucceeds(other);
  EXPECT_THAT(Words("free").out, HasSubstr("part-r-00000: is no part of an index of words"));
}

}  // namespace
}  // namespace quern::mr
