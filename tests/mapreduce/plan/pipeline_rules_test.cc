#include "mapreduce/plan/pipeline_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/plan/pipeline_fingerprint.h"
#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/stage_job.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

pb::PipelineStage* AddStage(pb::PipelineSpec* spec, const std::string& name,
                            const std::vector<std::string>& inputs,
                            const std::string& output = "") {
  pb::PipelineStage* stage = spec->add_stages();
  stage->set_name(name);
  for (const std::string& path : inputs) stage->mutable_job()->add_inputs()->set_path(path);
  stage->mutable_job()->mutable_output()->set_path(output);
  return stage;
}

pb::PipelineSpec Two() {
  pb::PipelineSpec spec;
  AddStage(&spec, "one", {"/in"});
  AddStage(&spec, "two", {"@one"}, "/out");
  return spec;
}

std::string ErrorOf(const pb::PipelineSpec& spec) {
  const auto graph = CheckPipelineSpec(spec);
  return graph.ok() ? "" : std::string(Message(graph.status()));
}

TEST(CheckPipelineSpec, SaysWhatEachStageWaitsFor) {
  pb::PipelineSpec spec = Two();
  pb::PipelineStage* three = AddStage(&spec, "three", {"@three", "@two"}, "/last");
  three->mutable_repeat()->set_max(3);
  (*three->mutable_job()->mutable_params())["n"] = "${counter:one.nodes} ${counter:own} ${round}";
  const auto graph = CheckPipelineSpec(spec);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(graph->stages[0].reads, ElementsAre());
  EXPECT_THAT(graph->stages[1].reads, ElementsAre(0));
  EXPECT_THAT(graph->stages[2].reads, ElementsAre(0, 1)) << "a counter is read as well";
  EXPECT_TRUE(graph->stages[2].reads_itself);
  EXPECT_FALSE(graph->stages[0].is_published);
  EXPECT_TRUE(graph->stages[1].is_published);
}

TEST(CheckPipelineSpec, NamesWhatCannotWork) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("needs at least one"));
  pb::PipelineSpec spec = Two();
  spec.mutable_stages(1)->mutable_job()->mutable_inputs(0)->set_path("@onne");
  EXPECT_THAT(ErrorOf(spec),
              HasSubstr("stage two: @onne: there is no such stage. Did you mean @one?"));
  spec = Two();
  spec.mutable_stages(1)->mutable_job()->mutable_inputs(0)->set_path("@one.rejected");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("stage one has no output of this name"));
  spec.mutable_stages(0)->mutable_job()->add_outputs()->set_name("rejected");
  EXPECT_EQ(ErrorOf(spec), "");
  spec = Two();
  spec.mutable_stages(0)->mutable_job()->mutable_inputs(0)->set_path("@two");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("depends on its own output"));
  spec = Two();
  AddStage(&spec, "three", {"@two"});
  EXPECT_THAT(ErrorOf(spec), HasSubstr("stage three: nobody reads its output"));
  spec = Two();
  AddStage(&spec, "three", {"@three"}, "/three");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("is its own output. Try: repeat"));
  spec = Two();
  AddStage(&spec, "three", {"@two"}, "/out/below");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("/out/below: is at or below the output /out"));
  spec = Two();
  AddStage(&spec, "three", {"@two"}, "relative");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("lies below OUT"));
  spec.set_output_path("/all");
  EXPECT_EQ(ErrorOf(spec), "");
  // What lies in OUT itself has those below OUT beside it, but nothing that was put there by name.
  spec.mutable_stages(1)->mutable_job()->mutable_output()->set_path(".");
  EXPECT_EQ(ErrorOf(spec), "");
  for (const std::string taken : {"_SUCCESS", "_MANIFEST.json", "_skipped/x", "part-r-00000"}) {
    spec.mutable_stages(2)->mutable_job()->mutable_output()->set_path(taken);
    EXPECT_THAT(ErrorOf(spec), HasSubstr("has the name of a file of the output /all"));
  }
  spec.mutable_stages(2)->mutable_job()->mutable_output()->set_path("/all/three");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("/all/three: is at or below the output /all"));
  spec.mutable_stages(2)->mutable_job()->mutable_output()->set_path(".");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("/all: is at or below the output /all"));
  for (const std::string path : {"/.quern", "//.quern/jobs/mine", "/.quern/answers/new"}) {
    spec.mutable_stages(2)->mutable_job()->mutable_output()->set_path(path);
    EXPECT_THAT(ErrorOf(spec), HasSubstr("/.quern is what the coordinator works with"));
  }
  spec.mutable_stages(2)->mutable_job()->mutable_output()->set_path("../up");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("cannot be published there"));
  spec = Two();
  spec.mutable_stages(1)->set_name("one");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("two have this name"));
  spec = Two();
  spec.mutable_stages(1)->set_name("a/b");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("a name has"));
  spec = Two();
  spec.mutable_stages(1)->mutable_repeat()->set_max(2);
  spec.mutable_stages(1)->mutable_repeat()->set_until("moved is 0");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("is not COUNTER COMPARISON NUMBER"));
  spec = Two();
  (*spec.mutable_stages(1)->mutable_job()->mutable_params())["x"] = "${round}";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("the stage does not repeat"));
  (*spec.mutable_stages(1)->mutable_job()->mutable_params())["x"] = "${rounds}";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("params.x: ${rounds}: is neither"));
}

TEST(CheckNewPipelineSpec, RefusesAReducerThatHasNoTask) {
  pb::PipelineSpec spec = Two();
  const auto refused = [&] { return std::string(Message(CheckNewPipelineSpec(spec).status())); };
  pb::JobSpec::Reduce* const reduce = spec.mutable_stages(0)->mutable_job()->mutable_reduce();
  reduce->set_reducer("Sum");
  EXPECT_EQ(refused(), "");
  reduce->set_tasks(0);
  EXPECT_THAT(refused(), HasSubstr("stage one: reduce.tasks: 0 leaves out the reducer Sum"));
  EXPECT_EQ(ErrorOf(spec), "") << "a journal may have it";
  reduce->clear_reducer();
  EXPECT_EQ(refused(), "");
}

// They appear by one change, which has a limit: that is not to be found out when all is done.
TEST(CheckNewPipelineSpec, RefusesMoreOutputsThanCanAppearAtOnce) {
  pb::PipelineSpec spec = Two();
  pb::JobSpec* job = spec.mutable_stages(1)->mutable_job();
  const auto add = [&](const std::string& path) {
    pb::JobSpec::NamedOutput* output = job->add_outputs();
    output->set_name(fmt::format("n{}", job->outputs_size()));
    output->mutable_output()->set_path(path);
  };
  add("");
  add(".");
  for (size_t i = 1; i < kMaxPublished; ++i) add(fmt::format("/more{}", i));
  EXPECT_TRUE(CheckNewPipelineSpec(spec).ok()) << CheckNewPipelineSpec(spec).status();
  add("/last");
  const auto refused = CheckNewPipelineSpec(spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(Message(refused.status())),
              HasSubstr("publish 401 with paths of their own, the limit is 400"));
  EXPECT_EQ(ErrorOf(spec), "") << "an earlier version has accepted such";
}

TEST(RoundCondition, ComparesACounterWithANumber) {
  EXPECT_TRUE(ParseRoundCondition("moved == 0")->Holds(0));
  EXPECT_FALSE(ParseRoundCondition("counter moved == 0")->Holds(1));
  EXPECT_TRUE(ParseRoundCondition("moved < -3")->Holds(-4));
  EXPECT_TRUE(ParseRoundCondition("moved >= 5")->Holds(5));
  EXPECT_FALSE(ParseRoundCondition("moved != 5")->Holds(5));
  EXPECT_FALSE(ParseRoundCondition("moved = 5").ok());
  EXPECT_FALSE(ParseRoundCondition("moved == five").ok());
}

TEST(ExpandParam, FillsInWhatIsKnown) {
  const auto value = [](const ParamReference& reference) {
    return reference.is_round
               ? std::string("7")
               : fmt::format("<{}:{}:{}>", reference.stage, reference.counter, reference.first);
  };
  EXPECT_EQ(*ExpandParam("plain $ {x}", {}, value), "plain $ {x}");
  EXPECT_EQ(*ExpandParam("${round}/${counter:a|-1}", {}, value), "7/<:a:-1>");
  EXPECT_EQ(*ExpandParam("${counter:s.a.b}", {"s"}, value), "<s:a.b:0>");
  EXPECT_EQ(*ExpandParam("${counter:t.a.b}", {"s"}, value), "<:t.a.b:0>");
  EXPECT_FALSE(ExpandParam("${round", {}, value).ok());
  EXPECT_FALSE(ExpandParam("${counter:}", {}, value).ok());
}

void Count(std::string_view group, std::string_view name, int64_t value, CounterList* counters) {
  pb::Counter* const counter = counters->Add();
  counter->set_group(std::string(group));
  counter->set_name(std::string(name));
  counter->set_value(value);
}

TEST(FindCounter, OneThatNoTaskHasMadeIsAnError) {
  CounterList counters;
  EXPECT_EQ(*FindCounter(counters, "chagned", "s"), 0) << "no task has run";
  Count("quern", "reduce_input_groups", 0, &counters);
  EXPECT_EQ(*FindCounter(counters, "chagned", "s"), 0) << "no map task has";
  Count("quern", "map_input_records", 5, &counters);
  Count("user", "changed", 0, &counters);
  EXPECT_EQ(*FindCounter(counters, "changed", "s"), 0);
  EXPECT_EQ(*FindCounter(counters, "map_input_records", "s"), 5);
  for (const char* now_and_then : {"map_skipped_records", "reduce_skipped_groups: too long",
                                   "map_set_aside_bad_member", "named_output_records: bad"}) {
    EXPECT_EQ(*FindCounter(counters, now_and_then, "s"), 0) << now_and_then;
  }
  const auto missing = FindCounter(counters, "chagned", "s");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(
      std::string(Message(missing.status())),
      HasSubstr("counter chagned: no task of stage s has made it; its own are changed. Try: "
                "changed, or context.counter(\"chagned\") in Start"));
}

TEST(CheckRoundCounter, OneOfAnEarlierRoundIsKnown) {
  pb::PipelineSpec spec = Two();
  pb::PipelineStage* const stage = spec.mutable_stages(1);
  stage->mutable_repeat()->set_until("moved == 0");
  CounterList first;
  Count("quern", "map_input_records", 5, &first);
  CounterList second = first;
  EXPECT_FALSE(CheckRoundCounter(*stage, first).ok());
  Count("user", "moved", 7, &first);
  Count("user", "other", 7, &first);
  EXPECT_TRUE(CheckRoundCounter(*stage, first).ok());
  EXPECT_FALSE(RoundHolds(*stage, first));
  KeepCounters(spec, *stage, first, &second);
  EXPECT_TRUE(CheckRoundCounter(*stage, second).ok());
  EXPECT_TRUE(RoundHolds(*stage, second));
  EXPECT_EQ(second.size(), 2) << "nobody asks for the other one";
}

TEST(MakeRoundJob, ACounterThatNobodyHasMadeIsAnError) {
  pb::PipelineSpec spec = Two();
  (*spec.mutable_stages(1)->mutable_job()->mutable_params())["n"] = "${counter:one.nodse}";
  StageOutputs outputs;
  Count("quern", "map_input_records", 5, outputs["one"].mutable_counters());
  Count("user", "nodes", 3, outputs["one"].mutable_counters());
  const auto make = [&] { return MakeRoundJob(spec, spec.stages(1), 1, outputs, "/round"); };
  ASSERT_FALSE(make().ok());
  EXPECT_THAT(std::string(Message(make().status())),
              HasSubstr("params.n: counter nodse: no task of stage one has made it; its own are "
                        "nodes. Try: nodes"));
  (*spec.mutable_stages(1)->mutable_job()->mutable_params())["n"] = "${counter:one.nodes}";
  const auto made = make();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->params().at("n"), "3");
}

std::vector<std::string> Fingerprints(const pb::PipelineSpec& spec,
                                      const std::vector<std::string>& digests = {"d", ""}) {
  return FingerprintStages(spec, *CheckPipelineSpec(spec), digests);
}

TEST(FingerprintStages, ChangesWithEverythingThatAnOutputDependsOn) {
  const std::vector<std::string> before = Fingerprints(Two());
  EXPECT_EQ(Fingerprints(Two()), before);
  EXPECT_NE(before[0], before[1]);
  pb::PipelineSpec spec = Two();
  (*spec.mutable_stages(1)->mutable_job()->mutable_params())["n"] = "3";
  EXPECT_EQ(Fingerprints(spec)[0], before[0]);
  EXPECT_NE(Fingerprints(spec)[1], before[1]);
  spec = Two();
  spec.mutable_stages(0)->mutable_job()->mutable_plugin()->set_hash("new");
  EXPECT_NE(Fingerprints(spec)[0], before[0]);
  EXPECT_NE(Fingerprints(spec)[1], before[1]) << "it reads the first";
  spec = Two();
  spec.mutable_stages(0)->mutable_job()->add_files()->mutable_file()->set_hash("new");
  EXPECT_NE(Fingerprints(spec)[0], before[0]);
  EXPECT_NE(Fingerprints(Two(), {"other", ""})[1], before[1]);
}

TEST(FingerprintStages, StaysWhenOnlyNamesAndPlacesChange) {
  const std::vector<std::string> before = Fingerprints(Two());
  pb::PipelineSpec spec = Two();
  spec.set_name("another");
  spec.set_user("somebody");
  spec.mutable_stages(0)->mutable_job()->set_command("mr run x");
  spec.mutable_stages(0)->mutable_job()->mutable_counter_meanings()->add_read("documents");
  spec.mutable_stages(0)->mutable_job()->mutable_output()->set_replication(2);
  spec.mutable_stages(0)->mutable_job()->mutable_plugin()->set_path("/elsewhere.so");
  spec.mutable_stages(1)->mutable_job()->mutable_output()->set_path("/elsewhere");
  EXPECT_EQ(Fingerprints(spec), before);
}

TEST(PipelinePaths, HaveAPlaceForEachRoundAndOutput) {
  EXPECT_EQ(RoundPath("pipeline-1", "extract", 3), "/.quern/pipelines/pipeline-1/extract/0003");
  EXPECT_EQ(StageOutputPath("/p/extract/0003", ""), "/p/extract/0003");
  EXPECT_EQ(StageOutputPath("/p/extract/0003", "rejected"), "/p/extract/0003.rejected");
}

}  // namespace
}  // namespace quern::mr
