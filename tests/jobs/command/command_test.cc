// Whole local runs of jobs that are commands, by the command line.
#include <gmock/gmock.h>

#include <cerrno>
#include <csignal>

#include "mapreduce/api/submit.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMapper[] = R"(import sys
for line in sys.stdin:
    for word in line.split():
        print(word, 1, sep="\t")
)";
constexpr char kReducer[] = R"(#!/usr/bin/awk -f
BEGIN { FS = "\t"; OFS = "\t" }
$1 != word { if (NR > 1) print word, n; word = $1; n = 0 }
{ n += $2 }
END { if (NR > 0) print word, n }
)";

class CommandTest : public LocalJobsTest {
 protected:
  CommandTest() {
    std::ofstream(dir_ / "m.py") << kMapper;
    std::ofstream(dir_ / "r.awk") << kReducer;
    std::ofstream(dir_ / "in") << "to be or\nnot to be\n";
  }
  Outcome MrRun(const std::string& arguments) {
    return Shell(fmt::format("cd {}; {}/mr run --local {} file://{}/in file://{}/out 2>&1",
                             dir_.path(), std::getenv("QUERN_BIN"), arguments, dir_.path(),
                             dir_.path()));
  }
  std::string Output() { return Shell("cat " + dir_ / "out/part-*").out; }
};

constexpr char kCounted[] = "be\t2\nnot\t1\nor\t1\nto\t2\n";

TEST_F(CommandTest, PythonAndAwkCountWords) {
  const Outcome outcome =
      MrRun("--map 'python3 m.py' --reduce './r.awk' --reduce 1 --files m.py,r.awk");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), kCounted);
  EXPECT_EQ(Shell("ls -A ${TMPDIR:-/tmp} | grep quern-command").out, "");
}

TEST_F(CommandTest, ACombinerSeesSortedRecordsOfTheMapper) {
  const Outcome outcome = MrRun(
      "--map 'python3 m.py' --combine 'awk -f r.awk' --reduce 'awk -f r.awk' --reduce 1 --files "
      "m.py,r.awk");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), kCounted);
  EXPECT_THAT(outcome.out, HasSubstr("quern.map_output_records = 4\n"));
}

TEST_F(CommandTest, ASpecNamesThemToo) {
  std::ofstream(dir_ / "job.toml")
      << "map = \"python3 m.py\"\n[reduce]\ncommand = \"awk -f r.awk\"\n"
         "tasks = 1\n[files]\n\"m.py\" = \"m.py\"\n\"r.awk\" = "
         "\"r.awk\"\n";
  const Outcome outcome = MrRun("job.toml");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), kCounted);
}

TEST_F(CommandTest, AProgramRunsThem) {
  JobCluster cluster;
  cluster.mr = fmt::format("{}/mr", std::getenv("QUERN_BIN"));
  ::quern::JobSpec spec;
  spec.inputs = {{.path = "file://" + dir_ / "in"}};
  spec.output.path = "file://" + dir_ / "out";
  spec.reduce_tasks = 1;
  spec.settings = {{"map", "tr ' ' '\\n'; echo reporter:counter:G,lines,2 >&2"}};
  spec.settings["reduce"] = "cut -f1 | uniq -c | awk '{print $2 \"\\t\" $1}'";
  const JobResult result = RunLocally(spec, cluster);
  EXPECT_TRUE(result.succeeded) << result.json;
  EXPECT_EQ(result.counters.at("user.G.lines"), 2);
  EXPECT_EQ(Output(), kCounted);
  try {
    RunLocally(spec, cluster);
    FAIL() << "the output is there";
  } catch (const SubmitError& error) {
    EXPECT_EQ(error.code(), 3);
    EXPECT_THAT(error.what(), HasSubstr("exists already"));
  }
}

TEST_F(CommandTest, CommandsReadLinesAndTheirTaskInTheEnvironment) {
  const Outcome outcome = MrRun(
      "--map 'echo $map_input_file $mapreduce_map_input_file $mapreduce_task_ismap "
      "$mapred_task_partition $mapreduce_job_id $my_stop_words $stream_num_map_output_key_fields; "
      "cat' --set params.my.stop-words=the,a --set params.stream.num.map.output.key.fields=2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), fmt::format("file://{0}/in file://{0}/in true 0 job-local the,a 2\nto be or\n"
                                  "not to be\n",
                                  dir_.path()));
}

TEST_F(CommandTest, CountersAndStatusComeFromStandardError) {
  const Outcome outcome = MrRun(
      "--map 'echo reporter:counter:Words,odd,3 >&2; echo reporter:status:busy >&2; echo "
      "reporter:counter:Words,odd,4 >&2; echo plain >&2; cat' --name count");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.Words.odd = 7\n"));
  EXPECT_THAT(outcome.out, HasSubstr("plain\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("reporter:")));
}

TEST_F(CommandTest, AFailureSaysHowItEndedAndItsLastWords) {
  const Outcome exited = MrRun("--map 'cat >/dev/null; echo cannot go on >&2; exit 3'");
  EXPECT_EQ(exited.exit_code, 1);
  EXPECT_THAT(exited.out, HasSubstr("ended with exit code 3: cannot go on"));
  const Outcome killed = MrRun("--map 'kill -SEGV $$'");
  EXPECT_EQ(killed.exit_code, 1);
  EXPECT_THAT(killed.out, HasSubstr("ended with signal 11 (Segmentation fault)"));
  const Outcome missing = MrRun("--map 'no-such-program'");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.out, HasSubstr("ended with exit code 127"));
  EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "out"));
}

// The record that the task is at when it hears of the end is any other.
TEST_F(CommandTest, AFailureSaysHowFarTheCommandWasGivenItsInput) {
  const Outcome map = MrRun("--map 'cat >/dev/null; echo no >&2; exit 3'");
  EXPECT_THAT(map.out, HasSubstr(fmt::format("ended with exit code 3: no (it was given records up "
                                             "to file://{}:9)",
                                             dir_ / "in")));
  const Outcome reduce = MrRun("--map cat --reduce 'cat >/dev/null; exit 4' --reduce 1");
  EXPECT_THAT(reduce.out, HasSubstr("ended with exit code 4 (it was given keys up to 'to be or')"));
  Shell(fmt::format("rm {0}; mkdir {0}; echo x > {0}/a; echo y > {0}/b", dir_ / "in"));
  const Outcome files =
      MrRun("--map 'cat >/dev/null; exit 5' --set params.command.per_file=true --threads 1");
  EXPECT_EQ(files.exit_code, 1);
  EXPECT_THAT(files.out, HasSubstr("in/a:0)"));
  EXPECT_THAT(files.out, Not(HasSubstr("in/b:0"))) << "which no command has seen";
}

TEST_F(CommandTest, OneThatReadsNoMoreEndsAsInAPipe) {
  std::ofstream(dir_ / "in") << MakeText(4 << 20) << "\n";
  Shell(fmt::format("cp {} {}", dir_ / "text", dir_ / "in"));
  const Outcome outcome = MrRun("--map 'head -n 2'");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), Shell("head -n 2 " + dir_ / "in").out);
}

// Lets its input fill up, ends its outputs, and reads on when the other side has taken note.
constexpr char kEndsItsOutputs[] = R"(import fcntl, os, signal, struct, sys, termios
signal.alarm(60)
def waiting():
    return struct.unpack("i", fcntl.ioctl(0, termios.FIONREAD, b"    "))[0]
def has(pipe):
    fds = "/proc/%d/fd/" % os.getppid()
    for fd in os.listdir(fds):
        try:
            if os.readlink(fds + fd) == pipe: return True
        except OSError: pass
    return False
F_GETPIPE_SZ = 1032
# Not every page of it is used whole.
while waiting() < fcntl.fcntl(0, F_GETPIPE_SZ) - 65536: pass
pipes = [os.readlink("/proc/self/fd/%d" % fd) for fd in (1, 2)]
os.close(1); os.close(2)
while any(has(pipe) for pipe in pipes): pass
with open(sys.argv[1], "wb") as got:
    while piece := os.read(0, 1 << 20): got.write(piece)
)";

// The last 200 kB are written when the input ends, and do not fit into the pipe.
TEST_F(CommandTest, OneThatClosesItsOutputsGetsAllOfItsInput) {
  std::ofstream(dir_ / "ends.py") << kEndsItsOutputs;
  std::ofstream in(dir_ / "in");
  for (char c = 'a'; c <= 'k'; ++c) in << std::string(100'000, c) << "\n";
  in.close();
  const Outcome outcome = MrRun(
      fmt::format("--map 'exec python3 ends.py {}/got' --files ends.py --set limits.split=100MiB",
                  dir_.path()));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Difference("cat got", "cat in"), "");
}

TEST_F(CommandTest, LargeInputComesThroughInBothDirections) {
  Shell(fmt::format("(cat {}; echo) > {}", MakeText(6 << 20), dir_ / "in"));
  const Outcome outcome = MrRun("--map cat --set limits.split=100MiB");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Difference("cat out/part-*", "cat in"), "");
}

TEST_F(CommandTest, WhatACommandLeavesBehindEndsWithTheTask) {
  Shell(fmt::format("(cat {}; echo) > {}", MakeText(2 << 20), dir_ / "in"));
  const Outcome outcome = MrRun(fmt::format(
      "--map 'setsid sleep 7777 >/dev/null & echo $! > {}; cat' --set limits.split=100MiB",
      dir_ / "pid"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Difference("cat out/part-*", "cat in"), "");
  pid_t left = 0;
  std::ifstream(dir_ / "pid") >> left;
  ASSERT_GT(left, 0);
  EXPECT_EQ(kill(left, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

// It holds all three pipes.
TEST_F(CommandTest, OneLeftBehindThatMayStillWriteIsAnError) {
  Shell(fmt::format("cp {} {}", MakeText(1 << 20), dir_ / "in"));
  const Outcome outcome =
      MrRun("--map 'exec 3<&0; setsid sleep 7777 <&3 & cat' --set limits.attempts=1");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out,
              HasSubstr("ended with exit code 0, but it left a process in the background that "
                        "holds its output"));
}

// More than the pipe holds is still to be written, and nobody will read it.
TEST_F(CommandTest, OneThatIsGoneIsWrittenToNoMore) {
  Shell(fmt::format("cp {} {}", MakeText(4 << 20), dir_ / "in"));
  const Outcome outcome = MrRun(
      "--map 'exec 3<&0; setsid sleep 7777 <&3 >/dev/null 2>&1 & echo first' --set "
      "limits.split=100MiB");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), "first\n");
}

TEST_F(CommandTest, FramesCarryAnyBytes) {
  std::ofstream(dir_ / "in") << "line\nfeed\n";
  const Outcome lines = MrRun("--map cat --format whole");
  EXPECT_EQ(lines.exit_code, 1);
  EXPECT_THAT(lines.out,
              HasSubstr("a value with a line feed in it cannot be handed on as a line, at "));
  EXPECT_THAT(lines.out, HasSubstr(". Try: --io frames"));
  EXPECT_THAT(lines.out, Not(HasSubstr("Map failed"))) << "it ends the job, not only the attempt";
  const Outcome frames = MrRun("--map cat --format whole --io frames --set output.format=raw");
  ASSERT_EQ(frames.exit_code, 0) << frames.out;
  EXPECT_EQ(Output(), "line\nfeed\n\n");
}

TEST_F(CommandTest, WrongUseIsRefusedEarly) {
  const struct {
    std::string arguments;
    std::string expected;
  } kWrong[] = {
      {"wordcount --reduce 'awk -f r.awk'", "a command needs --map beside it"},
      {"--map cat --combine cat", "combine: a job without reduce has none"},
      {"--map cat --files nothing.py", "nothing.py: no such file on this machine"},
      {"--map cat --reduce -1", "--reduce: reduce: '-1' is a number and no command"},
      {"--map cat --set limits.timeout=0s", "limits.timeout: '0s' is no limit"},
      {"--map cat --set limits.split=0", "limits.split: '0' is no limit"},
      {"my.c", "my.c: a job in C is compiled first. Try: cc -O2 -fPIC -shared -I"},
      {"--map cat --io typed", "params.command.io: 'typed' is not lines or frames"},
      {"--map cat --set params.command.per_file=yes",
       "params.command.per_file: 'yes' is neither true nor false"},
      {"--map cat --set params.stream.num.map.output.key.fields=1001",
       "params.stream.num.map.output.key.fields: '1001' is not a whole number from 1 to 1000"},
      {"--map cat --set limits.skip_bad_records=true", "a command reads ahead"},
  };
  for (const auto& [arguments, expected] : kWrong) {
    const Outcome outcome = MrRun(arguments);
    EXPECT_NE(outcome.exit_code, 0) << arguments;
    EXPECT_THAT(outcome.out, HasSubstr(expected)) << arguments;
  }
}

}  // namespace
}  // namespace quern::mr
