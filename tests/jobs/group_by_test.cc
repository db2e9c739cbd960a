// Groups of JSON lines in whole local runs.
#include <gtest/gtest.h>

#include <string>

#include "jobs/text/json_normal.h"
#include "tests/jobs/classic_jobs.h"

namespace quern::mr {
namespace {

class GroupByTest : public ClassicJobsTest {};

TEST_F(GroupByTest, GroupsOfObjects) {
  pb::JobSpec spec = SpecOf("group_by", R"({"lang": "en", "n": 3, "x": 0.5}
{"n": -1, "lang": "de", "x": "text"}
{"lang": "en", "n": 9007199254740993, "x": 0.25}

{"n": 1}
{"lang": "en"}
not json
)");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "lang");
  Set(&spec, "aggregates", "count, count(n),sum(n),min(n),max(x),mean(x)");
  ExpectSucceeds(spec);
  EXPECT_EQ(
      Lines(),
      (Strings{
          R"x({"lang": "de", "count": 1, "count(n)": 1, "sum(n)": -1, "min(n)": -1, "max(x)": null, "mean(x)": null})x",
          R"x({"lang": "en", "count": 3, "count(n)": 2, "sum(n)": 9007199254740996, "min(n)": 3, "max(x)": 0.5, "mean(x)": 0.375})x",
          R"x({"lang": null, "count": 1, "count(n)": 1, "sum(n)": 1, "min(n)": 1, "max(x)": null, "mean(x)": null})x"}));
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 1"), std::string::npos);
  for (const char* wrong :
       {"median(x)", "sum", "sum()", "sum(x", "count(", "count()", "count(x", "count)"}) {
    Set(&spec, "aggregates", fmt::format("count,{}", wrong));
    ExpectFails(spec, fmt::format("params.aggregates: '{}': must be", wrong));
  }
  Set(&spec, "aggregates", "");
  ExpectFails(spec, "params.aggregates = '': the list is empty. Try: count");
}

TEST_F(GroupByTest, NoTwoFieldsGetOneName) {
  pb::JobSpec spec = SpecOf("group_by", "{\"count\": 1, \"a\": 2, \"\": 3}\n");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "count");
  ExpectFails(spec, "params.aggregates: 'count' stands there twice, or in params.by too");
  Set(&spec, "by", "a,a");
  ExpectFails(spec, "params.by: 'a' stands there twice");
  Set(&spec, "by", "a,");
  ExpectFails(spec, "params.by: there is a name missing beside a comma");
  Set(&spec, "by", "count,a");
  Set(&spec, "aggregates", "sum(a),sum(a)");
  ExpectFails(spec, "params.aggregates: 'sum(a)' stands there twice");
  Set(&spec, "aggregates", "sum(a),max(a)");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"x({"count": 1, "a": 2, "sum(a)": 2, "max(a)": 2})x"}));
}

// A double cannot tell these apart.
TEST_F(GroupByTest, LargeWholeNumbersAreCompared) {
  pb::JobSpec spec = SpecOf("group_by",
                            R"({"n": 9007199254740993}
{"n": 9007199254740992}
{"n": 9223372036854775806}
{"n": 9223372036854775807}
)");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "aggregates", "min(n),max(n)");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"x({"min(n)": 9007199254740992, "max(n)": 9223372036854775807})x"}));
}

// Nor could a number of 64 bits hold these sums.
TEST_F(GroupByTest, SumsOfWholeNumbersAreExact) {
  std::string lines;
  for (const char* sign : {"", "-"}) {
    lines += fmt::format("{{\"g\": \"{0}\", \"n\": {0}9223372036854775807}}\n", sign);
    for (int i = 0; i < 4'096; ++i) lines += fmt::format("{{\"g\": \"{0}\", \"n\": {0}1}}\n", sign);
  }
  lines += "{\"g\": \"none\", \"n\": 5}\n{\"g\": \"none\", \"n\": -5}\n";
  pb::JobSpec spec = SpecOf("group_by", lines);
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "g");
  Set(&spec, "aggregates", "sum(n)");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{R"x({"g": "", "sum(n)": 9223372036854779903})x",
                              R"x({"g": "-", "sum(n)": -9223372036854779903})x",
                              R"x({"g": "none", "sum(n)": 0})x"}));
}

// With 64 bits beside the sign, as counters and hashes have.
TEST_F(GroupByTest, WholeNumbersMayFillSixtyFourBits) {
  const std::string most = "18446744073709551615";
  std::string lines;
  for (const std::string& number : {std::string("9223372036854775808"), std::string("1")}) {
    lines += fmt::format("{{\"g\": \"\", \"n\": {0}}}\n{{\"g\": \"-\", \"n\": -{0}}}\n", number);
  }
  lines += fmt::format("{{\"g\": \"both\", \"n\": {0}}}\n{{\"g\": \"both\", \"n\": -{0}}}\n", most);
  lines += "{\"g\": \"both\", \"n\": 18446744073709551614}\n";
  pb::JobSpec spec = SpecOf("group_by", lines);
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "g");
  Set(&spec, "aggregates", "sum(n),max(n)");
  ExpectSucceeds(spec);
  EXPECT_EQ(
      Lines(),
      (Strings{
          R"x({"g": "", "sum(n)": 9223372036854775809, "max(n)": 9223372036854775808})x",
          R"x({"g": "-", "sum(n)": -9223372036854775809, "max(n)": -1})x",
          R"x({"g": "both", "sum(n)": 18446744073709551614, "max(n)": 18446744073709551615})x"}));
}

// Numbers that JSON does not know are none, whatever they begin with; those that a double does not
// know have no sum.
TEST_F(GroupByTest, NumbersAreThoseOfJson) {
  const auto line = [](const char* group, const char* number) {
    return fmt::format("{{\"g\": \"{}\", \"n\": {}}}\n", group, number);
  };
  std::string lines = line("none", "\"5\"") + line("none", "null");
  for (const char* word : {"-Infinity", "-abc", "01", "1.", "-", "1e", "0x10"}) {
    lines += line("none", word) + line("some", word);
  }
  lines += line("some", "1") + line("some", "2.5") + line("large", "1e400") + line("large", "3") +
           line("both", "1e400") + line("both", "-1e400") + line("small", "-1e-400") +
           line("small", "0.5") + line("huge", "7") + line("huge", "1e99999") +
           line("huge", "-1e99999");
  pb::JobSpec spec = SpecOf("group_by", lines);
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "g");
  Set(&spec, "aggregates", "sum(n),min(n),max(n),mean(n)");
  ExpectSucceeds(spec);
  const auto want = [](const char* group, const char* sum, const char* min, const char* max,
                       const char* mean) {
    return fmt::format(
        R"x({{"g": "{}", "sum(n)": {}, "min(n)": {}, "max(n)": {}, "mean(n)": {}}})x", group, sum,
        min, max, mean);
  };
  EXPECT_EQ(Lines(), (Strings{want("both", "null", "-1e400", "1e400", "null"),
                              want("huge", "null", "-1e99999", "1e99999", "null"),
                              want("large", "null", "3", "1e400", "null"),
                              want("none", "null", "null", "null", "null"),
                              want("small", "0.5", "-1e-400", "0.5", "0.25"),
                              want("some", "3.5", "1", "2.5", "1.75")}));
}

TEST_F(GroupByTest, GroupsAreOfEqualValues) {
  pb::JobSpec spec = SpecOf("group_by", R"({"g": "caf\u00e9"}
{"g":"café"}
{"g": [1,2,{"\u0061":"\/"}]}
{"g": [ 1, 2, {"a": "/"} ]}
{"g": 1}
{"g": 1.0}
{"g": NaN}
{"g": [1}
{"g": {"x": -abc}}
)"
                                        "{\"g\": \"a\xff\"}\n");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_output()->set_format("raw");
  Set(&spec, "by", "g");
  ExpectSucceeds(spec);
  EXPECT_EQ(Lines(), (Strings{"{\"g\": \"a\uFFFD\", \"count\": 1}", R"({"g": "café", "count": 2})",
                              R"({"g": 1, "count": 1})", R"({"g": 1.0, "count": 1})",
                              R"({"g": [1, 2, {"a": "/"}], "count": 2})"}));
  for (const std::string& line : Lines()) EXPECT_TRUE(text::NormalJson(line).has_value()) << line;
  EXPECT_NE(Manifest().find("\"map_skipped_records\": 3"), std::string::npos);
}

}  // namespace
}  // namespace quern::mr
