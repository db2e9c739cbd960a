// Whole pipelines in one process (mr run --local), against answers that are known.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class LocalPipelineTest : public LocalJobsTest {
 protected:
  LocalPipelineTest() {
    std::ofstream(dir_ / "text") << "to be or not to be\nthat is the question\nto to be\n";
    std::ofstream(dir_ / "three.toml") << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
[[stage]]
name = "top"
job = "top-n"
input = ["@count"]
output = "top"
params = { n = 2 }
)";
  }
  Outcome Mr(const std::string& words) {
    return Shell(fmt::format("{}/mr {} 2>&1", std::getenv("QUERN_BIN"), words));
  }
  Outcome RunThree(const std::string& flags = "") {
    return Mr(fmt::format("run --local {0}/three.toml file://{0}/text file://{0}/out {1}",
                          dir_.path(), flags));
  }
};

TEST_F(LocalPipelineTest, StagesReadEachOtherAndOnlyThePublishedStays) {
  const Outcome outcome = RunThree();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("three: done, output in file://" + dir_ / "out\n"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/part-*").out, "to\t4\nbe\t3\n");
  EXPECT_EQ(Shell("ls -A " + dir_.path()).out, "out\ntext\nthree.toml\n");
  const Outcome again = RunThree();
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_THAT(again.out, HasSubstr("exists already. Try: --overwrite"));
  // What is replaced is never what is read.
  const Outcome below =
      Mr(fmt::format("run --local {0}/three.toml file://{0}/out/top file://{0}/out/top --overwrite "
                     "--set top.output.path=.",
                     dir_.path()));
  EXPECT_EQ(below.exit_code, 3) << below.out;
  EXPECT_THAT(below.out, HasSubstr("holds the input"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/part-*").out, "to\t4\nbe\t3\n");
}

TEST_F(LocalPipelineTest, QuietRunsWarnOfInputThatIsNotRead) {
  Shell(fmt::format("cd {}; gzip -c text | head -c 20 > cut.gz", dir_.path()));
  const std::string warning = "WARNING: 1 place of the input could not be read and was passed over";
  const Outcome job = Mr(fmt::format(
      "run --local --quiet wordcount file://{0}/cut.gz file://{0}/counts", dir_.path()));
  EXPECT_EQ(job.exit_code, 0) << job.out;
  EXPECT_EQ(job.out, fmt::format("wordcount: {} (bad_member 1)\n", warning)) << "no line of a log";
  const Outcome pipeline = Mr(fmt::format(
      "run --local --quiet {0}/three.toml file://{0}/cut.gz file://{0}/out", dir_.path()));
  EXPECT_EQ(pipeline.exit_code, 0) << pipeline.out;
  EXPECT_EQ(pipeline.out, fmt::format("three: count: done, {} (bad_member 1)\n", warning));
  const Outcome json = Mr(fmt::format(
      "run --local --json --overwrite wordcount file://{0}/cut.gz file://{0}/counts", dir_.path()));
  EXPECT_EQ(json.exit_code, 0) << json.out;
  EXPECT_THAT(json.out, ::testing::StartsWith("{")) << "nothing but the object";
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 1) << json.out;
  EXPECT_THAT(json.out, HasSubstr("\"warnings\":[\"1 place of the input"));
  // Where it was, whoever wants to hear more is told.
  const Outcome loud = Mr(fmt::format(
      "run --local --overwrite wordcount file://{0}/cut.gz file://{0}/counts", dir_.path()));
  EXPECT_THAT(loud.out, HasSubstr(fmt::format("set_aside path=file://{}/cut.gz", dir_.path())));
}

// As the end of one in a cluster: the counters of its jobs' classes, stage after stage.
TEST_F(LocalPipelineTest, ADonePipelineShowsWhatItsStagesHaveCounted) {
  std::ofstream(dir_ / "found.toml") << R"(
[[stage]]
name = "found"
job = "grep"
input = ["@in"]
params = { pattern = "be" }
[[stage]]
name = "counts"
job = "wordcount"
input = ["@found"]
output = "counts"
)";
  const auto run = [&](const std::string& flags) {
    return Mr(fmt::format("run --local {0}/found.toml file://{0}/text file://{0}/out {1}",
                          dir_.path(), flags));
  };
  const Outcome loud = run("");
  EXPECT_EQ(loud.exit_code, 0) << loud.out;
  EXPECT_EQ(loud.out, fmt::format("found: found: done\nfound: counts: done\n"
                                  "found: done, output in file://{}/out\n"
                                  "  found: user.matches = 2\n",
                                  dir_.path()));
  EXPECT_EQ(run("--quiet --overwrite").out, "");
}

// One object as of a job in a cluster, and nothing else; quiet is nothing at all.
TEST_F(LocalPipelineTest, SaysHowItEndedAsItIsAskedTo) {
  const auto count = [&](const std::string& flags) {
    return Mr(fmt::format("run --local wordcount file://{0}/text file://{0}/counts {1}",
                          dir_.path(), flags));
  };
  const auto lines = [](const Outcome& outcome) {
    return std::count(outcome.out.begin(), outcome.out.end(), '\n');
  };
  const Outcome job = count("--json");
  EXPECT_EQ(job.exit_code, 0) << job.out;
  EXPECT_EQ(lines(job), 1) << job.out;
  EXPECT_THAT(job.out, HasSubstr("\"name\":\"wordcount\""));
  EXPECT_THAT(job.out, HasSubstr("\"state\":\"SUCCEEDED\",\"reason\":\"\""));
  EXPECT_THAT(job.out, HasSubstr("\"output_path\":\"file://" + dir_ / "counts\""));
  EXPECT_THAT(job.out, HasSubstr("\"counters\":{\""));
  const Outcome rejected = count("--json");
  EXPECT_EQ(rejected.exit_code, 3);
  EXPECT_THAT(rejected.out, ::testing::StartsWith("{\"error\":{\"code\":\"ALREADY_EXISTS\""));
  EXPECT_EQ(count("--overwrite --quiet").out, "");
  const Outcome failed = Mr(fmt::format(
      "run --local --json --map 'exit 3' --map-only file://{0}/text file://{0}/none", dir_.path()));
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(lines(failed), 1) << failed.out;
  EXPECT_THAT(failed.out, HasSubstr("\"state\":\"FAILED\",\"reason\":\""));

  const Outcome pipeline = RunThree("--json");
  EXPECT_EQ(pipeline.exit_code, 0) << pipeline.out;
  EXPECT_EQ(lines(pipeline), 1) << pipeline.out;
  EXPECT_THAT(pipeline.out, HasSubstr("{\"stage\":\"count\",\"state\":\"DONE\",\"rounds\":1"));
  EXPECT_THAT(pipeline.out, HasSubstr("\"output_path\":\"file://" + dir_ / "out/top\""));
  EXPECT_EQ(RunThree("--quiet --overwrite").out, "");
}

TEST_F(LocalPipelineTest, TheCommandOfAJobIsWhatToTypeForItOnceMore) {
  const std::string command = fmt::format(
      "mr run --map 'tr a-z A-Z' file://{0}/text file://{0}/upper --local --threads 2 --map-only "
      "--overwrite --memory 64MiB --name 'two words' --set 'params.a=b c' --set "
      "limits.attempts=1",
      dir_.path());
  const Outcome job = Mr(command.substr(3) + " --json");
  EXPECT_EQ(job.exit_code, 0) << job.out;
  EXPECT_THAT(job.out, HasSubstr("\"command\":\"" + command + "\""));
  const Outcome pipeline = RunThree("--json --set top.params.n=1");
  EXPECT_EQ(pipeline.exit_code, 0) << pipeline.out;
  EXPECT_THAT(pipeline.out, HasSubstr("file://" + dir_ / "out --local --set top.params.n=1\""));
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/part-*").out, "to\t4\n");
  // One line, also for a command of several.
  const Outcome lines = Mr(fmt::format(
      "run --map 'true\ncat' file://{0}/text file://{0}/lines --local --map-only --json",
      dir_.path()));
  EXPECT_EQ(lines.exit_code, 0) << lines.out;
  EXPECT_THAT(lines.out, HasSubstr(R"("command":"mr run --map $'true\\ncat' file://)"));
  // What begins with a dash is an argument.
  const Outcome grep =
      Mr(fmt::format("run --local --json -- grep -x file://{0}/text file://{0}/none", dir_.path()));
  EXPECT_EQ(grep.exit_code, 0) << grep.out;
  EXPECT_THAT(grep.out, HasSubstr("\"command\":\"mr run --local -- grep -x file://"));
}

TEST_F(LocalPipelineTest, AJobHasFlagsOfItsOwn) {
  const std::string paths = fmt::format("file://{0}/text file://{0}/found", dir_.path());
  const Outcome grep =
      Mr(fmt::format("run --local --json grep --ignore-case --invert -- -x {}", paths));
  EXPECT_EQ(grep.exit_code, 0) << grep.out;
  EXPECT_THAT(grep.out, HasSubstr("\"command\":\"mr run grep --local --ignore-case --invert -- -x "
                                  "file://"))
      << "behind the name, which says that there are such flags";
  EXPECT_EQ(Shell("cat " + dir_ / "found/part-*").out, Shell("cat " + dir_ / "text").out);
  const Outcome slip = Mr("run grep x --ignore-cas " + paths);
  EXPECT_EQ(slip.exit_code, 2);
  EXPECT_THAT(slip.out, HasSubstr("no such flag: --ignore-cas. Did you mean --ignore-case?"));
  const Outcome other = Mr("run sort --ignore-case " + paths);
  EXPECT_EQ(other.exit_code, 2) << "another job's";
  EXPECT_THAT(other.out, HasSubstr("no such flag: --ignore-case"));
  const Outcome no_job = Mr("run grap x --ignore-case " + paths);
  EXPECT_EQ(no_job.exit_code, 2);
  EXPECT_THAT(no_job.out, HasSubstr("grap: no such job. Did you mean grep?"));
  EXPECT_EQ(Mr("run top-n -n 0 --local " + paths).exit_code, 2) << "a value that is none";
  EXPECT_THAT(Mr("run top-n --help").out, HasSubstr("\n  -n N  how many (10)\n"));
  const Outcome ranks = Mr(fmt::format("run pagerank --damping 1.5 --local {}", paths));
  EXPECT_EQ(ranks.exit_code, 2);
  EXPECT_THAT(ranks.out, HasSubstr("params.damping: '1.5' is not a number from 0 to 1"));
  EXPECT_THAT(Mr("run pagerank --help").out, HasSubstr("--damping N"));
}

TEST_F(LocalPipelineTest, AnIndexGetsMoreSegmentsByTheJobThatMakesThem) {
  std::ofstream(dir_ / "more") << "a zebra\n";
  const auto index = [&](const std::string& in, const std::string& flags) {
    return Mr(
        fmt::format("run --local search-index --format text --reduce 1 file://{0}/{1} "
                    "file://{0}/index {2}",
                    dir_.path(), in, flags));
  };
  const Outcome none = index("more", "--append");
  EXPECT_EQ(none.exit_code, 3) << "there is no index yet";
  EXPECT_THAT(none.out, HasSubstr("file://" + dir_ / "index: is not there, and nothing is added"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "index"));
  ASSERT_EQ(index("text", "").exit_code, 0);
  const Outcome other = index("more", "--append --lang en --stem");
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.out, HasSubstr("Try: the same --fields, --lang, --stem and --stop-words"));
  EXPECT_THAT(other.out, HasSubstr("quern-search: exit code 3. The job has succeeded, but what it "
                                   "made does not fit what is there, and is removed again"));
  EXPECT_EQ(Shell("ls " + dir_ / "index" + " | grep -c added-").out, "0\n");
  const Outcome added = index("more", "--append");
  EXPECT_EQ(added.exit_code, 0) << added.out;
  EXPECT_THAT(added.out, HasSubstr("4 documents in 2 segments"));
  const auto zebras = [&] {
    const Outcome found = Mr(fmt::format("search --json file://{}/index zebra", dir_.path()));
    return std::count(found.out.begin(), found.out.end(), '\n');
  };
  EXPECT_EQ(zebras(), 1);
  const Outcome merged = index("more", "--append --merge");
  EXPECT_EQ(merged.exit_code, 0) << merged.out;
  EXPECT_THAT(merged.out, HasSubstr("5 documents in 1 segment\n"));
  EXPECT_EQ(zebras(), 2);
  EXPECT_EQ(index("more", "--merge").exit_code, 2);
  EXPECT_EQ(index("more", "--append --overwrite").exit_code, 2);
  EXPECT_EQ(RunThree("--append").exit_code, 2) << "a pipeline";
}

TEST_F(LocalPipelineTest, FlagsThatMeanNothingHereAreRefused) {
  const std::string job = "run wordcount file://" + dir_ / "text file://" + dir_ / "counts ";
  for (const char* flags : {"--local --detach", "--threads 2"}) {
    const Outcome outcome = Mr(job + flags);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("--local")) << flags;
  }
  const std::pair<const char*, const char*> in_vain[] = {
      {"--replication 2", "--replication: no output of this run is in the cluster"},
      {"--set output.replication=2", "--set output.replication: no output"},
      {"--set limits.timeout=1h", "--set limits.timeout: code that hangs"},
      {"--set limits.attempts=3", "--set limits.attempts: the first failure"},
      {"--set limits.skip_bad_records=true", "--set limits.skip_bad_records: the first death"},
  };
  for (const auto& [flags, why] : in_vain) {
    for (const std::string& said :
         {job + "--local " + flags, "explain" + job.substr(3) + "--local " + flags}) {
      const Outcome outcome = Mr(said);
      EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
      EXPECT_THAT(outcome.out, HasSubstr(why));
    }
  }
  const Outcome pipeline = RunThree("--set count.limits.timeout=1h");
  EXPECT_EQ(pipeline.exit_code, 2) << pipeline.out;
  EXPECT_THAT(pipeline.out, HasSubstr("--set count.limits.timeout: code that hangs"));
  EXPECT_EQ(RunThree("--replication 2").exit_code, 2);
  EXPECT_EQ(Mr(job + "--local --splits").exit_code, 2);
  EXPECT_THAT(Mr(job + "--tasks 'm-0; r-1'").out,
              HasSubstr("Try: mr run --local --tasks 'm-0; r-1' ..."));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "out"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "counts"));
}

TEST_F(LocalPipelineTest, AStageMayBeCalledAsItLikes) {
  std::ofstream(dir_ / "three.toml") << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
[[stage]]
name = "_out"
job = "top-n"
input = ["@count"]
output = "."
params = { n = 2 }
)";
  const Outcome outcome = RunThree();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-*").out, "to\t4\nbe\t3\n");
}

TEST_F(LocalPipelineTest, WhatReadsAStageThatIsLeftOutReadsWhatStandsForIt) {
  std::ofstream(dir_ / "three.toml") << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
[[stage]]
name = "most"
when = "most"
otherwise = "@count"
job = "top-n"
input = ["@count"]
params = { n = 1 }
[[stage]]
name = "top"
job = "top-n"
input = ["@count", "@most"]
output = "top"
params = { n = 2 }
)";
  const Outcome without = RunThree();
  ASSERT_EQ(without.exit_code, 0) << without.out;
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/part-*").out, "to\t4\nbe\t3\n") << "read once";
  const Outcome with = RunThree("--overwrite --set most=true");
  ASSERT_EQ(with.exit_code, 0) << with.out;
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/part-*").out, "to\t4\nto\t4\n");
  EXPECT_THAT(Mr("run " + dir_ / "three.toml" + " --help").out,
              HasSubstr("only with --set most=...; otherwise @count is read\n"));
  const Outcome unused = RunThree("--overwrite --set most.n=7");
  EXPECT_EQ(unused.exit_code, 2) << unused.out;
  EXPECT_THAT(unused.out, HasSubstr("--set: most.n: stage most is left out. Try: --set most=..., "
                                    "or most=false where that is meant"));
  EXPECT_EQ(RunThree("--overwrite --set most.n=7 --set most=false").exit_code, 0);
}

TEST_F(LocalPipelineTest, AFileOfSomebodyInAnOutputIsNotReplaced) {
  ASSERT_EQ(RunThree().exit_code, 0);
  std::ofstream(dir_ / "out/top/notes.txt") << "mine";
  const Outcome outcome = RunThree("--overwrite");
  EXPECT_EQ(outcome.exit_code, 3) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("notes.txt in it is not the output of a job"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/top/notes.txt").out, "mine");
  std::filesystem::remove(dir_ / "out/top/notes.txt");
  EXPECT_EQ(RunThree("--overwrite").exit_code, 0);
}

TEST_F(LocalPipelineTest, AFileThatComesWhileAJobRunsIsNotReplaced) {
  const Outcome outcome =
      Mr(fmt::format("run --local --map 'mkdir -p {0}/out; echo mine > {0}/out/notes.txt; cat' "
                     "--map-only file://{0}/text file://{0}/out --overwrite",
                     dir_.path()));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("notes.txt in it is not the output of a job"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/notes.txt").out, "mine\n");
  EXPECT_EQ(Shell("ls -A " + dir_.path()).out, "out\ntext\nthree.toml\n");
}

// What stands for a stage's own output in its first round is an input like any other.
TEST_F(LocalPipelineTest, AFirstFileIsLookedForAndIsNeverReplaced) {
  const auto run = [&](const std::string& first) {
    std::ofstream(dir_ / "three.toml") << fmt::format(R"(
[[stage]]
name = "again"
job = "wordcount"
input = ["@again"]
output = "again"
repeat = {{ max = 1, first = "file://{}/{}" }}
)",
                                                      dir_.path(), first);
    return RunThree("--overwrite");
  };
  const Outcome none = run("none");
  EXPECT_EQ(none.exit_code, 3) << none.out;
  EXPECT_THAT(none.out, HasSubstr("none"));
  ASSERT_EQ(run("text").exit_code, 0);
  const std::string old = Shell("cat " + dir_ / "out/again/part-*").out;
  EXPECT_THAT(old, HasSubstr("question\t1\n"));
  const Outcome below = run("out/again");
  EXPECT_EQ(below.exit_code, 3) << below.out;
  EXPECT_THAT(below.out, HasSubstr("holds the input"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/again/part-*").out, old);
}

// As pipeline_test has it in a cluster: b = 1.425 a, c = 2.63625 a, and the sum is 1.
TEST_F(LocalPipelineTest, RoundsGoOnUntilTheirConditionHolds) {
  std::ofstream(dir_ / "edges") << "a\tb\na\tc\textra\nb\tc\na\tc\nno edge\n";
  const Outcome outcome =
      Mr(fmt::format("run --local pagerank file://{0}/edges file://{0}/ranks", dir_.path()));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("round 2 done"));
  std::istringstream ranks(Shell("cat " + dir_ / "ranks/part-*").out);
  std::map<std::string, double> rank;
  std::string node;
  for (double of = 0; ranks >> node >> of;) rank[node] = of;
  EXPECT_EQ(rank.size(), 3u);
  EXPECT_NEAR(rank["a"], 0.05 / 0.2530625, 1e-9);
  EXPECT_NEAR(rank["c"], 2.63625 * 0.05 / 0.2530625, 1e-9);
}

TEST_F(LocalPipelineTest, ACounterThatNoRoundMakesIsAFailure) {
  std::ofstream(dir_ / "rounds.toml") << R"(
[[stage]]
name = "again"
job = "grep"
input = ["@in", "@again"]
output = "again"
repeat = { until = "mathces == 0", max = 3 }
params = { pattern = "be" }
)";
  const Outcome failed =
      Mr(fmt::format("run --local {0}/rounds.toml file://{0}/text file://{0}/out", dir_.path()));
  EXPECT_EQ(failed.exit_code, 1) << failed.out;
  EXPECT_THAT(failed.out, HasSubstr("counter mathces: no task of stage again has made it"));
  EXPECT_THAT(failed.out, HasSubstr("Try: matches"));
}

TEST_F(LocalPipelineTest, AFailedStageLeavesNothingAndWrongFlagsAreSaid) {
  std::ofstream(dir_ / "fails.toml") << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
[[stage]]
name = "group"
job = "group-by"
input = ["@count"]
output = "groups"
params = { aggregates = "count,count" }
)";
  const Outcome failed =
      Mr(fmt::format("run --local {0}/fails.toml file://{0}/text file://{0}/out", dir_.path()));
  EXPECT_EQ(failed.exit_code, 1) << failed.out;
  EXPECT_THAT(failed.out, HasSubstr("stage group: "));
  EXPECT_EQ(Shell("ls -A " + dir_.path()).out, "fails.toml\ntext\nthree.toml\n");
  EXPECT_EQ(RunThree("--set top.n=none").exit_code, 2);
  EXPECT_EQ(RunThree("--detach").exit_code, 2);
  EXPECT_EQ(RunThree("--keep").exit_code, 2);
}

TEST_F(LocalPipelineTest, OutputsOnTwoFileSystemsAreRefusedBeforeAnythingRuns) {
  std::string other = "/dev/shm/quern-pipeline-XXXXXX";
  if (mkdtemp(other.data()) == nullptr) GTEST_SKIP() << "no /dev/shm";
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(stat(dir_.path().c_str(), &here) + stat(other.c_str(), &there), 0);
  if (here.st_dev != there.st_dev) {
    Mr(fmt::format("run --local wordcount file://{}/text file://{}/top", dir_.path(), other));
    const std::string old = Shell("cat " + other + "/top/part-*").out;
    EXPECT_THAT(old, HasSubstr("question\t1\n"));
    std::ofstream(dir_ / "three.toml") << fmt::format(R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
output = "count"
[[stage]]
name = "top"
job = "top-n"
input = ["@count"]
output = "file://{}/top"
)",
                                                      other);
    const Outcome outcome = RunThree("--overwrite");
    EXPECT_EQ(outcome.exit_code, 3) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format("file://{}/top", other)));
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format("file://{}/out", dir_.path())));
    EXPECT_THAT(outcome.out, HasSubstr("two file systems"));
    EXPECT_EQ(Shell("cat " + other + "/top/part-*").out, old);
    EXPECT_EQ(Shell("ls -A " + dir_.path()).out, "text\nthree.toml\n");
  }
  FileSystem::Real()->RemoveTree(other).IgnoreError();
}

}  // namespace
}  // namespace quern::mr
