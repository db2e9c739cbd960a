// The ready-made jobs, run by quern-task --local on real files, against coreutils.
#include "tests/jobs/local_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

constexpr char kCount[] =
    "tr -s '[:space:]' '\\n' < text | sed '/^$/d' | sort | uniq -c | sed -E 's/^ *([0-9]+) "
    "(.*)/\\2\\t\\1/'";

TEST_F(LocalJobsTest, WordCountIsThatOfCoreutils) {
  pb::JobSpec spec = Spec("wordcount", MakeText(5 << 20));
  for (const char* fold : {"SumOf", ""}) {
    spec.mutable_reduce()->set_reducer(fold);
    spec.mutable_output()->set_overwrite(true);
    ExpectSucceeds(spec);
    EXPECT_EQ(Difference("sort out/part-r-*", kCount), "");
  }
}

TEST_F(LocalJobsTest, WordCountLeavesOutTheWordsOfASideFile) {
  std::ofstream(dir_ / "text") << "to be or not to be\n";
  std::ofstream(dir_ / "stop.txt") << "to\nor not\n";
  pb::JobSpec spec = Spec("wordcount", dir_ / "text");
  (*spec.mutable_params())["stopwords"] = "stop";
  EXPECT_NE(Run(spec).out.find("files: the job has none called 'stop'"), std::string::npos);
  pb::JobSpec::SideFile* const side = spec.add_files();
  side->set_name("stop");
  side->mutable_file()->set_path("file://" + dir_ / "stop.txt");
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell(fmt::format("cat {}/out/part-*", dir_.path())).out, "be\t2\n");
}

TEST_F(LocalJobsTest, SortedPartsOneAfterAnotherAreSorted) {
  pb::JobSpec spec = Spec("sort", MakeText(5 << 20));
  spec.mutable_reduce()->set_partitioner("range");
  ExpectSucceeds(spec);
  EXPECT_EQ(Difference("cat out/part-r-*", "sort text"), "");
  EXPECT_EQ(Shell(fmt::format("find {}/out -name 'part-*' -size +100k | wc -l", dir_.path())).out,
            "3\n");
}

TEST_F(LocalJobsTest, SortedInputGivesEvenParts) {
  constexpr uint64_t kLines = 400'000;
  std::ofstream out(dir_ / "text", std::ios::binary);
  for (uint64_t i = 0; i < kLines; ++i) out << fmt::format("https://site/{:08}/{:030}\n", i, i);
  out.close();
  pb::JobSpec spec = Spec("sort", dir_ / "text");
  spec.mutable_reduce()->set_partitioner("range");
  spec.mutable_reduce()->set_tasks(16);
  ExpectSucceeds(spec);
  EXPECT_EQ(Difference("cat out/part-r-*", "cat text"), "");
  const std::string counts =
      Shell(fmt::format("cd {}/out; for p in part-r-*; do wc -l < $p; done | sort -n", dir_.path()))
          .out;
  const uint64_t least = std::stoull(counts);
  const uint64_t most = std::stoull(counts.substr(counts.rfind('\n', counts.size() - 2) + 1));
  EXPECT_GE(least, kLines / 16 * 8 / 10) << counts;
  EXPECT_LE(most, kLines / 16 * 12 / 10) << counts;
}

// Whatever user code does to the process, it is no success, and where it did it is known.
TEST_F(LocalJobsTest, ARunThatUserCodeEndsIsAFailureThatNamesTheRecord) {
  std::ofstream(dir_ / "in") << "good\nbad word\n";
  pb::JobSpec spec = Spec("fragile", dir_ / "in");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_reducer("FragileSum");
  spec.mutable_inputs(0)->set_mapper("FragileWords");
  for (const auto& [how, end] : {std::pair("exit", "exit code 0 before its work was done"),
                                 std::pair("segfault", "signal 11 (Segmentation fault)")}) {
    if (kIsSanitized && std::string_view(how) == "segfault") continue;  // which ends it itself
    (*spec.mutable_params())["how"] = how;
    (*spec.mutable_params())["map_bad"] = "bad";
    (*spec.mutable_params())["reduce_bad"] = "";
    const Outcome map = Run(spec);
    EXPECT_EQ(map.exit_code, 1) << map.out;
    EXPECT_THAT(map.out, HasSubstr(fmt::format("mr run --local: its process ended with {}: "
                                               "m-00000.0 in Map, at ",
                                               end)));
    EXPECT_THAT(map.out, HasSubstr(dir_ / "in:5"));
    (*spec.mutable_params())["map_bad"] = "";
    (*spec.mutable_params())["reduce_bad"] = "good";
    const Outcome reduce = Run(spec);
    EXPECT_EQ(reduce.exit_code, 1) << reduce.out;
    EXPECT_THAT(reduce.out, HasSubstr("r-00000.0 in Reduce, at key 1"));
    EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "out"));
  }
}

// It goes on, and nobody would hear how the run ended.
TEST_F(LocalJobsTest, CodeThatClosesTheEnginesDescriptorsFailsTheRunBeforeAnythingAppears) {
  std::ofstream(dir_ / "in") << "good\nbad word\n";
  pb::JobSpec spec = Spec("fragile", dir_ / "in");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_reducer("FragileSum");
  spec.mutable_inputs(0)->set_mapper("FragileWords");
  constexpr char kWhy[] = "its code closed descriptors that belong to the engine (";
  for (const auto& [how, which] : {std::pair("close all", "stdout, stderr, the notes of the run)"),
                                   std::pair("close streams", "stdout, stderr)")}) {
    for (const auto& [map_bad, reduce_bad, task] :
         {std::tuple("bad", "",
                     "m-00000.0 (mapper FragileWords), which read file://" + dir_ / "in: "),
          std::tuple("", "good", std::string("r-00000.0 (reducer FragileSum): "))}) {
      (*spec.mutable_params())["how"] = how;
      (*spec.mutable_params())["map_bad"] = map_bad;
      (*spec.mutable_params())["reduce_bad"] = reduce_bad;
      const Outcome run = Run(spec);
      EXPECT_EQ(run.exit_code, 1) << run.out;
      EXPECT_THAT(run.out, HasSubstr("mr run --local: " + task + kWhy + which));
      EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1) << run.out;
      const Outcome json = Run(spec, "", "--json");
      EXPECT_EQ(json.exit_code, 1) << json.out;
      EXPECT_THAT(json.out, HasSubstr("\"state\":\"FAILED\""));
      EXPECT_THAT(json.out, HasSubstr(kWhy));
      EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 1) << json.out;
      EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "out"));
    }
  }
}

TEST_F(LocalJobsTest, AMapOnlyJobOverNothingLeavesAnEmptyPart) {
  std::ofstream(dir_ / "text").close();
  pb::JobSpec spec = Spec("grep", dir_ / "text");
  spec.mutable_reduce()->set_tasks(0);
  (*spec.mutable_params())["pattern"] = "a";
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell(fmt::format("ls -s {}/out | grep part", dir_.path())).out, "0 part-m-00000\n");
}

TEST_F(LocalJobsTest, GrepGivesMatchingLinesInOrder) {
  pb::JobSpec spec = Spec("grep", MakeText(3 << 20));
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_format("raw");
  spec.mutable_output()->set_overwrite(true);
  for (const char* pattern : {"aab", "a.b", "^b[ac]*$", "nothing at all"}) {
    (*spec.mutable_params())["pattern"] = pattern;
    ExpectSucceeds(spec);
    EXPECT_EQ(Difference("cat out/part-m-*", fmt::format("grep -a '{}' text", pattern)), "")
        << pattern;
  }
}

TEST_F(LocalJobsTest, GrepKnowsCharacters) {
  const std::string lines = "straße\nÄpfel\nλόγος\n中文字\nno\n\xff\xfe bad\nков\nKELVIN K\n";
  std::ofstream(dir_ / "text", std::ios::binary) << lines;
  pb::JobSpec spec = Spec("grep", dir_ / "text");
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_format("raw");
  spec.mutable_output()->set_overwrite(true);
  for (const auto& [pattern, want] : {std::pair{"\\p{Greek}", "λόγος\n"},
                                      {"\\p{Han}", "中文字\n"},
                                      {"^.{3}$", "中文字\nков\n"},
                                      {"stra.e", "straße\n"},
                                      {"bad", "\xff\xfe bad\n"},
                                      {"^no$", "no\n"}}) {
    (*spec.mutable_params())["pattern"] = pattern;
    ExpectSucceeds(spec);
    EXPECT_EQ(Shell("cat " + dir_ / "out/part-m-*").out, want) << pattern;
  }
}

TEST_F(LocalJobsTest, ParametersAreCheckedAtTheStart) {
  pb::JobSpec spec = Spec("grep", MakeText(1000));
  spec.mutable_reduce()->set_tasks(0);
  (*spec.mutable_params())["pattern"] = "a";
  (*spec.mutable_params())["ignore_case"] = "yess";
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("params.ignore_case = 'yess': must be true or false"),
            std::string::npos)
      << outcome.out;
  (*spec.mutable_params())["ignore_case"] = "TRUE";
  ExpectSucceeds(spec);
}

TEST_F(LocalJobsTest, GrepCountsItsMatches) {
  pb::JobSpec spec = Spec("grep", MakeText(1 << 20));
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_format("raw");
  (*spec.mutable_params())["pattern"] = "ab";
  const Outcome outcome = Run(spec);
  const std::string count = Shell(fmt::format("grep -ac ab {}", dir_ / "text")).out;
  EXPECT_NE(outcome.out.find("user.matches = " + count), std::string::npos) << outcome.out;
}

TEST_F(LocalJobsTest, ReadsDirectoriesAndCompressedFiles) {
  MakeText(1 << 20);
  ASSERT_EQ(
      Shell(fmt::format("cd {}; mkdir in in/deep; gzip -c text > in/a.gz; cp text in/deep/b; "
                        "cp text in/_hidden; touch in/empty; cat text text > both; mv both text",
                        dir_.path()))
          .exit_code,
      0);
  pb::JobSpec spec = Spec("wordcount", dir_ / "in");
  ExpectSucceeds(spec);
  EXPECT_EQ(Difference("sort out/part-r-*", kCount), "");
}

TEST_F(LocalJobsTest, ReadsWhatIsAskedForByNameAndEveryDirectoryOnce) {
  ASSERT_EQ(Shell(fmt::format("cd {}; mkdir -p in/a; echo q > in/f; ln -s . in/self; "
                              "ln -s .. in/a/up; echo q > in/_hidden",
                              dir_.path()))
                .exit_code,
            0);
  pb::JobSpec spec = Spec("wordcount", dir_ / "in");
  spec.mutable_output()->set_overwrite(true);
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-r-*").out, "q\t1\n");
  spec.mutable_inputs(0)->set_path("file://" + dir_ / "in/_hidden");
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-r-*").out, "q\t1\n");
  spec.mutable_inputs(0)->set_path("file://" + dir_ / "in/*");
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-r-*").out, "q\t1\n");
}

TEST_F(LocalJobsTest, SaysWhichFileIsDamaged) {
  std::ofstream(dir_ / "text", std::ios::binary) << "BZh91AY&SY and more";
  const Outcome outcome = Run(Spec("wordcount", dir_ / "text"));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("map_set_aside_bad_member = 1"));
  EXPECT_THAT(outcome.out, HasSubstr(". WARNING: 1 place of the input could not be read"));
  const size_t line = outcome.out.find(" set_aside ");
  ASSERT_NE(line, std::string::npos);
  EXPECT_THAT(outcome.out.substr(line, outcome.out.find('\n', line) - line),
              HasSubstr(dir_ / "text"));
}

TEST_F(LocalJobsTest, RejectsWhatCannotWork) {
  const std::string text = MakeText(1000);
  struct Case {
    std::string says;
    std::function<void(pb::JobSpec*)> change;
  };
  const std::vector<Case> cases = {
      {"Did you mean 'WordCountMapper'",
       [](pb::JobSpec* s) { s->mutable_inputs(0)->set_mapper("WordCountMaper"); }},
      {"not an ELF", [&](pb::JobSpec* s) { s->mutable_plugin()->set_path(text); }},
      {"no such file", [](pb::JobSpec* s) { s->mutable_inputs(0)->set_path("file:///no/*.txt"); }},
      {"exists already",
       [&](pb::JobSpec* s) { s->mutable_output()->set_path("file://" + dir_.path()); }},
  };
  for (const Case& c : cases) {
    pb::JobSpec spec = Spec("wordcount", text);
    c.change(&spec);
    const Outcome outcome = Run(spec);
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_NE(outcome.out.find(c.says), std::string::npos) << outcome.out;
  }
}

TEST_F(LocalJobsTest, LeavesNothingBehindWhenUserCodeThrows) {
  pb::JobSpec spec = Spec("grep", MakeText(1000));
  spec.mutable_reduce()->set_tasks(0);
  (*spec.mutable_params())["pattern"] = "a(";
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("m-00000.0: params.pattern: 'a('"), std::string::npos) << outcome.out;
  EXPECT_EQ(Shell(fmt::format("ls -A {}", dir_.path())).out, "spec\ntext\n");
}

}  // namespace
}  // namespace quern::mr
