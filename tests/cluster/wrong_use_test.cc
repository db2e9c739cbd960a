// Wrong use is answered well: one line that names the object and the next step, the documented exit
// code, and nothing changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  const char* what;
  std::vector<std::string> command;  // dfs ... or mr ...
  int exit_code;
  std::vector<std::string> says;
};

class WrongUse : public ::testing::Test {
 protected:
  // One cluster for all cases: none of them may harm it.
  static void SetUpTestSuite() {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 1}).release();
    ASSERT_NE(cluster_, nullptr);
    ASSERT_EQ(cluster_->Dfs({"put", "-", "/in"}, {.stdin_text = "a b a\n"}).exit_code, 0);
    ASSERT_EQ(cluster_->Dfs({"mkdir", "/exists"}).exit_code, 0);
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }
  void TearDown() override {
    if (cluster_ == nullptr) return;
    EXPECT_EQ(cluster_->Dfs({"cat", "/in"}).out, "a b a\n");
    for (const char* name : {"master", "coordinator", "chunkserver1", "worker1"}) {
      EXPECT_TRUE(cluster_->IsRunning(name)) << name;
    }
  }

  std::string File(const std::string& name, const std::string& contents) const {
    const std::string path = cluster_->scratch() + "/" + name;
    std::ofstream(path) << contents;
    return path;
  }
  static void Check(const Case& c) {
    SCOPED_TRACE(c.what);
    const CommandResult result = cluster_->StartCommand(c.command)->Finish();
    EXPECT_EQ(result.exit_code, c.exit_code) << result.Describe();
    for (const std::string& text : c.says) EXPECT_THAT(result.err, HasSubstr(text));
  }

  static Cluster* cluster_;
};
Cluster* WrongUse::cluster_ = nullptr;

TEST_F(WrongUse, OfFiles) {
  const std::vector<Case> cases = {
      {"unknown flag", {"dfs", "ls", "--bogus", "/"}, 2, {"--bogus"}},
      {"unknown command", {"dfs", "lss", "/"}, 2, {"lss", "ls"}},
      {"no such file", {"dfs", "cat", "/nothing"}, 1, {"/nothing"}},
      {"no match", {"dfs", "ls", "/no*match"}, 1, {"/no*match"}},
      {"target exists", {"dfs", "put", "-", "/in"}, 1, {"/in", "-f"}},
      {"no such local file", {"dfs", "put", "/no/such/file", "/x"}, 1, {"/no/such/file"}},
      {"directory without -r", {"dfs", "rm", "/exists"}, 1, {"/exists"}},
      {"parent missing", {"dfs", "mkdir", "/no/parent"}, 1, {"/no"}},
      {"file as a directory", {"dfs", "put", "-", "/in/below"}, 1, {"/in"}},
      {"moved to its own name", {"dfs", "mv", "-f", "/in", "/in"}, 1, {"/in: is there already"}},
      {"moved to where it is", {"dfs", "mv", "/exists", "/"}, 1, {"/exists: is there already"}},
      {"gone, to its own name", {"dfs", "mv", "/nothing", "/nothing"}, 1, {"/nothing: no such"}},
      {"path not absolute", {"dfs", "mkdir", ""}, 1, {}},
      {"local target exists", {"dfs", "get", "/in", File("there", "x")}, 1, {"there", "-f"}},
  };
  for (const Case& c : cases) Check(c);
}

// They are kept to: more servers may come.
TEST_F(WrongUse, MoreReplicasThanServersAreSaid) {
  const char* says = "1 chunkserver is there, 5 copies are wanted: ";
  const std::vector<Case> cases = {
      {"put", {"dfs", "put", "--replication", "5", File("x", "x"), "/five"}, 0, {says}},
      {"setrep", {"dfs", "setrep", "5", "/five"}, 0, {says}},
      {"mr explain",
       {"mr", "explain", "wordcount", "/in", "/fives", "--replication", "5"},
       0,
       {std::string("mr explain: ") + says}},
      {"mr run --dry-run",
       {"mr", "run", "wordcount", "/in", "/fives", "--replication", "5", "--dry-run"},
       0,
       {std::string("mr run: ") + says}},
      {"mr run",
       {"mr", "run", "wordcount", "/in", "/fives", "--replication", "5"},
       0,
       {std::string("mr run: ") + says}},
  };
  for (const Case& c : cases) Check(c);
  const CommandResult fsck = cluster_->Dfs({"fsck", "/five"});
  EXPECT_EQ(fsck.exit_code, 1) << fsck.Describe();
  EXPECT_THAT(fsck.out, HasSubstr(says));
  EXPECT_EQ(cluster_->Dfs({"setrep", "1", "/five"}).err, "");
  const CommandResult one =
      cluster_->Mr({"run", "wordcount", "/in", "/ones", "--replication", "1"});
  EXPECT_EQ(one.exit_code, 0) << one.Describe();
  EXPECT_THAT(one.err, ::testing::Not(HasSubstr("copies are wanted")));
}

TEST_F(WrongUse, OfJobs) {
  const std::string words = JobPath("wordcount");
  const std::string not_elf = File("not_elf.so", "this is text\n");
  const std::string truncated = File("truncated.so",
                                     "\x7f"
                                     "ELF\x02\x01\x01");
  const std::string broken = File("broken.cc", "#include \"mapreduce/api/mapreduce.h\"\nclass {\n");
  const std::string unknown_key = File("unknown.toml", "name = \"x\"\nplugin = \"" + words +
                                                           "\"\nreducerr = 3\n[[input]]\npath = "
                                                           "\"/in\"\n[output]\npath = \"/o\"\n");
  const std::string no_class =
      File("class.toml", "name = \"x\"\nplugin = \"" + words +
                             "\"\n[[input]]\npath = \"/in\"\nmapper = \"NoSuchMapper\"\n[output]\n"
                             "path = \"/o\"\n[reduce]\ntasks = 0\n");
  const std::string pipeline =
      File("pipeline.toml",
           "[[stage]]\nname = \"count\"\njob = \"wordcount\"\ninput = [\"@in\"]\noutput = "
           "\".\"\n[stage.files]\n\"/nothing\" = \"a\"\n\"none.txt\" = \"b\"\n");
  const std::string here = File("here.model", "x");
  const std::string empty = File("empty.jsonl", "");
  const std::string with_here = "=file://" + here;
  const std::vector<Case> cases = {
      {"a side file that is here only",
       {"mr", "run", "wordcount", "/in", "/o", "--files", here},
       3,
       {here + ": is not in the cluster, but on this machine. Try: --files file://" + here}},
      {"that of a stage",
       {"mr", "run", "corpus", "/in", "/o", "--set", "sentencepiece=" + here},
       3,
       {"stage sentencepiece_tokens: files: ", "Try: --set sentencepiece" + with_here}},
      {"explained: that of a stage",
       {"mr", "explain", "corpus", "/in", "/o", "--set", "sentencepiece=" + here},
       3,
       {"nothing was run"}},
      {"a wrong file of a stage",
       {"mr", "run", "corpus", "/in", "/o", "--set", "sentencepiece=file://" + here},
       3,
       {"params.sentencepiece: file://" + here + ": begins neither as a tokenizer.json"}},
      {"an empty file of a stage",
       {"mr", "run", "corpus", "/in", "/o", "--set", "evaluation=file://" + empty},
       3,
       {"params.evaluation: file://" + empty + ": is empty"}},
      {"a local run: that of a stage",
       {"mr", "run", "--local", "corpus", "/in", "file:///o", "--set", "sentencepiece=" + here},
       3,
       {"Try: --set sentencepiece" + with_here}},
      {"an input that is here only",
       {"mr", "run", "wordcount", here, "/o"},
       3,
       {here + ": is not in the cluster", "Try: dfs put, or --local with file://" + here}},
      {"a local run of an input that is here only",
       {"mr", "run", "--local", "wordcount", here, "/o"},
       3,
       {"Try: file://" + here}},
      {"output exists",
       {"mr", "run", "wordcount", "/in", "/exists"},
       3,
       {"/exists", "--overwrite"}},
      {"a reducer of a stage that would not run",
       {"mr", "run", "pagerank", "/in", "/o", "--set", "ranks.reduce.tasks=0"},
       3,
       {"stage ranks", "reduce.tasks: 0 leaves out the reducer RankReducer"}},
      {"no input", {"mr", "run", "wordcount", "/nothing", "/o"}, 3, {"/nothing"}},
      {"glob without match", {"mr", "run", "wordcount", "/no*match", "/o"}, 3, {"/no*match"}},
      {"explained: both are told",
       {"mr", "explain", "wordcount", "/nothing", "/exists"},
       3,
       {"2 problems; nothing was run"}},
      {"explained: also what it would bring along",
       {"mr", "explain", "wordcount", "/in", "/exists", "--files", "/nothing,/exists,none.txt"},
       3,
       {"4 problems; nothing was run"}},
      {"explained: also that of a stage",
       {"mr", "explain", pipeline, "/in", "/exists"},
       3,
       {"3 problems; nothing was run"}},
      {"no side file here",
       {"mr", "run", "wordcount", "/in", "/o", "--files", "none.txt"},
       3,
       {"none.txt: no such file on this machine"}},
      {"no side file there",
       {"mr", "run", "wordcount", "/in", "/o", "--files", "/nothing"},
       3,
       {"/nothing"}},
      {"a value that a stage cannot read",
       {"mr", "run", "corpus", "/in", "/o", "--set", "shards.tags=maybe"},
       2,
       {"params.tags", "maybe"}},
      {"a number that a stage cannot read",
       {"mr", "run", "pagerank", "/in", "/o", "--set", "damping=1.5"},
       2,
       {"params.damping", "'1.5' is not a number from 0 to 1"}},
      {"a threshold that a stage cannot read",
       {"mr", "run", "corpus", "/in", "/o", "--set", "gopher.words_min=many"},
       2,
       {"params.gopher.words_min", "'many' is not a number or off"}},
      {"a flag of a pipeline that is none",
       {"mr", "run", "corpus", "/in", "/o", "--set", "parquet=no"},
       2,
       {"params.parquet", "'no' is neither true nor false"}},
      {"no side file of a stage", {"mr", "run", pipeline, "/in", "/o"}, 3, {"count", "none.txt"}},
      {"only a combiner",
       {"mr", "run", "--map", "cat", "--combine", "cat", "/in", "/o"},
       3,
       {"combine: a job without reduce has none. Try: --reduce CMD"}},
      {"explained: only a combiner",
       {"mr", "explain", "--map", "cat", "--combine", "cat", "/in", "/o"},
       3,
       {"combine: a job without reduce has none"}},
      {"a command that skips",
       {"mr", "run", "--map", "cat", "/in", "/o", "--set", "limits.skip_bad_records=true"},
       3,
       {"limits.skip_bad_records"}},
      {"explained: unknown flag", {"mr", "explain", "wordcount", "/in", "/o", "--bogus"}, 2, {}},
      {"no paths", {"mr", "run", "wordcount"}, 2, {"usage: mr run wordcount IN OUT"}},
      {"explained: no paths",
       {"mr", "explain", "wordcount"},
       2,
       {"usage: mr explain wordcount IN OUT"}},
      {"explained: no paths for a pipeline",
       {"mr", "explain", "pagerank"},
       2,
       {"usage: mr explain pagerank EDGES OUT"}},
      {"no paths for a plugin", {"mr", "run", words}, 2, {"IN and OUT are missing"}},
      {"no paths for a pipeline",
       {"mr", "run", "pagerank"},
       2,
       {"usage: mr run pagerank EDGES OUT"}},
      {"no command", {"mr", "run", "--map", "", "/in", "/o"}, 2, {"--map: the command is empty"}},
      {"no command as the reducer",
       {"mr", "run", "--map", "cat", "--reduce", "", "/in", "/o"},
       2,
       {"--reduce: reduce: the command is empty"}},
      {"two mappers", {"mr", "run", "--map", "a", "--map", "b", "/in", "/o"}, 2, {"--map: a job"}},
      {"a pattern that is none",
       {"mr", "run", "grep", "a(b", "/in", "/o"},
       2,
       {"params.pattern: 'a(b': missing )"}},
      {"a parameter that is none",
       {"mr", "run", "top-n", "/in", "/o", "--set", "params.n=ten"},
       2,
       {"params.n: 'ten' is not a whole number from 1 to 1000000"}},
      {"unknown job", {"mr", "run", "wordcuont", "/in", "/o"}, 3, {"wordcuont", "wordcount"}},
      {"explained: unknown job",
       {"mr", "explain", "wordcuont", "/in", "/o"},
       3,
       {"mr explain: wordcuont", "wordcount"}},
      {"unknown flag", {"mr", "run", "wordcount", "/in", "/o", "--bogus"}, 2, {"--bogus"}},
      {"unknown spec key", {"mr", "run", unknown_key}, 2, {"reducerr"}},
      {"missing class", {"mr", "run", no_class}, 3, {"NoSuchMapper"}},
      {"not an ELF file", {"mr", "run", not_elf, "/in", "/o"}, 3, {"not_elf.so", "ELF"}},
      {"truncated ELF file", {"mr", "run", truncated, "/in", "/o"}, 3, {"truncated.so"}},
      {"does not compile", {"mr", "run", broken, "/in", "/o"}, 3, {"broken.cc"}},
      {"no such job", {"mr", "status", "job-20200101-0001"}, 1, {"job-20200101-0001"}},
  };
  for (const Case& c : cases) Check(c);
  EXPECT_EQ(cluster_->Dfs({"test", "-e", "/o"}).exit_code, 1);
}

TEST_F(WrongUse, NoClusterRunningIsSaidWithinSeconds) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"dfs", "ls", "/"}, {"mr", "list"}, {"dfs", "health"}}) {
    SCOPED_TRACE(command[1]);
    const auto running = cluster_->StartCommand(
        command, {.env = {{"QUERN_MASTER", "127.0.0.1:9"}, {"QUERN_COORDINATOR", "127.0.0.1:9"}},
                  .timeout = absl::Seconds(15)});
    const CommandResult result = running->Finish();
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    EXPECT_THAT(result.err, HasSubstr("127.0.0.1:9"));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST_F(WrongUse, APluginThatMisbehavesFailsItsJobWithTaskRecordAndLog) {
  ASSERT_EQ(
      cluster_->Dfs({"put", "-f", "-", "/poison"}, {.stdin_text = "fine\nalso fine\npoison\n"})
          .exit_code,
      0);
  struct Crash {
    const char* how;
    std::vector<std::string> says;
  };
  for (const Crash& c :
       {Crash{"segfault", {"m-00000", "signal 11", "/poison", "about to misbehave"}},
        Crash{"abort", {"m-00000", "signal 6", "/poison", "about to misbehave"}},
        Crash{"exit", {"m-00000", "/poison", "about to misbehave"}},
        Crash{"throw", {"m-00000", "the poison was too strong", "/poison"}}}) {
    SCOPED_TRACE(c.how);
    const CommandResult result =
        cluster_->Mr({"run", JobPath("gated_words"), "/poison", "/o", "--mapper", "Misbehaves",
                      "--reducer", "GatedSum", "--set", fmt::format("params.how={}", c.how)});
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    for (const std::string& text : c.says) EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(cluster_->Dfs({"test", "-e", "/o"}).exit_code, 1);
  }
}

}  // namespace
}  // namespace quern::testing
