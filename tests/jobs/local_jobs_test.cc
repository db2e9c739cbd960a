// The ready-made jobs, run by quern-task --local on real files, against coreutils.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "common/storage/file_io.h"
#include "mapreduce/engine/task_id.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

struct Outcome {
  int exit_code = 0;
  std::string out;
};

Outcome Shell(const std::string& command) {
  Outcome outcome;
  std::FILE* pipe = popen(("export LC_ALL=C; " + command).c_str(), "r");
  char buffer[4096];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0) outcome.out.append(buffer, got);
  outcome.exit_code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

class LocalJobsTest : public RandomTest {
 protected:
  pb::JobSpec Spec(const std::string& job, const std::string& input) {
    pb::JobSpec spec;
    spec.set_name(job);
    spec.mutable_plugin()->set_path(std::string(std::getenv("QUERN_JOBS")) + "/lib" + job + ".so");
    spec.add_inputs()->set_path("file://" + input);
    spec.mutable_output()->set_path("file://" + dir_ / "out");
    spec.mutable_reduce()->set_tasks(3);
    // Several map tasks, whatever the size of the input.
    spec.mutable_limits()->set_split_bytes(2 << 20);
    spec.mutable_limits()->set_memory_bytes(64 << 20);
    return spec;
  }
  // Exit code and what it printed on both channels.
  Outcome Run(const pb::JobSpec& spec) {
    std::ofstream(dir_ / "spec", std::ios::binary) << spec.SerializeAsString();
    return Shell(
        fmt::format("{}/quern-task --local {} 2>&1", std::getenv("QUERN_BIN"), dir_ / "spec"));
  }
  void ExpectSucceeds(const pb::JobSpec& spec) {
    const Outcome outcome = Run(spec);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_TRUE(FileSystem::Real()->Exists(dir_ / "out/_SUCCESS"));
    EXPECT_TRUE(FileSystem::Real()->Exists(dir_ / "out/_MANIFEST.json"));
  }
  // "" when the two commands print the same.
  std::string Difference(const std::string& a, const std::string& b) {
    return Shell(fmt::format("cd {}; bash -c \"cmp <({}) <({})\" 2>&1", dir_.path(), a, b)).out;
  }
  std::string MakeText(size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
      for (uint64_t i = Below(8); i > 0; --i) text += static_cast<char>('a' + Below(1 + Below(26)));
      text += " \t\r\n\n"[Below(5)];
    }
    std::ofstream(dir_ / "text", std::ios::binary) << text;
    return dir_ / "text";
  }

  const TempDir dir_;
};

constexpr char kCount[] =
    "tr -s '[:space:]' '\\n' < text | sed '/^$/d' | sort | uniq -c | sed -E 's/^ *([0-9]+) "
    "(.*)/\\2\\t\\1/'";

TEST_F(LocalJobsTest, WordCountIsThatOfCoreutils) {
  pb::JobSpec spec = Spec("wordcount", MakeText(5 << 20));
  for (const char* combiner : {"SumReducer", ""}) {
    spec.mutable_reduce()->set_combiner(combiner);
    spec.mutable_output()->set_overwrite(true);
    ExpectSucceeds(spec);
    EXPECT_EQ(Difference("sort out/part-r-*", kCount), "");
  }
}

TEST_F(LocalJobsTest, SortedPartsOneAfterAnotherAreSorted) {
  pb::JobSpec spec = Spec("sort", MakeText(5 << 20));
  spec.mutable_reduce()->set_partitioner("range");
  ExpectSucceeds(spec);
  EXPECT_EQ(Difference("cat out/part-r-*", "sort text"), "");
  EXPECT_EQ(Shell(fmt::format("find {}/out -name 'part-*' -size +100k | wc -l", dir_.path())).out,
            "3\n");
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

TEST_F(LocalJobsTest, GrepCountsItsMatches) {
  pb::JobSpec spec = Spec("grep", MakeText(1 << 20));
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_format("raw");
  (*spec.mutable_params())["pattern"] = "ab";
  const Outcome outcome = Run(spec);
  const std::string count = Shell(fmt::format("grep -ac ab {}", dir_ / "text")).out;
  EXPECT_NE(outcome.out.find("user.matches = " + count), std::string::npos) << outcome.out;
}

TEST_F(LocalJobsTest, IndexListsDocumentsAndPositions) {
  std::ofstream(dir_ / "docs") << R"({"id": "b", "text": "The cat, the CAT's tail."})"
                               << "\n"
                               << R"({"id": "a\tx", "text": "tail 中文"})"
                               << "\n";
  pb::JobSpec spec = Spec("inverted_index", dir_ / "docs");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_reduce()->set_tasks(1);
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-r-00000").out,
            "cat\tb\t1,3\ns\tb\t4\ntail\tb\t5\ntail\ta\\tx\t0\nthe\tb\t0,2\n中文\ta\\tx\t1\n");
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
  EXPECT_NE(outcome.out.find("m-00000.0: Start threw: pattern 'a('"), std::string::npos)
      << outcome.out;
  EXPECT_EQ(Shell(fmt::format("ls -A {}", dir_.path())).out, "spec\ntext\n");
}

}  // namespace
}  // namespace quern::mr
