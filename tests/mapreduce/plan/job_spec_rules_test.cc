#include "mapreduce/plan/job_spec_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace quern::mr {
namespace {

pb::JobSpec Good() {
  pb::JobSpec spec;
  spec.add_inputs()->set_path("/in");
  spec.mutable_output()->set_path("/out/");
  FillDefaults(&spec);
  return spec;
}

TEST(JobSpecRules, FillsInWhatWasNotSaid) {
  const pb::JobSpec spec = Good();
  EXPECT_TRUE(CheckJobSpec(spec).ok()) << CheckJobSpec(spec);
  EXPECT_EQ(spec.inputs(0).format(), "text");
  EXPECT_EQ(spec.reduce().partitioner(), "hash");
  EXPECT_EQ(spec.output().path(), "/out") << "without the slash at its end";
  EXPECT_EQ(spec.limits().attempts(), 4u);
  EXPECT_EQ(spec.limits().memory_bytes(), kDefaultMemoryBytes);
}

TEST(JobSpecRules, SideFilesHaveNamesOfTheirOwn) {
  pb::JobSpec spec = Good();
  const auto add = [&spec](const std::string& name, const std::string& path) {
    pb::JobSpec::SideFile* const side = spec.add_files();
    side->set_name(name);
    side->mutable_file()->set_path(path);
  };
  add("test.jsonl", "/mmlu/test.jsonl");
  add("other.jsonl", "/mmlu/test.jsonl");
  EXPECT_TRUE(CheckJobSpec(spec).ok()) << CheckJobSpec(spec);
  add("test.jsonl", "file:///gsm8k/test.jsonl");
  EXPECT_EQ(Message(CheckJobSpec(spec)),
            "files: two are called 'test.jsonl': /mmlu/test.jsonl and file:///gsm8k/test.jsonl. "
            "Try: another name for one of them, with --set files.PATH=NAME instead of --files");
  spec.mutable_files(2)->mutable_file()->set_path("/mmlu/test.jsonl");
  EXPECT_EQ(Message(CheckJobSpec(spec)),
            "files: /mmlu/test.jsonl is named twice, both times as 'test.jsonl'. Try: it once");
}

TEST(JobSpecRules, APathIsProposedOfWhereTheRunIs) {
  pb::JobSpec spec = Good();
  for (const char* const path : {"my text", "file://my text"}) {
    spec.mutable_inputs(0)->set_path(path);
    EXPECT_THAT(std::string(Message(CheckJobSpec(spec, {.local = true}))),
                testing::HasSubstr("must be absolute. Try: \"file://$PWD/my text\""));
  }
}

TEST(JobSpecRules, AProposedPathIsAWordOfAShell) {
  const auto proposed = [](const std::string& path, bool local) {
    pb::JobSpec spec = Good();
    spec.mutable_inputs(0)->set_path(path);
    const std::string why(Message(CheckJobSpec(spec, {.local = local})));
    return why.substr(why.rfind("Try: ") + 5);
  };
  EXPECT_EQ(proposed("$(id) a", true), "\"file://$PWD/\"'$(id) a'");
  EXPECT_EQ(proposed("file://a\"`id`", true), "\"file://$PWD/\"'a\"`id`'");
  EXPECT_EQ(proposed("a\nb", true), "\"file://$PWD/\"$'a\\nb'");
  EXPECT_EQ(proposed("$(id) a", false), "'/$(id) a'");
}

TEST(JobSpecRules, NamesWhatIsWrong) {
  struct Case {
    std::function<void(pb::JobSpec*)> change;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {[](auto* s) { s->clear_inputs(); }, "input: a job needs at least one"},
      {[](auto* s) { s->mutable_inputs(0)->set_path("in"); },
       "input.path: in: must be absolute. Try: /in"},
      {[](auto* s) { s->mutable_inputs(0)->set_format("txt"); }, "Did you mean text?"},
      {[](auto* s) { s->mutable_inputs(0)->set_format("fixed"); }, "record_bytes"},
      {[](auto* s) { s->mutable_inputs(0)->set_record_bytes(9); }, "record_bytes"},
      {[](auto* s) { s->mutable_output()->clear_path(); }, "output.path: is missing"},
      {[](auto* s) { s->mutable_output()->set_path("/"); }, "cannot be replaced"},
      {[](auto* s) { s->mutable_output()->set_files("x"); }, "output.files: 'x': all files"},
      {[](auto* s) { s->mutable_output()->set_files("{i}.gz"); }, "output.files: '{i}.gz': says"},
      {[](auto* s) { s->mutable_output()->set_format("orc"); }, "output.format: 'orc'"},
      {[](auto* s) { s->mutable_output()->set_schema("a int8"); },
       "output.schema: only the format"},
      {[](auto* s) { s->mutable_inputs(0)->set_columns("a"); }, "input.columns: only the format"},
      {[](auto* s) { s->mutable_limits()->set_memory_bytes(1 << 20); }, "limits.memory: 1 MiB"},
      {[](auto* s) { s->mutable_limits()->set_memory_bytes(kLargestMemoryBytes + 1); },
       "limits.memory: 16 TiB is more than any worker has"},
      {[](auto* s) { s->mutable_limits()->set_memory_bytes(uint64_t{100} << 40); },
       "limits.memory: 100 TiB is more than any worker has"},
      {[](auto* s) {
         s->mutable_limits()->set_skip_bad_records(true);
         s->mutable_limits()->set_attempts(1);
       },
       "takes two attempts to find a record"},
      {[](auto* s) { s->mutable_reduce()->set_tasks(1'000'000); }, "reduce.tasks"},
  };
  for (const Case& c : cases) {
    pb::JobSpec spec = Good();
    c.change(&spec);
    const absl::Status status = CheckJobSpec(spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.expected;
    EXPECT_THAT(std::string(Message(status)), testing::HasSubstr(c.expected));
  }
}

TEST(JobSpecRules, UsersOutputsAreNotWhereTheCoordinatorWorks) {
  const std::string answer = "0123456789abcdef0123456789abcdef";
  for (const std::string path : {"/.quern", "/.quern/jobs/mine", "//.quern/x", "/.quern/answers",
                                 "/.quern/answers/mine", "/.quern/answers-new"}) {
    pb::JobSpec spec = Good();
    spec.mutable_output()->set_path(path);
    EXPECT_THAT(std::string(Message(CheckUsersOutputs(spec))),
                testing::HasSubstr("output.path: " + path + ": /.quern is what"));
    spec.mutable_output()->set_path("/out");
    pb::JobSpec::NamedOutput* const more = spec.add_outputs();
    more->set_name("more");
    more->mutable_output()->set_path(path);
    EXPECT_THAT(std::string(Message(CheckUsersOutputs(spec))),
                testing::HasSubstr("outputs.more.path: " + path));
  }
  for (const std::string path : {"/out", "/.quern-x", "file:///.quern/x", "/a/.quern/b"}) {
    pb::JobSpec spec = Good();
    spec.mutable_output()->set_path(path);
    EXPECT_TRUE(CheckUsersOutputs(spec).ok()) << path;
    spec.mutable_output()->set_path(fmt::format("{}/{}", kAnswersDir, answer));
    EXPECT_TRUE(CheckUsersOutputs(spec).ok()) << "the terminal gets it";
  }
}

TEST(JobSpecRules, MeaningsOfCountersComeInPairs) {
  using Meanings = pb::JobSpec::CounterMeanings;
  const auto problem = [](const std::function<void(Meanings*)>& set) {
    pb::JobSpec spec = Good();
    Meanings* const meanings = spec.mutable_counter_meanings();
    meanings->add_read("documents");
    meanings->add_unread("bad");
    set(meanings);
    return std::string(Message(CheckJobSpec(spec)));
  };
  EXPECT_EQ(problem([](Meanings*) {}), "");
  EXPECT_EQ(problem([](Meanings* m) { m->Clear(); }), "");
  EXPECT_EQ(problem([](Meanings* m) { m->add_kept("kept"), m->add_rejected("rejected"); }), "");
  EXPECT_EQ(problem([](Meanings* m) { m->clear_read(); }),
            "counters.unread: says nothing without counters.read. Try: both, or neither");
  EXPECT_EQ(problem([](Meanings* m) { m->clear_unread(); }),
            "counters.read: says nothing without counters.unread. Try: both, or neither");
  EXPECT_EQ(problem([](Meanings* m) { m->add_rejected("rejected"); }),
            "counters.rejected: says nothing without counters.kept. Try: both, or neither");
  EXPECT_EQ(problem([](Meanings* m) { m->add_kept("bad"), m->add_rejected("rejected"); }),
            "counters.kept: bad: is named twice in [counters], and means one thing");
  EXPECT_EQ(problem([](Meanings* m) { m->add_read("user.pages"); }),
            "counters.read: user.pages: counters are named without their group. Try: pages");
  EXPECT_EQ(problem([](Meanings* m) { m->add_unread(""); }),
            "counters.unread: the name of a counter is empty");
  EXPECT_EQ(problem([](Meanings* m) {
              for (int i = 0; i < 100; ++i) m->add_read("n" + std::to_string(i));
            }),
            "counters.read: 101 counters, the limit is 100");
}

TEST(JobSpecRules, NamedOutputsFollowTheMainOne) {
  pb::JobSpec spec;
  spec.add_inputs()->set_path("/in");
  spec.mutable_output()->set_path("//out/");
  spec.mutable_output()->set_replication(2);
  spec.add_outputs()->set_name("rejected");
  spec.add_outputs()->set_name("more");
  spec.mutable_outputs(1)->mutable_output()->set_path("/elsewhere/");
  spec.mutable_outputs(1)->mutable_output()->set_files("x{i}.gz");
  FillDefaults(&spec);
  EXPECT_TRUE(CheckJobSpec(spec).ok()) << CheckJobSpec(spec);
  EXPECT_EQ(spec.outputs(0).output().path(), "/out-rejected");
  EXPECT_EQ(spec.outputs(0).output().format(), "text");
  EXPECT_EQ(spec.outputs(0).output().replication(), 2u);
  EXPECT_EQ(spec.outputs(1).output().path(), "/elsewhere");
  EXPECT_EQ(spec.outputs(1).output().codec(), "gzip");
}

TEST(JobSpecRules, NamedOutputsAreApartAndHaveNames) {
  const struct {
    std::string name;
    std::string path;
    std::string expected;
  } kWrong[] = {
      {"a", "/out",
       "outputs.a.files: '': outputs in one directory need names that end differently"},
      {"a", "/out/a", "outputs.a.path: is, or lies below, output.path"},
      {"a", "/", "outputs.a.path: / cannot be replaced"},
      {"a", "x", "outputs.a.path: x: must be absolute"},
      {"a", "file:///x", "outputs.a.path: file:///x: the output of a cluster"},
      {"A", "/a", "outputs: 'A': a name has small letters"},
      {"", "/a", "outputs: '': a name has"},
      {"_skipped", "/a", "begins with a letter"},
      {"a/b", "/a", "outputs: 'a/b'"},
      {"same", "/a", "outputs: two are called 'same'"},
  };
  for (const auto& [name, path, expected] : kWrong) {
    pb::JobSpec spec = Good();
    spec.add_outputs()->set_name("same");
    spec.add_outputs()->set_name(name);
    spec.mutable_outputs(1)->mutable_output()->set_path(path);
    FillDefaults(&spec);
    EXPECT_THAT(std::string(Message(CheckJobSpec(spec))), testing::HasSubstr(expected));
  }
  pb::JobSpec many = Good();
  for (size_t i = 0; i <= kMaxNamedOutputs; ++i)
    many.add_outputs()->set_name(fmt::format("a{}", i));
  FillDefaults(&many);
  EXPECT_THAT(std::string(Message(CheckJobSpec(many))), testing::HasSubstr("the limit is 20"));
}

TEST(JobSpecRules, OutputsShareADirectoryWhenTheirFilesCannotMeet) {
  const struct {
    std::string main;
    std::string a;
    std::string b;
    bool right;
  } kCases[] = {
      {"x-{i}.bin", "x-{i}.idx", "x-{i}.log", true},
      {"{i}.ds", "{i}.ds.index", "{i}.ds.metadata", true},
      {"x-{i}.bin", "x-{i}.idx", "y-{i}.idx", false},
      {"x-{i}.bin", "x-{i}bin", "{i}.log", false},
      {"x-{i}bin", "x-{i}.bin", "{i}.log", false},
      {"", "x-{i}.idx", "{i}.log", false},
      {"x-{i}.bin", "", "{i}.log", false},
      {"{i}-x", "{i}", "{i}.log", false},
  };
  for (const auto& [main, a, b, right] : kCases) {
    pb::JobSpec spec = Good();
    spec.mutable_output()->set_files(main);
    for (const auto& [name, files] : {std::pair("a", a), std::pair("b", b)}) {
      pb::JobSpec::NamedOutput* const output = spec.add_outputs();
      output->set_name(name);
      output->mutable_output()->set_path(".");
      output->mutable_output()->set_files(files);
    }
    FillDefaults(&spec);
    EXPECT_EQ(spec.outputs(0).output().path(), spec.output().path());
    EXPECT_EQ(CheckJobSpec(spec).ok(), right) << main << " " << a << " " << b;
  }
}

TEST(JobSpecRules, OneFileNeedsNoNumber) {
  pb::JobSpec spec = Good();
  spec.mutable_output()->set_files("report.html");
  FillDefaults(&spec);
  spec.mutable_reduce()->set_tasks(2);
  EXPECT_THAT(std::string(Message(CheckJobSpec(spec))), testing::HasSubstr("all files would have"));
  spec.mutable_reduce()->set_tasks(1);
  EXPECT_TRUE(CheckJobSpec(spec).ok()) << CheckJobSpec(spec);
}

TEST(JobSpecRules, ChoosesReduceTasksByInputAndCluster) {
  EXPECT_EQ(DefaultReduceTasks(0, 8), 1u);
  EXPECT_EQ(DefaultReduceTasks(10, 8), 1u);
  EXPECT_EQ(DefaultReduceTasks(uint64_t{200} << 20, 8), 4u);
  EXPECT_EQ(DefaultReduceTasks(uint64_t{1} << 40, 8), 8u);
  EXPECT_EQ(DefaultReduceTasks(uint64_t{1} << 40, 0), 1u);
}

}  // namespace
}  // namespace quern::mr
