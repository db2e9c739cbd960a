// Plugins across the C boundary: one in C, one that was compiled long ago, and broken ones.
#include "mapreduce/task/plugin.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "common/storage/file_io.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/task/local_job.h"
#include "mapreduce/task/skip_reasons.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

std::string JobPath(const std::string& name) {
  return std::string(std::getenv("QUERN_JOBS")) + "/lib" + name + ".so";
}

class PluginTest : public ::testing::Test {
 protected:
  // Runs a word count of two parts over `text` with classes whose names begin with `prefix`.
  absl::Status Run(const std::string& plugin, const std::string& prefix, const std::string& text) {
    std::ofstream(dir_ / "in") << text;
    pb::JobSpec spec;
    spec.set_name("test");
    spec.mutable_plugin()->set_path("file://" + plugin);
    spec.add_inputs()->set_path("file://" + dir_ / "in");
    spec.mutable_inputs(0)->set_mapper(mapper_.empty() ? prefix + "Words" : mapper_);
    spec.mutable_reduce()->set_tasks(2);
    spec.mutable_reduce()->set_reducer(prefix + "Sum");
    spec.mutable_reduce()->set_combiner(prefix + "Sum");
    spec.mutable_reduce()->set_partitioner(prefix + "ByLetter");
    spec.mutable_output()->set_path("file://" + dir_ / "out");
    (*spec.mutable_params())["suffix"] = "!";
    FillDefaults(&spec);
    spec.mutable_limits()->set_skip_bad_records(skip_bad_records_);
    spec.mutable_output()->set_overwrite(true);
    Leftovers leftovers;
    LocalJob job(spec, 1, {}, &leftovers);
    RETURN_IF_ERROR(job.Prepare());
    return job.Run();
  }
  std::string Output(const std::string& part) {
    return ReadFileToString(FileSystem::Real(), dir_ / "out/" + part).value_or("(none)");
  }

  // Of a counter, as the manifest has it; 0 when it is not there.
  int64_t Counter(const std::string& name) {
    const std::string manifest = Output("_MANIFEST.json");
    const std::string quoted = fmt::format("\"{}\": ", name);
    const size_t at = manifest.find(quoted);
    return at == std::string::npos ? 0 : std::atoll(manifest.c_str() + at + quoted.size());
  }

  const TempDir dir_;
  std::string mapper_;
  bool skip_bad_records_ = false;
};

TEST_F(PluginTest, APluginInPlainCRuns) {
  ASSERT_OK(Run(JobPath("c_words"), "C", "to be or not to be\nskip\n"));
  EXPECT_EQ(Output("part-r-00000"), "be\t2\n");
  EXPECT_EQ(Output("part-r-00001"), "not\t1\nor\t1\nto\t2\n");
  EXPECT_THAT(Output("_MANIFEST.json"), HasSubstr("\"lines\": 1"));
  EXPECT_THAT(Output("_MANIFEST.json"), HasSubstr("\"map_skipped_records\": 1"));
}

TEST_F(PluginTest, WhatIsSkippedIsCountedByItsReason) {
  ASSERT_OK(Run(JobPath("c_words"), "C", "skip\nto be\nskip\nskip because of this\n"));
  const std::string manifest = Output("_MANIFEST.json");
  EXPECT_THAT(manifest, HasSubstr("\"map_skipped_records\": 3"));
  EXPECT_THAT(manifest, HasSubstr("\"map_skipped_records: as it says\": 2"));
  EXPECT_THAT(manifest, HasSubstr("\"map_skipped_records: no reason\": 1"));
}

TEST_F(PluginTest, BatchesGiveWhatRecordsGive) {
  std::string text = "skip\n" + std::string(300'000, 'x') + "\n" + std::string(10, '\n');
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("to be or not to be {}\n", i);
    if (i % 700 < 2) text += "skip\nskip because of this\n";
  }
  text += "skip\n";
  for (const char* classes : {"CWords", "CBatchWords"}) {
    mapper_ = classes;
    ASSERT_OK(Run(JobPath("c_words"), "C", text));
    const std::string kept = fmt::format("{}{}{}{}", Output("part-r-00000"), Output("part-r-00001"),
                                         Counter("lines"), Counter("map_input_records"));
    static const std::string expected = kept;
    EXPECT_EQ(kept, expected);
    EXPECT_EQ(Counter("lines"), 5011);
    EXPECT_EQ(Counter("map_skipped_records: as it says"), 18);
    EXPECT_EQ(Counter("map_skipped_records: no reason"), 16);
  }
  EXPECT_EQ(Counter("mapped"), 5011);
  EXPECT_GT(Counter("calls"), 5);
  EXPECT_LT(Counter("calls"), 100);
}

TEST_F(PluginTest, RecordsThatMayBeBadComeOneAtATime) {
  mapper_ = "CBatchWords";
  skip_bad_records_ = true;
  ASSERT_OK(Run(JobPath("c_words"), "C", "to\nbe\nskip\nor not\n"));
  EXPECT_EQ(Counter("calls"), 4);
  EXPECT_EQ(Counter("mapped"), 3);
  EXPECT_EQ(Counter("map_skipped_records"), 1);
}

TEST_F(PluginTest, AFailureInABatchIsThatOfTheRecordAtWhichItHappened) {
  mapper_ = "CBatchWords";
  EXPECT_THAT(Run(JobPath("c_words"), "C", "fine\nfine\nfail\nfine\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("as it says")));
}

TEST(SkipReasonsTest, ReasonsThatNameEachRecordAreFewCounters) {
  pb::TaskSpec spec;
  spec.mutable_id()->set_kind(pb::TASK_KIND_REDUCE);
  TaskProgress progress{Clock::Real()};
  UserContext context(spec, &progress);
  SkipReasons reasons;
  for (int i = 0; i < 200; ++i) reasons.Add(fmt::format("line {}\n{}", i, std::string(500, 'x')));
  reasons.Export("skipped", &context);
  pb::AttemptResult result;
  ASSERT_OK(context.ExportCounters(&result));
  EXPECT_EQ(result.counters_size(), 1 + static_cast<int>(SkipReasons::kMaxReasons) + 1);
  int64_t others = 0;
  for (const pb::Counter& counter : result.counters()) {
    EXPECT_LE(counter.name().size(), 150u);
    if (counter.name() == "skipped: other reasons") others = counter.value();
  }
  EXPECT_EQ(others, 150);
}

TEST_F(PluginTest, APluginInPlainCSaysWhyTheJobFails) {
  EXPECT_THAT(Run(JobPath("c_words"), "C", "fine\nfail\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("as it says")));
}

TEST_F(PluginTest, APluginOfTheFirstVersionOfApi2RunsForEver) {
  const std::string plugin = QUERN_FROZEN_PLUGINS "/api2_words.so";
  ASSERT_OK(Run(plugin, "Frozen", "to be or not to be\nskip\n"));
  EXPECT_EQ(Output("part-r-00000"), "be!\t2\nend\t1\n");
  EXPECT_EQ(Output("part-r-00001"), "not!\t1\nor!\t1\nto!\t2\n");
  EXPECT_THAT(Output("_MANIFEST.json"), HasSubstr("\"lines\": 1"));
  EXPECT_THAT(Output("_MANIFEST.json"), HasSubstr("\"map_skipped_records\": 1"));
}

TEST_F(PluginTest, RecordsAndTasksSayWhereTheyAreFrom) {
  pb::JobSpec spec;
  spec.mutable_plugin()->set_path("file://" + JobPath("task_test_classes"));
  for (const char* tag : {"left", "right"}) {
    ASSERT_OK(FileSystem::Real()->MakeDirs(dir_ / tag));
    std::ofstream(dir_ / tag + std::string("/a")) << "one\n";
    std::ofstream(dir_ / tag + std::string("/b")) << "one\ntwo\n";
    pb::JobSpec::Input* const input = spec.add_inputs();
    input->set_path("file://" + dir_ / tag);
    input->set_mapper("Describes");
    input->set_tag(tag);
  }
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_path("file://" + dir_ / "out");
  Leftovers leftovers;
  LocalJob job(spec, 1, {}, &leftovers);
  ASSERT_OK(job.Prepare());
  ASSERT_OK(job.Run());
  EXPECT_EQ(Output("part-m-00000"),
            "left /a 0+0 ''\tone\nleft /b 1+0 ''\tone\nleft /b 1+4 ''\ttwo\n"
            "end\tjob-local 0 left 2 4\n");
  EXPECT_EQ(Output("part-m-00001"),
            "right /a 0+0 ''\tone\nright /b 1+0 ''\tone\nright /b 1+4 ''\ttwo\n"
            "end\tjob-local 0 right 2 4\n");
}

TEST_F(PluginTest, AnErrorOfTheEngineIsNoneTheLessWhenUserCodeSwallowsIt) {
  pb::JobSpec spec;
  spec.mutable_plugin()->set_path("file://" + JobPath("task_test_classes"));
  spec.add_inputs()->set_path("file://" + dir_ / "in");
  spec.mutable_inputs(0)->set_mapper("Careless");
  spec.mutable_reduce()->set_reducer("Total");
  spec.mutable_reduce()->set_tasks(2);
  spec.mutable_output()->set_path("file://" + dir_ / "out");
  FillDefaults(&spec);
  const auto run = [&](const std::string& first) {
    std::ofstream in(dir_ / "in");
    in << first;
    // Many windows of the sink's: it comes to the first line long before the last.
    for (int i = 0; i < 20'000; ++i) in << "key " << i % 100 << "=1\n";
    in.close();
    Leftovers leftovers;
    LocalJob job(spec, 1, {}, &leftovers);
    RETURN_IF_ERROR(job.Prepare());
    return job.Run();
  };
  EXPECT_THAT(run("key 1=1\nkey 0=abc\n"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                    HasSubstr("'abc' is not a whole number")));
  ASSERT_OK(run("key 1=1\nkey 0=1\n"));
  EXPECT_THAT(Output("part-r-00000") + Output("part-r-00001"), HasSubstr("key 0\t201\n"));
}

TEST_F(PluginTest, AllClassesOfAPluginAreFound) {
  ASSERT_OK_AND_ASSIGN(const auto plugin, Plugin::Load(JobPath("c_words")));
  for (const PluginInfo::Class& each : plugin->info().classes) {
    EXPECT_OK(plugin->Find(each.kind, each.name));
  }
  EXPECT_THAT(plugin->Find(ClassKind::kMapper, "CWord"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("Did you mean 'CWords'?")));
}

TEST(PluginTableTest, RefusesClassesThatCannotWork) {
  const auto load = [](const quern_class* each) {
    const quern_plugin plugin = {sizeof(plugin), QUERN_API_VERSION, 1, 0, &each};
    return Plugin::Of("p", {}, &plugin).status();
  };
  quern_class each = {};
  each.size = sizeof(each);
  each.kind = QUERN_MAPPER;
  each.name = "M";
  EXPECT_THAT(load(&each), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("'M' lacks the function that its kind needs")));
  each.map = [](void*, quern_task*, const quern_record*) { return QUERN_OK; };
  EXPECT_OK(load(&each));
  each.map = nullptr;
  each.map_batch = [](void*, quern_task*, quern_batch*) { return QUERN_OK; };
  EXPECT_OK(load(&each));
  each.size = 8;
  EXPECT_THAT(load(&each), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Plugin::Of("p", {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PluginTableTest, WhatAnOlderPluginDoesNotHaveIsNull) {
  // Ends where API 2 began; behind it lies what must not be read.
  struct {
    quern_class known;
    char behind[64];
  } old = {};
  std::memset(old.behind, 0xff, sizeof(old.behind));
  old.known.size = offsetof(quern_class, partition) + sizeof(void*);
  old.known.kind = QUERN_MAPPER;
  old.known.name = "M";
  old.known.map = [](void*, quern_task*, const quern_record*) { return QUERN_OK; };
  const quern_class* const each = &old.known;
  const quern_plugin table = {sizeof(table), QUERN_API_VERSION, 1, 0, &each};
  ASSERT_OK_AND_ASSIGN(const auto plugin, Plugin::Of("p", {}, &table));
  ASSERT_OK_AND_ASSIGN(const quern_class* const found, plugin->Find(ClassKind::kMapper, "M"));
  EXPECT_EQ(found->create, nullptr);
  EXPECT_EQ(found->partition, nullptr);
  EXPECT_EQ(found->map_batch, nullptr);
}

}  // namespace
}  // namespace quern::mr
