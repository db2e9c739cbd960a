// The classic jobs in whole local runs, against answers worked out another way.
#include "tests/jobs/classic_jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "jobs/classic/access_log.h"

namespace quern::mr {
namespace {

TEST_F(ClassicJobsTest, UrlsOfALogAreCounted) {
  const std::string begin = "h - - [17/May/2015:10:05:03 +0000] \"";
  pb::JobSpec spec = SpecOf("url_frequency", begin + "GET /a HTTP/1.1\" 200 5\n" + begin +
                                                 "GET /b HTTP/1.1\" 404 -\nnonsense\n" + begin +
                                                 "HEAD /a HTTP/1.1\" 200 5 \"-\" \"x y\"\n");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"/a\t2", "/b\t1"}));
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 1"), std::string::npos);
}

// The seconds of a line with these words in front of its request; -1 when it has no time.
int64_t ReadTime(const std::string& words) {
  const std::string line = "h " + words + " \"GET /a HTTP/1.1\" 200 5";
  std::string_view why;
  const auto entry = classic::ReadLogEntry(line, &why);
  return entry ? entry->seconds : -1;
}

TEST(AccessLog, TimesAreOnesThatThereAre) {
  EXPECT_EQ(ReadTime("- - [17/May/2015:10:05:03 +0000]"), 1'431'857'103);
  EXPECT_EQ(ReadTime("- - [17/May/2015:10:05:03 -0130]"), 1'431'857'103 + 5'400);
  EXPECT_EQ(ReadTime("- - [30/Jun/2015:23:59:60 +0000]"), 1'435'708'800);
  for (const char* none :
       {"17/May/2015:24:05:03 +0000", "17/May/2015:10:60:03 +0000", "17/May/2015:10:05:61 +0000",
        "17/May/2015:99:99:99 +0000", "17/May/2015:10-05-03 +0000", "17/May/2015 10:05:03 +0000",
        "17/May/2015:10:05:03 00000", "17/May/2015:10:05:03++0000", "17/May/2015:10:05:03 +2400",
        "17/May/2015:10:05:03 +0060", "31/Jun/2015:10:05:03 +0000", "17/Mai/2015:10:05:03 +0000"}) {
    EXPECT_EQ(ReadTime(fmt::format("- - [{}]", none)), -1) << none;
  }
}

TEST(AccessLog, NamesInFrontOfTheTimeMayHaveBrackets) {
  for (const char* user : {"[bob]", "[", "]", "[]", "[[", "[17/May/2015:10:05:03 +0000"}) {
    EXPECT_EQ(ReadTime(fmt::format("- {} [17/May/2015:10:05:03 +0000]", user)), 1'431'857'103)
        << user;
  }
  EXPECT_EQ(ReadTime("- - [bob]"), -1);
  EXPECT_EQ(ReadTime("- - [17/May/2015:10:05:03 +0000"), -1);
}

// What is read of a line that goes on like this behind its time and a quote.
std::string ReadRequest(const std::string& rest) {
  const std::string line = "h - - [17/May/2015:10:05:03 +0000] \"" + rest;
  std::string_view why;
  const auto entry = classic::ReadLogEntry(line, &why);
  return entry ? fmt::format("{} {} {}", entry->method, entry->target, entry->bytes)
               : std::string(why);
}

TEST(AccessLog, AQuoteThatIsEscapedEndsNoRequest) {
  EXPECT_EQ(ReadRequest(R"(GET /a\"b HTTP/1.1" 200 5)"), R"(GET /a\"b 5)");
  EXPECT_EQ(ReadRequest(R"(GET /a\\" 200 5 "http://h/" "x \" y")"), R"(GET /a\\ 5)");
  EXPECT_EQ(ReadRequest(R"(GET /a HTTP/1.1\" 200 5)"), "no request");
  EXPECT_EQ(ReadRequest("GET /a HTTP/1.1\\"), "no request");
}

TEST(AccessLog, ATargetMayHaveBlanks) {
  EXPECT_EQ(ReadRequest(R"(GET /a b  c HTTP/1.1" 200 5)"), "GET /a b  c 5");
  EXPECT_EQ(ReadRequest(R"(GET /a HTTP/1.1 b HTTP/1.1" 200 5)"), "GET /a HTTP/1.1 b 5");
  EXPECT_EQ(ReadRequest(R"(GET  /a  HTTP/2.0 " 200 5)"), "GET /a 5");
  // Versions are those of any protocol, written in any way.
  EXPECT_EQ(ReadRequest(R"(OPTIONS / RTSP/1.0" 400 5)"), "OPTIONS / 5");
  EXPECT_EQ(ReadRequest(R"(OPTIONS sip:nm SIP/2.0" 400 5)"), "OPTIONS sip:nm 5");
  EXPECT_EQ(ReadRequest(R"(GET /a http/1.1" 200 5)"), "GET /a 5");
  EXPECT_EQ(ReadRequest(R"(GET /a b HTTP/V1.0" 200 5)"), "GET /a b 5");
  EXPECT_EQ(ReadRequest(R"(GET /a HTTP/2" 200 5)"), "GET /a 5");
  EXPECT_EQ(ReadRequest(R"(GET /a b/c" 200 5)"), "GET /a b/c 5");
  EXPECT_EQ(ReadRequest(R"(GET /a b/" 200 5)"), "GET /a b/ 5");
  EXPECT_EQ(ReadRequest(R"(GET /a /1.0" 200 5)"), "GET /a /1.0 5");
  EXPECT_EQ(ReadRequest(R"(GET /a/1.0" 200 5)"), "GET /a/1.0 5");
  // HTTP/0.9 has no version.
  EXPECT_EQ(ReadRequest(R"(GET /a" 200 5)"), "GET /a 5");
  EXPECT_EQ(ReadRequest(R"(GET /a b" 200 5)"), "GET /a b 5");
  for (const char* none : {"", "-", " ", "GET", "GET ", "GET HTTP/1.1", "GET  HTTP/1.1"}) {
    EXPECT_EQ(ReadRequest(fmt::format("{}\" 400 5", none)), "no request") << none;
  }
}

TEST_F(ClassicJobsTest, AColumnIsCounted) {
  pb::JobSpec spec = SpecOf("url_frequency", "host\turl\nh\t/a\ng\t/a\ng\t/b\nalone\n");
  Set(&spec, "column", "2");
  Set(&spec, "heading", "true");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"/a\t2", "/b\t1"}));
  Set(&spec, "column", "none");
  ExpectFails(spec, "params.column = 'none': must be a whole number from 1");
}

TEST_F(ClassicJobsTest, NumbersAmongParametersAreChecked) {
  pb::JobSpec top = SpecOf("top_n", "a\t1\n");
  Set(&top, "n", "many");
  ExpectFails(top, "params.n = 'many': must be a whole number from 1 to 1000000");
  pb::JobSpec sessions = SpecOf("sessions", "");
  Set(&sessions, "gap_seconds", "-1");
  ExpectFails(sessions, "params.gap_seconds = '-1': must be a whole number from 0 to");
}

// Nothing is none of the values that they may have.
TEST_F(ClassicJobsTest, AParameterThatIsSetToNothingIsSet) {
  for (const char* job : {"distinct", "url_frequency"}) {
    pb::JobSpec spec = SpecOf(job, "a\n");
    Set(&spec, "column", "");
    ExpectFails(spec, "params.column = '': must be a whole number from 1");
  }
  pb::JobSpec links = SpecOf("reverse_links", "a\tb\n");
  Set(&links, "fragments", "");
  ExpectFails(links, "params.fragments = '': must be true or false");
  pb::JobSpec join = SpecOf("join", "a\tb\n");
  join.mutable_inputs(0)->set_mapper("JoinMapper");
  join.mutable_inputs(0)->set_tag("left");
  Set(&join, "left_key", "");
  ExpectFails(join, "params.left_key = '': must be a whole number from 1");
}

TEST_F(ClassicJobsTest, LinksAreTurnedAround) {
  pb::JobSpec spec =
      SpecOf("reverse_links", "s2\tt#x\ns1\tt\tanchor\ns1\tt\ns1\tu\nalone\n\tt\n\n");
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"t\ts1", "t#x\ts2", "u\ts1"}));
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 3"), std::string::npos);
  Set(&spec, "fragments", "false");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"t\ts1\ts2", "u\ts1"}));
}

// Sources of a MiB, one of them twice: a line ends behind 16 of them.
TEST_F(ClassicJobsTest, ATargetOfManySourcesHasSeveralLines) {
  std::string links = "few\tu\n";
  for (int i = 0; i < 40; ++i) {
    const std::string line = fmt::format("{:02}{}\tt\n", i, std::string(1 << 20, 'x'));
    links += i == 16 ? line + line : line;
  }
  pb::JobSpec spec = SpecOf("reverse_links", links);
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  Strings shown;
  for (const std::string& line : Lines()) {
    shown.push_back(line.substr(0, 4) +
                    fmt::format(" {}", std::count(line.begin(), line.end(), '\t')));
  }
  EXPECT_EQ(shown, (Strings{"t\t00 16", "t\t16 16", "t\t32 8", "u\tfe 1"}));
  EXPECT_NE(Manifest().find("\"targets\": 2"), std::string::npos);
}

TEST_F(ClassicJobsTest, LinksOfDocumentsAreTurnedAround) {
  pb::JobSpec spec = SpecOf("reverse_links",
                            R"({"url": "s1", "links": [["t", "a \"b\""], ["u", ""]], "text": ""}
{"id": "s2", "links": [["t", ""]]}
{"url": "s3"}
[1]
{"url": "s4", "links": {"t": 1}}
{"id": 17, "links": [["u", ""]]}
{"id": -abc, "links": [["u", ""]]}
)");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"t\ts1\ts2", "u\t17\ts1"}));
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 4"), std::string::npos);
}

TEST_F(ClassicJobsTest, NamesOfDocumentsAreOneColumnEach) {
  pb::JobSpec spec =
      SpecOf("reverse_links", R"({"id": "a\nb\\", "links": ["t\tu", "", "#top", "v#top"]})");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  const std::string source =
      "\t"
      R"(a\nb\\)";
  EXPECT_EQ(Lines(), (Strings{"#top" + source, R"(t\tu)" + source, "v#top" + source}));
  Set(&spec, "fragments", "false");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"(t\tu)" + source, "v" + source}));
  EXPECT_NE(Manifest().find("\"links\": 2"), std::string::npos);
}

TEST_F(ClassicJobsTest, WordsOfAHost) {
  pb::JobSpec spec = SpecOf("term_vector",
                            R"({"url": "http://a.org/1", "text": "The cat, the CAT; a dog"}
{"url": "http://a.org/2", "text": "dog the"}
{"url": "http://b.org:80/", "text": "Straße STRASSE 猫"}
{"url": "http://b.org:8080", "text": "x"}
{"text": "no url"}
)");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_reduce()->set_group(1);
  Set(&spec, "n", "3");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(),
            (Strings{"a.org\tthe:3\tcat:2\tdog:2", "b.org\tstrasse:2\t猫:1", "b.org:8080\tx:1"}));
}

TEST_F(ClassicJobsTest, RunsOfWords) {
  pb::JobSpec spec = SpecOf("ngrams", "One two, three two THREE\ntwo\ntwo three\n");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"one two\t1", "three two\t1", "two three\t3"}));
  Set(&spec, "n", "1");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"one\t1", "three\t3", "two\t4"}));
  spec = SpecOf("ngrams", "{\"body\": \"a b c\"}\n{\"text\": \"x y z\"}\n");
  spec.mutable_inputs(0)->set_format("jsonl");
  Set(&spec, "field", "body");
  Set(&spec, "n", "3");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"a b c\t1"}));
}

TEST_F(ClassicJobsTest, ASampleDoesNotDependOnSplits) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += fmt::format("line {}\n", i);
  std::set<std::string> outputs;
  for (const int64_t split : {1 << 16, 1 << 18, 1 << 24}) {
    pb::JobSpec spec = SpecOf("sample", text);
    spec.mutable_limits()->set_split_bytes(split);
    spec.mutable_output()->set_format("raw");
    spec.mutable_reduce()->set_tasks(1);
    Set(&spec, "n", "2000");
    ExpectSucceeds(spec);
    outputs.insert(Output());
  }
  ASSERT_EQ(outputs.size(), 1u);
  const Strings lines = Lines();
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), 2000u);
  // About half of them from each half of the input: 1000 +- 22 in the mean.
  const auto low = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return std::stoi(line.substr(5)) < 25'000;
  });
  EXPECT_GT(low, 850);
  EXPECT_LT(low, 1150);
}

// Within 300 MiB; as strings in a tree they take more than that.
TEST_F(ClassicJobsTest, ALargeSampleIsNotHeld) {
  constexpr int kLines = 4'000'000;
  std::string text;
  for (int i = 0; i < kLines; ++i) text += std::to_string(i) + '\n';
  pb::JobSpec spec = SpecOf("sample", text);
  spec.mutable_limits()->set_split_bytes(1 << 30);
  spec.mutable_output()->set_format("raw");
  spec.mutable_reduce()->set_tasks(1);
  Set(&spec, "n", "5000000");
  const Outcome outcome = Run(spec, kIsSanitized ? "" : fmt::format("ulimit -d {}; ", 300 << 10));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Shell(fmt::format("cat {}/out/part-* | sort -u | wc -l", dir_.path())).out,
            fmt::format("{}\n", kLines));
}

TEST_F(ClassicJobsTest, DifferentValues) {
  pb::JobSpec spec = SpecOf("distinct", "a\t1\nb\t1\na\t2\nc\t1\n\t9\n");
  ExpectSucceeds(spec);
  EXPECT_NE(Manifest().find("\"distinct\": 5"), std::string::npos);
  Set(&spec, "column", "1");
  spec.mutable_reduce()->set_combiner("DistinctCombiner");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"\t1", "a\t2", "b\t1", "c\t1"}));
}

TEST_F(ClassicJobsTest, DifferentValuesAreEstimated) {
  // 0.81 % is the standard error: five of them never happen.
  for (const int distinct : {0, 10, 3'000, 40'000, 300'000}) {
    std::string text;
    for (int i = 0; i < distinct; ++i) text += fmt::format("value {}\n", i);
    pb::JobSpec spec = SpecOf("distinct", text + text);
    spec.mutable_limits()->set_split_bytes(1 << 20);
    spec.mutable_reduce()->set_tasks(1);
    spec.mutable_reduce()->set_combiner("DistinctCombiner");
    Set(&spec, "method", "estimate");
    ExpectSucceeds(spec);
    const std::string output = Output();
    ASSERT_TRUE(output.starts_with("distinct\t")) << distinct << ": " << output;
    const int64_t got = std::stoll(output.substr(output.find('\t')));
    EXPECT_NEAR(static_cast<double>(got), distinct, 0.0405 * distinct) << output;
  }
}

class JoinTest : public ClassicJobsTest {
 protected:
  pb::JobSpec JoinOf(const std::string& left, const std::string& right) {
    pb::JobSpec spec = SpecOf("join", left);
    spec.mutable_inputs(0)->set_tag("left");
    spec.mutable_inputs(0)->set_mapper("JoinMapper");
    pb::JobSpec::Input* input = spec.add_inputs();
    *input = spec.inputs(0);
    input->set_tag("right");
    input->set_path("file://" + Write("right", right));
    spec.mutable_reduce()->set_group(1);
    spec.mutable_output()->set_format("raw");
    return spec;
  }
};

TEST_F(JoinTest, TypesOfJoins) {
  const std::string left = "1\ta\n2\tb\n1\tc\n\tno key\n\n4\td\n";
  const std::string right = "x\t1\ny\t1\nz\t3\nw\t2\n\n";
  const std::map<std::string, Strings> want = {
      {"inner", {"1\ta\tx", "1\ta\ty", "1\tc\tx", "1\tc\ty", "2\tb\tw"}},
      {"left", {"", "\tno key", "1\ta\tx", "1\ta\ty", "1\tc\tx", "1\tc\ty", "2\tb\tw", "4\td"}},
      {"semi", {"1\ta", "1\tc", "2\tb"}},
      {"anti", {"", "\tno key", "4\td"}}};
  for (const auto& [type, lines] : want) {
    pb::JobSpec spec = JoinOf(left, right);
    Set(&spec, "type", type);
    Set(&spec, "right_key", "2");
    ExpectSucceeds(spec);
    EXPECT_EQ(Lines(), lines) << type;
    EXPECT_NE(Manifest().find("\"left_without_key\": 2"), std::string::npos);
  }
  pb::JobSpec spec = JoinOf(left, right);
  Set(&spec, "type", "outer");
  ExpectFails(spec, "params.type = 'outer': must be inner, left, semi or anti");
}

TEST_F(JoinTest, ObjectsAreMerged) {
  pb::JobSpec spec = JoinOf("{\"id\": 7, \"n\": \"left\"}\n{\"id\": null}\nno json\n",
                            "{\"n\": [1, 2], \"id\": \"7\", \"m\": 1e400}\n");
  for (auto& input : *spec.mutable_inputs()) input.set_format("jsonl");
  ExpectFails(spec, "params.key: name the field to join by");
  Set(&spec, "key", "id");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"({"id": 7, "n": "left", "right.n": [1, 2], "m": 1e400})"}));
}

// What is read as text is joined as text.
TEST_F(JoinTest, ColumnsMayLookLikeObjects) {
  pb::JobSpec spec = JoinOf("{\"a\":1}\n", "{\"a\":1}\t{\"b\":2}\n{\"a\":1}\t\n");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"{\"a\":1}", "{\"a\":1}\t{\"b\":2}"}));
}

TEST_F(JoinTest, NoTwoFieldsGetOneName) {
  const std::string left = "{\"id\": 1, \"a\": 1}\n{\"id\": 2, \"a\": 1, \"right.a\": 2}\n";
  const std::string both = ", \"a\": 3, \"right.a\": 4}\n";
  pb::JobSpec spec = JoinOf(left, "{\"id\": 1" + both + "{\"id\": 2, \"a\": 3}\n{\"id\": 2" + both);
  for (auto& input : *spec.mutable_inputs()) input.set_format("jsonl");
  Set(&spec, "key", "id");
  ExpectSucceeds(spec);
  EXPECT_EQ(
      Lines(),
      (Strings{R"({"id": 1, "a": 1, "right.right.a": 3, "right.a": 4})",
               R"({"id": 2, "a": 1, "right.a": 2, "right.right.a": 3, "right.right.right.a": 4})",
               R"({"id": 2, "a": 1, "right.a": 2, "right.right.a": 3})"}));
}

// Looking for each name of one side among those of the other would take minutes.
TEST_F(JoinTest, ObjectsOfManyFieldsAreMergedInTime) {
  constexpr int kFields = 200'000;
  std::string left = "{\"id\": 1";
  std::string right = left;
  for (int i = 0; i < kFields; ++i) {
    left += fmt::format(", \"l{:06}\": 1", i);
    right += fmt::format(", \"r{:06}\": 2", i);
  }
  const std::string want = left + right.substr(right.find(',')) + ", \"right.l000000\": 3}\n";
  pb::JobSpec spec = JoinOf(left + "}\n", right + ", \"l000000\": 3}\n");
  for (auto& input : *spec.mutable_inputs()) input.set_format("jsonl");
  Set(&spec, "key", "id");
  const Outcome outcome = Run(spec, "timeout 60 ");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_TRUE(Output() == want);
}

TEST_F(JoinTest, KeysOfJsonAreEqualHoweverTheyAreWritten) {
  pb::JobSpec spec =
      JoinOf("{\"k\": [1,2], \"n\": 1}\n{\"k\": {\"a\":\"\\u0062\"}, \"n\": 2}\n{\"k\": -abc}\n",
             "{\"k\": [1, 2], \"m\": 1}\n{\"k\": {\"a\": \"b\"}, \"m\": 2}\n{\"k\": -abc}\n");
  for (auto& input : *spec.mutable_inputs()) input.set_format("jsonl");
  Set(&spec, "key", "k");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"({"k": [1,2], "n": 1, "m": 1})",
                              R"({"k": {"a":"\u0062"}, "n": 2, "m": 2})"}));
  EXPECT_NE(Manifest().find("\"left_without_key\": 1"), std::string::npos);
}

TEST_F(JoinTest, KeysOfJsonKeepTheirOrderAndNumbers) {
  pb::JobSpec spec = JoinOf("{\"k\": {\"a\": 1, \"b\": 2}}\n{\"k\": 1}\n",
                            "{\"k\": {\"b\": 2, \"a\": 1}}\n{\"k\": 1.0}\n{\"k\": \"1\"}\n");
  for (auto& input : *spec.mutable_inputs()) input.set_format("jsonl");
  Set(&spec, "key", "k");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"({"k": 1})"}));
}

TEST_F(JoinTest, AgreesWithCoreutils) {
  std::string left;
  std::string right;
  for (int i = 0; i < 20'000; ++i) left += fmt::format("{:05}\tl{}\n", Below(8'000), i);
  for (int i = 0; i < 5'000; ++i) right += fmt::format("{:05}\tr{}\n", Below(8'000), i);
  pb::JobSpec spec = JoinOf(left, right);
  spec.mutable_limits()->set_split_bytes(1 << 15);
  ExpectSucceeds(spec);
  EXPECT_EQ(Difference("sort out/part-*", "join -t $'\\t' <(sort text) <(sort right) | sort"), "");
}

// The sums are valsort's, for the records that gensort -a makes.
TEST_F(ClassicJobsTest, RecordsOfTheSortBenchmark) {
  struct Case {
    std::string ranges;
    int records;
    std::string checksum;
    std::string sha256;
  };
  const std::vector<Case> cases = {
      {"0 400\n400 600\n", 1000, "1f5dfb3631a",
       "6c26b26a61464dd78038f9c60907c851ac043c07584b12835fe065cbca31aad2"},
      {"1000000 100000\n", 100'000, "c38f3058fbd0",
       "53565fb273a0aeb153212e6d7d597b79eb9cb413e8e911891663c4b5e4c56c8a"}};
  for (const Case& each : cases) {
    pb::JobSpec spec = SpecOf("sort_generate", each.ranges);
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    ExpectSucceeds(spec);
    EXPECT_EQ(Shell(fmt::format("cat {}/out/part-* | sha256sum", dir_.path())).out,
              each.sha256 + "  -\n");
    Shell(fmt::format("cd {}; cat out/part-* | sort > sorted; cat out/part-* > unsorted",
                      dir_.path()));
    for (const int64_t split : {1 << 13, 1 << 30}) {
      pb::JobSpec check = Spec("sort_validate", dir_ / "sorted");
      check.mutable_output()->set_overwrite(true);
      check.mutable_reduce()->set_tasks(1);
      check.mutable_limits()->set_split_bytes(split);
      ExpectSucceeds(check);
      EXPECT_EQ(Output(), fmt::format("records\t{}\nchecksum\t{}\nduplicate_keys\t0\n"
                                      "unordered\t0\n",
                                      each.records, each.checksum));
      check.mutable_inputs(0)->set_path("file://" + dir_ / "unsorted");
      ExpectSucceeds(check);
      EXPECT_NE(Output().find("first_unordered\t"), std::string::npos);
      EXPECT_NE(Output().find("checksum\t" + each.checksum), std::string::npos);
    }
  }
}

TEST_F(ClassicJobsTest, LinesWithoutNumbersAreSetAside) {
  pb::JobSpec top =
      SpecOf("top_n", "a\t1\nb\tmany\nc\t\nd\t2 \ne\t99999999999999999999\nf\t-3\ng\n");
  top.mutable_reduce()->set_tasks(1);
  ExpectSucceeds(top);
  EXPECT_EQ(Output(), "a\t1\nf\t-3\n");
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 5"), std::string::npos);
  EXPECT_NE(Manifest().find("\"lines\": 2"), std::string::npos);
  pb::JobSpec records = SpecOf("sort_generate", "0 many\nx 1\n0 1\n-1 1\n1\n");
  records.mutable_reduce()->set_tasks(0);
  records.mutable_output()->set_format("raw");
  ExpectSucceeds(records);
  EXPECT_EQ(Lines().size(), 1u);
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 4"), std::string::npos);
}

TEST_F(ClassicJobsTest, OrderIsCheckedOverTheBordersOfFilesAndSplits) {
  Shell(
      fmt::format("mkdir {0}/in; printf 'a\\nb\\n' > {0}/in/1; printf 'b\\nc\\n' > {0}/in/2; "
                  "printf 'aa\\n' > {0}/in/3",
                  dir_.path()));
  pb::JobSpec spec = Spec("sort_validate", dir_ / "in");
  spec.mutable_reduce()->set_tasks(1);
  ExpectSucceeds(spec);
  EXPECT_NE(Output().find("records\t5\n"), std::string::npos);
  EXPECT_NE(Output().find("duplicate_keys\t1\nunordered\t1\nfirst_unordered\t"), std::string::npos);
  EXPECT_NE(Output().find("/in/3:0\n"), std::string::npos) << Output();
}

}  // namespace
}  // namespace quern::mr
