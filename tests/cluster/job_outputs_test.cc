// What jobs leave in a real cluster besides their main output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class JobOutputs : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
  }
  void Put(const std::string& path, const std::string& text) {
    ASSERT_EQ(cluster_->Dfs({"put", "-", path}, {.stdin_text = text}).exit_code, 0);
  }
  CommandResult Good(std::vector<std::string> words) {
    CommandResult result = cluster_->Dfs(std::move(words));
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
    return result;
  }
  std::string Cat(const std::string& glob) { return cluster_->Dfs({"cat", glob}).out; }
  CommandResult Run(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"run"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return cluster_->Mr(command, {.timeout = absl::Seconds(120)});
  }
  std::string WriteSpec() {
    const std::string path = cluster_->scratch() + "/split.toml";
    std::ofstream(path) << "name = \"split\"\nplugin = \"" << JobPath("log_split") << R"("
[[input]]
path = "/log"
[reduce]
tasks = 1
[output]
path = "/out"
files = "programs-{i}-of-{n}"
[outputs.errors]
path = "/deep/errors"
format = "raw"
[outputs.warnings]
format = "raw"
[outputs.others]
[outputs.rare]
)";
    return path;
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(JobOutputs, NamedOnesAppearTogetherOrNotAtAll) {
  Put("/log", "ERROR disk: full\nWARN net: slow\nnothing\nERROR net: down\n");
  const std::string spec = WriteSpec();
  const CommandResult first = Run({spec});
  ASSERT_EQ(first.exit_code, 0) << first.Describe();
  EXPECT_THAT(first.err, HasSubstr("errors to /deep/errors"));
  EXPECT_EQ(Cat("/out/programs-0-of-1"), "net\t2\n");
  EXPECT_EQ(Cat("/out-warnings/part-m-00000"), "WARN net: slow\n");
  EXPECT_EQ(Cat("/out-others/part-*"), "32\tnothing\n");
  EXPECT_EQ(Cat("/out-rare/part-r-00000"), "disk\t1\n");
  EXPECT_EQ(Cat("/deep/errors/part-m-00000"), "ERROR disk: full\nERROR net: down\n");
  for (const char* dir : {"/out", "/out-warnings", "/deep/errors"}) {
    EXPECT_EQ(cluster_->Dfs({"test", "-e", fmt::format("{}/_SUCCESS", dir)}).exit_code, 0) << dir;
  }
  EXPECT_THAT(Cat("/out/_MANIFEST.json"), HasSubstr("\"path\": \"/deep/errors\""));

  // The main one alone is gone: the job is refused, and makes nothing.
  ASSERT_EQ(cluster_->Dfs({"rm", "-r", "/out"}).exit_code, 0);
  const CommandResult refused = Run({spec});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("/deep/errors: exists already"));
  EXPECT_EQ(cluster_->Dfs({"test", "-e", "/out"}).exit_code, 1);
  const CommandResult again = Run({spec, "--overwrite"});
  EXPECT_EQ(again.exit_code, 0) << again.Describe();
  EXPECT_EQ(Cat("/out/programs-0-of-1"), "net\t2\n");
  EXPECT_EQ(Cat("/out-warnings/part-m-00000"), "WARN net: slow\n");

  const CommandResult odd = Run({spec, "--overwrite", "--set", "params.others=odd"});
  EXPECT_EQ(odd.exit_code, 1);
  EXPECT_THAT(odd.err, HasSubstr("it declares errors, others, rare, warnings"));
}

TEST_F(JobOutputs, WhatUserCodeSkipsIsKept) {
  Put("/in", "a b\nskip c\nodd odd\n");
  const CommandResult result = Run({JobPath("fragile"), "/in", "/out", "--reduce", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.Describe();
  EXPECT_EQ(Cat("/out/part-*"), "a\t1\nb\t1\n");
  EXPECT_EQ(cluster_->Dfs({"text", "/out/_skipped/part-m-00000"}).out,
            "{\"path\":\"/in\",\"offset\":4,\"reason\":\"wants to be skipped\"}\tskip c\n");
  EXPECT_EQ(cluster_->Dfs({"text", "/out/_skipped/part-r-00000"}).out,
            "{\"key\":\"odd\",\"values\":2,\"reason\":\"an odd word\"}\n");
  EXPECT_THAT(Cat("/out/_MANIFEST.json"), HasSubstr("\"name\": \"_skipped/part-m-00000\""));
  const CommandResult again =
      Run({JobPath("fragile"), "/in", "/out", "--reduce", "1", "--overwrite"});
  EXPECT_EQ(again.exit_code, 0) << again.Describe();
}

TEST_F(JobOutputs, CommandsRunInTheirTasks) {
  Put("/in", "a b\nb\n");
  const std::string script = cluster_->scratch() + "/m.py";
  std::ofstream(script) << "import os, sys\n"
                           "print(os.environ['mapreduce_map_input_file'], 1, sep='\\t')\n"
                           "for line in sys.stdin:\n"
                           "    for word in line.split(): print(word, 1, sep='\\t')\n";
  const CommandResult result = Run({"--map", "python3 m.py", "--reduce",
                                    "awk '{n[$1] += $2} END {for (w in n) print w, n[w]}'",
                                    "--reduce", "1", "--files", "file://" + script, "/in", "/out"});
  ASSERT_EQ(result.exit_code, 0) << result.Describe();
  EXPECT_THAT(Cat("/out/part-*"), HasSubstr("b 2\n"));
  EXPECT_THAT(Cat("/out/part-*"), HasSubstr("/in 1\n"));
  // The memory of a command is its task's.
  const CommandResult hog =
      Run({"--map", "python3 -c 'x = bytearray(300 << 20); import signal; signal.pause()'; cat",
           "--memory", "64MiB", "--set", "limits.attempts=1", "/in", "/hog"});
  EXPECT_EQ(hog.exit_code, 1);
  EXPECT_THAT(hog.err, HasSubstr("limits.memory is 64 MiB"));
  const CommandResult failed =
      Run({"--map", "echo last words >&2; exit 7", "--set", "limits.attempts=1", "/in", "/failed"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("ended with exit code 7: last words"));
}

// Two bad records in one task and a bad key: the output is that of a run without them, though four
// failures of a task would end the job.
TEST_F(JobOutputs, RecordsOnWhichAttemptsDieAreSteppedOver) {
  Put("/in", "a b\nc poison\nd\npoison e\na toxic\n");
  Put("/clean", "a b\nd\na\n");
  for (const std::string how : {"segfault", "exit", "throw", "hang"}) {
    const std::string out = "/out-" + how;
    const auto run = [&](const std::string& skip) {
      return Run({JobPath("fragile"), "/in", out, "--reduce", "1", "--set", "params.how=" + how,
                  "--set", "params.map_bad=poison", "--set", "params.reduce_bad=toxic", "--set",
                  "limits.timeout=4s", "--set", "limits.skip_bad_records=" + skip});
    };
    if (how == "segfault") {
      EXPECT_EQ(run("false").exit_code, 1) << "without skipping the job fails";
    }
    const CommandResult result = run("true");
    ASSERT_EQ(result.exit_code, 0) << how << ": " << result.Describe();
    EXPECT_EQ(Cat(out + "/part-*"), "a\t2\nb\t1\nd\t1\n") << how;
    const std::string maps = cluster_->Dfs({"text", out + "/_skipped/part-m-00000"}).out;
    EXPECT_THAT(maps, HasSubstr("\"offset\":4,")) << how;
    EXPECT_THAT(maps, HasSubstr("\tc poison\n")) << how;
    EXPECT_THAT(maps, HasSubstr("\tpoison e\n")) << how;
    const std::string reduces = cluster_->Dfs({"text", out + "/_skipped/part-r-00000"}).out;
    EXPECT_THAT(reduces, HasSubstr("{\"key\":\"toxic\",\"reason\":")) << how;
    EXPECT_THAT(reduces, HasSubstr("}\t1\n")) << how;
    EXPECT_THAT(maps, HasSubstr(how == "segfault" ? "signal 11"
                                : how == "throw"  ? "cannot stand this word"
                                : how == "hang"   ? "no progress for"
                                                  : "exit code 0"))
        << how;
    EXPECT_THAT(Cat(out + "/_MANIFEST.json"),
                HasSubstr("\"map_skipped_records: attempts failed on it\": 2"))
        << how;
  }
  ASSERT_EQ(Run({JobPath("fragile"), "/clean", "/out", "--reduce", "1"}).exit_code, 0);
  EXPECT_EQ(Cat("/out/part-*"), Cat("/out-exit/part-*"));
}

// An output may lie below that of another job; a job that reads the upper one reads both.
TEST_F(JobOutputs, GetmergeReadsWhatAJobReads) {
  Good({"mkdir", "-p", "/tree/a/deep", "/tree/_logs", "/tree/a/.tmp"});
  for (const char* name :
       {"a-b", "a/x", "a/deep/y", "z", "_SUCCESS", "a/_SUCCESS", "_logs/l", "a/.tmp/t"}) {
    Put(std::string("/tree/") + name, std::string(name) + "\n");
  }
  // In byte order of whole paths: '-' comes before '/'.
  const std::string all = "a-b\na/deep/y\na/x\nz\n";
  EXPECT_EQ(Good({"getmerge", "/tree", "-"}).out, all);
  EXPECT_EQ(Good({"getmerge", "/tree/*", "-"}).out, all) << "no hidden one that a wildcard found";
  EXPECT_EQ(Good({"getmerge", "/{tree,tree/a}", "-"}).out, all) << "each file once";
  EXPECT_EQ(Good({"getmerge", "/tree/_*", "-"}).out, "_SUCCESS\n_logs/l\n") << "asked for";
  const CommandResult job = cluster_->Mr({"run", "--map", "cat", "/tree", "/tree_read"});
  ASSERT_EQ(job.exit_code, 0) << job.Describe();
  std::istringstream read(Good({"getmerge", "/tree_read", "-"}).out);
  std::vector<std::string> lines;
  for (std::string line; std::getline(read, line);) lines.push_back(line);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre("a-b", "a/deep/y", "a/x", "z"));
}

// The coordinator cleans what is old there, and jobs fail without it.
TEST_F(JobOutputs, WhatJobsWorkWithIsReadAndLeftAlone) {
  Put("/nums", "one\n");
  const std::string here = cluster_->scratch() + "/reserved";
  std::filesystem::create_directories(here + "/.quern/x");
  ASSERT_EQ(cluster_->Mr({"run", "--map", "cat", "/nums", "/nums_read"}).exit_code, 0);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"mkdir", "-p", "/.quern/mine"},
                                             {"touch", "//.quern/mine"},
                                             {"cp", "/nums", "/.quern/mine"},
                                             {"cp", "/nums", "/.quern"},
                                             {"mv", "/nums", "/.quern/jobs"},
                                             {"mv", "/.quern/jobs", "/mine"},
                                             {"put", "-", "/.quern/mine"},
                                             {"put", here + "/.", "/"},
                                             {"put", "--pack", here, "/.quern/mine"},
                                             {"chmod", "0700", "/.quern"},
                                             {"chmod", "-R", "0700", "/.quern/jobs"},
                                             {"chown", "somebody", "/.quern/jobs"},
                                             {"chgrp", "-R", "some", "/.quern"},
                                             {"setrep", "1", "/.quern"},
                                             {"setrep", "1", "/.quern/plugins"},
                                             {"rmdir", "/.quern/jobs"},
                                             {"rm", "-r", "-f", "/.quern"},
                                             {"rm", "-r", "/.quern/jobs"}}) {
    const CommandResult result = cluster_->Dfs(words);
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    EXPECT_EQ(result.out, "") << result.Describe();
    EXPECT_THAT(result.err, HasSubstr("/.quern is what the coordinator and its jobs work with"));
  }
  // Whoever means everything means what is theirs.
  const std::string mode = Good({"stat", "%a %g", "/.quern"}).out;
  Good({"chmod", "-R", "g+w", "/"});
  Good({"chgrp", "-R", "some", "/"});
  EXPECT_EQ(Good({"stat", "%g", "/nums"}).out, "some\n");
  EXPECT_EQ(Good({"stat", "%a %g", "/.quern"}).out, mode);
  EXPECT_THAT(Good({"setrep", "1", "/"}).out,
              AllOf(HasSubstr("Replication 1 set: /nums\n"), Not(HasSubstr("/.quern"))));
  const CommandResult job = cluster_->Mr({"run", "--map", "cat", "/nums", "/.quern/jobs/mine"});
  EXPECT_EQ(job.exit_code, 3) << job.Describe();
  EXPECT_THAT(job.err, HasSubstr("output.path: /.quern/jobs/mine: /.quern is what"));
  EXPECT_NE(Good({"ls", "-C", "/.quern"}).out, "") << "it may be looked at";
  // Whoever removes it nevertheless finds it made again by the next job.
  Good({"rm", "-r", "--internal", "/.quern"});
  const CommandResult next = cluster_->Mr({"run", "--map", "cat", "/nums", "/nums_again"});
  EXPECT_EQ(next.exit_code, 0) << next.Describe();
}

}  // namespace
}  // namespace quern::testing
