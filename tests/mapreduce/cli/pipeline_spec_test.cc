#include "mapreduce/cli/pipeline_spec.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/cli/listed_files.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPipeline[] = R"(
name = "full"
input = ["/default"]
output = "/out"

[params]
damping = 0.85

[[stage]]
name = "graph"
plugin = "graph.so"
input = ["@in"]
reduce = { tasks = 3, group = 1 }
parameters = []
[stage.output]
format = "record"

[[stage]]
name = "ranks"
plugin = "ranks.so"
input = ["@graph", { path = "@ranks", mapper = "Own", tag = "own" }]
repeat = { until = "moved == 0", max = 50, first = "@graph", in_a_row = 2, at_max = "fail" }
output = "ranks"
params = { nodes = "${counter:graph.nodes}" }
)";

absl::StatusOr<std::vector<LoadedStage>> LoadOwnSpecs(const PipelineFile& file) {
  std::vector<LoadedStage> stages;
  for (const StageFile& stage : file.stages) {
    ASSIGN_OR_RETURN(stages.emplace_back(), LoadStage(stage, {}));
  }
  return stages;
}

// As mr run does it, for stages that are their own specs.
absl::StatusOr<pb::PipelineSpec> Build(std::string_view toml,
                                       const std::vector<std::string>& settings = {}) {
  ASSIGN_OR_RETURN(PipelineFile file, ParsePipeline(toml, "p.toml"));
  ASSIGN_OR_RETURN(std::vector<LoadedStage> stages, LoadOwnSpecs(file));
  for (const std::string& setting : settings) {
    RETURN_IF_ERROR(SetPipelineKey(setting, &file, &stages));
  }
  return BuildPipeline(file, &stages);
}

TEST(PipelineSpec, HasFlagsAsAJobHas) {
  const std::string with = std::string("parameters = [\"damping: real 0..1\"]\n") + kPipeline;
  const auto file = ParsePipeline(with + "[flags]\ndamping = \"of a rank\"\n", "p.toml");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->flags.size(), 1u);
  EXPECT_EQ(file->flags[0].name, "--damping");
  EXPECT_EQ(file->flags[0].type, "N");
  EXPECT_EQ(file->forms.size(), 1u);
  EXPECT_THAT(
      std::string(ParsePipeline(with + "[flags]\nmemory = \"x\"\n", "p.toml").status().message()),
      HasSubstr("p.toml: flags.memory: `parameters` names no such parameter"));
}

std::string ErrorOf(std::string_view toml, const std::vector<std::string>& settings = {}) {
  const auto spec = Build(toml, settings);
  return spec.ok() ? "" : std::string(Message(spec.status()));
}

TEST(ParsePipeline, TellsPipelinesFromJobs) {
  EXPECT_TRUE(IsPipelineText(kPipeline));
  EXPECT_FALSE(IsPipelineText("name = \"job\"\n[[input]]\npath = \"/in\"\n"));
  EXPECT_FALSE(IsPipelineText("not = [toml"));
}

TEST(BuildPipeline, AStageMayWaitForAParameter) {
  const std::string toml = std::string(kPipeline) + R"(
[[stage]]
name = "tokens"
when = "tokenizer"
plugin = "tokens.so"
parameters = []
input = ["@ranks"]
[stage.files]
"${tokenizer}/vocab.bpe" = "vocab.bpe"
)";
  for (const std::vector<std::string>& without :
       {std::vector<std::string>{}, {"tokenizer="}, {"tokenizer=false"}}) {
    const auto spec = Build(toml, without);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->stages_size(), 2);
  }
  PipelineFile file = *ParsePipeline(toml, "p.toml");
  std::vector<LoadedStage> stages = *LoadOwnSpecs(file);
  ASSERT_TRUE(SetPipelineKey("tokenizer=/gpt2", &file, &stages).ok());
  const auto spec = BuildPipeline(file, &stages);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->stages_size(), 3);
  EXPECT_EQ(stages[2].file.files,
            (std::vector<std::pair<std::string, std::string>>{{"/gpt2/vocab.bpe", "vocab.bpe"}}));
  EXPECT_TRUE(spec->stages(2).job().params().empty()) << "the stage does not read it";
}

TEST(BuildPipeline, AParameterMayBeAListOfSideFiles) {
  const std::string toml = std::string(kPipeline) + R"(
[[stage]]
name = "held"
when = "evaluation"
plugin = "held.so"
parameters = ["evaluation: list file"]
input = ["@ranks"]
[stage.files]
"${evaluation}" = ""
"/always" = "more"
)";
  EXPECT_EQ(Build(toml)->stages_size(), 2);
  const auto held = [&](const std::vector<std::string>& settings) {
    PipelineFile file = *ParsePipeline(toml, "p.toml");
    std::vector<LoadedStage> stages = *LoadOwnSpecs(file);
    for (const std::string& setting : settings) {
      EXPECT_TRUE(SetPipelineKey(setting, &file, &stages).ok()) << setting;
    }
    const auto spec = BuildPipeline(file, &stages);
    EXPECT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(stages.size(), 3u);
    return stages.back().file;
  };
  const SpecFile two = held({"evaluation=sets/a.jsonl, /b.jsonl"});
  EXPECT_EQ(two.files,
            (std::vector<std::pair<std::string, std::string>>{
                {"sets/a.jsonl", "a.jsonl"}, {"/b.jsonl", "b.jsonl"}, {"/always", "more"}}));
  EXPECT_EQ(two.spec.params().at("evaluation"), "a.jsonl,b.jsonl") << "their names";
  EXPECT_TRUE(CheckParameterForms(two).ok()) << CheckParameterForms(two);
  const SpecFile none = held({"evaluation=,"});
  EXPECT_FALSE(CheckParameterForms(none).ok());
  EXPECT_EQ(held({"evaluation=a,/b", "held.evaluation=/b"}).spec.params().at("evaluation"), "b");
  const SpecFile alike = held({"evaluation=mmlu/test.jsonl, /sets/gsm8k/test.jsonl, c.jsonl"});
  EXPECT_EQ(alike.files, (std::vector<std::pair<std::string, std::string>>{
                             {"mmlu/test.jsonl", "mmlu_test.jsonl"},
                             {"/sets/gsm8k/test.jsonl", "gsm8k_test.jsonl"},
                             {"c.jsonl", "c.jsonl"},
                             {"/always", "more"}}));
  EXPECT_EQ(alike.spec.params().at("evaluation"), "mmlu_test.jsonl,gsm8k_test.jsonl,c.jsonl");
  EXPECT_TRUE(CheckParameterForms(alike).ok()) << CheckParameterForms(alike);
}

TEST(NamesOfFiles, HaveTheDirectoriesThatTellThemApart) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(NamesOfFiles({}), Names{});
  EXPECT_EQ(NamesOfFiles({"a/x", "/b/y.z", "file:///c/w"}), (Names{"x", "y.z", "w"}));
  EXPECT_EQ(NamesOfFiles({"/s/a/x", "file:///s/b/x", "x"}), (Names{"a_x", "b_x", "x"}));
  EXPECT_EQ(NamesOfFiles({"/1/a/x", "/2/a/x", "/b/x"}), (Names{"1_a_x", "2_a_x", "b_x"}));
  EXPECT_EQ(NamesOfFiles({"v1.0/x.txt", "v1.1/x.txt"}), (Names{"v1_0_x.txt", "v1_1_x.txt"}));
  EXPECT_EQ(NamesOfFiles({"../x", "./a/../x"}), (Names{"___x", "x"}));
  // One that is called so already.
  EXPECT_EQ(NamesOfFiles({"/s/a/x", "/b/x", "a_x"}), (Names{"s_a_x", "b_x", "a_x"}));
  // The same file, and the same place here and there.
  EXPECT_EQ(NamesOfFiles({"/a/x", "/a/x", "/b/x"}), (Names{"a_x", "a_x", "b_x"}));
  EXPECT_EQ(NamesOfFiles({"/a/x", "file:///a/x"}), (Names{"a_x", "a_x"}));
}

TEST(BuildPipeline, AParameterMayListSideFiles) {
  const std::string toml = std::string(kPipeline) + R"(
[[stage]]
name = "tags"
plugin = "tags.so"
parameters = ["lists", "field"]
input = ["@ranks"]
[stage.files]
"/always.txt" = "always.txt"
"${lists}" = ""
)";
  using Files = std::vector<std::pair<std::string, std::string>>;
  const auto files = [&](const std::vector<std::string>& settings) {
    PipelineFile file = *ParsePipeline(toml, "p.toml");
    std::vector<LoadedStage> stages = *LoadOwnSpecs(file);
    for (const std::string& setting : settings) {
      EXPECT_TRUE(SetPipelineKey(setting, &file, &stages).ok()) << setting;
    }
    const auto spec = BuildPipeline(file, &stages);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return stages[2].file.files;
  };
  const Files always = {{"/always.txt", "always.txt"}};
  EXPECT_EQ(files({}), always);
  EXPECT_EQ(files({"lists="}), always);
  const Files both = {
      {"/always.txt", "always.txt"}, {"/x/a.txt", "a.txt"}, {"file:///y/b.txt", "b.txt"}};
  EXPECT_EQ(files({"lists=/x/a.txt, file:///y/b.txt"}), both);
  EXPECT_EQ(files({"lists=/else", "tags.lists=/x/a.txt,file:///y/b.txt"}), both);
  const auto spec = Build(toml, {"lists=/x/a.txt"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->stages(2).job().params().at("lists"), "a.txt") << "what the job finds";
  const std::string misspelt = absl::StrReplaceAll(toml, {{"\"${lists}\"", "\"${list}\""}});
  EXPECT_THAT(ErrorOf(misspelt), HasSubstr("stage tags: files.${list}: its job reads no such"));
}

TEST(BuildPipeline, OneThatAllItsStagesHaveLeftIsNone) {
  const std::string toml = R"(
[[stage]]
name = "tokens"
when = "tokenizer"
plugin = "tokens.so"
input = ["/in"]
output = "/out"
[[stage]]
name = "packed"
when = "pack"
plugin = "pack.so"
input = ["/in"]
output = "/packed"
)";
  EXPECT_THAT(ErrorOf(toml, {"pack=false"}),
              AllOf(HasSubstr("every stage is left out"), HasSubstr("Try: --set tokenizer=")));
  EXPECT_EQ(ErrorOf(toml, {"pack=true"}), "");
}

// With stages that say what they read: nobody else takes the parameters of one that is left out.
TEST(BuildPipeline, WhatOnlyAStageReadsThatIsLeftOutIsNoMistake) {
  constexpr char kStages[] = R"(
[params]
level = 3
[[stage]]
name = "count"
plugin = "count.so"
parameters = []
input = ["/in"]
output = "/count"
[[stage]]
name = "packed"
when = "pack"
plugin = "pack.so"
parameters = ["level"]
input = ["@count"]
output = "/packed"
)";
  for (const std::vector<std::string>& off :
       {std::vector<std::string>{}, {"pack=false"}, {"pack="}}) {
    const auto spec = Build(kStages, off);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->stages_size(), 1);
  }
  const auto on = Build(kStages, {"pack=true"});
  ASSERT_TRUE(on.ok()) << on.status();
  ASSERT_EQ(on->stages_size(), 2);
  EXPECT_EQ(on->stages(1).job().params().at("level"), "3");
  EXPECT_THAT(ErrorOf(absl::StrReplaceAll(kStages, {{"level = 3", "levle = 3"}})),
              HasSubstr("params.levle: no stage reads it"));
}

TEST(BuildPipeline, PutsEverythingWhereItBelongs) {
  const auto spec = Build(kPipeline);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name(), "full");
  EXPECT_EQ(spec->output_path(), "/out");
  ASSERT_EQ(spec->stages_size(), 2);
  const pb::JobSpec& graph = spec->stages(0).job();
  EXPECT_EQ(graph.inputs(0).path(), "/default");
  EXPECT_EQ(graph.reduce().tasks(), 3u);
  EXPECT_EQ(graph.reduce().group(), 1u);
  EXPECT_EQ(graph.output().format(), "record");
  EXPECT_EQ(graph.output().path(), "");
  EXPECT_TRUE(graph.params().empty()) << "it reads none";
  const pb::PipelineStage& ranks = spec->stages(1);
  EXPECT_EQ(ranks.job().inputs(0).path(), "@graph");
  EXPECT_EQ(ranks.job().inputs(0).format(), "record") << "as graph writes it";
  EXPECT_EQ(ranks.job().inputs(1).path(), "@ranks");
  EXPECT_EQ(ranks.job().inputs(1).mapper(), "Own");
  EXPECT_EQ(ranks.job().inputs(1).tag(), "own");
  EXPECT_EQ(ranks.job().output().path(), "ranks");
  EXPECT_EQ(ranks.job().params().at("damping"), "0.85");
  EXPECT_EQ(ranks.job().params().at("nodes"), "${counter:graph.nodes}");
  EXPECT_EQ(ranks.repeat().until(), "moved == 0");
  EXPECT_EQ(ranks.repeat().max(), 50u);
  EXPECT_EQ(ranks.repeat().first(), "@graph");
  EXPECT_EQ(ranks.repeat().in_a_row(), 2u);
  EXPECT_TRUE(ranks.repeat().fail_at_max());
}

TEST(BuildPipeline, ANamedOutputIsReadInTheFormatInWhichItWasWritten) {
  static constexpr char kStages[] = R"(
[[stage]]
name = "split"
plugin = "split.so"
input = ["/in"]
[stage.output]
format = "{}"
[stage.outputs.aside]
{}
[[stage]]
name = "reads"
plugin = "reads.so"
input = ["@split", "@split.aside"]
output = "/out"
)";
  struct Case {
    const char* main;
    const char* named;  // the line of the named output
    const char* main_is_read;
    const char* named_is_read;  // empty: as text, like whatever nobody says anything of
  };
  for (const Case& c :
       {Case{"record", "format = \"text\"", "record", ""},
        Case{"text", "format = \"record\"", "", "record"},
        Case{"record", "format = \"table\"", "record", "table"}, Case{"parquet", "", "parquet", ""},
        Case{"jsonl", "format = \"jsonl\"", "jsonl", "jsonl"}}) {
    const auto spec = Build(fmt::format(kStages, c.main, c.named));
    ASSERT_TRUE(spec.ok()) << spec.status();
    const pb::JobSpec& reader = spec->stages(1).job();
    EXPECT_EQ(reader.inputs(0).format(), c.main_is_read) << c.main << " " << c.named;
    EXPECT_EQ(reader.inputs(1).format(), c.named_is_read) << c.main << " " << c.named;
  }
}

TEST(SetPipelineKey, ChangesAStageOrWhatAllRead) {
  const auto spec = Build(kPipeline, {"graph.reduce.tasks=9", "damping=0.5", "ranks.params.nodes=7",
                                      "ranks.limits.memory=64MiB", "ranks.input.mapper=Other"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->stages(0).job().reduce().tasks(), 9u);
  EXPECT_EQ(spec->stages(1).job().params().at("damping"), "0.5");
  EXPECT_EQ(spec->stages(1).job().params().at("nodes"), "7");
  EXPECT_EQ(spec->stages(1).job().inputs(1).mapper(), "Other") << "over what the file says";
  EXPECT_EQ(spec->stages(1).job().limits().memory_bytes(), 64u << 20);
}

TEST(SetPipelineKey, KnowsTheParametersOfAStageThatIsASpecOfItsOwn) {
  constexpr char kStages[] = R"(
[[stage]]
name = "ranks"
plugin = "ranks.so"
parameters = ["damping", "tolerance"]
input = ["/in"]
[stage.params]
damping = 0.85
[[stage]]
name = "write"
plugin = "write.so"
parameters = []
input = ["@ranks"]
output = "/out"
)";
  for (const char* key : {"ranks.damping", "ranks.params.damping"}) {
    const auto spec = Build(kStages, {fmt::format("{}=0.9", key)});
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->stages(0).job().params().at("damping"), "0.9") << key;
  }
  const auto all = Build(kStages, {"tolerance=1e-6"});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->stages(0).job().params().at("tolerance"), "1e-6");
  EXPECT_TRUE(all->stages(1).job().params().empty()) << "it reads none";
  EXPECT_THAT(ErrorOf(kStages, {"tolerence=1"}), HasSubstr("no stage reads such a parameter"));
  EXPECT_THAT(ErrorOf(kStages, {"write.damping=1"}), HasSubstr("damping: unknown key"));
}

TEST(SetPipelineKey, MovesWhatAStagePublishes) {
  for (const char* key : {"ranks.output=/moved", "ranks.output.path=/moved"}) {
    const auto spec = Build(kPipeline, {key});
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->stages(1).job().output().path(), "/moved") << key;
  }
  const auto table = Build(
      "[[stage]]\nname = \"a\"\ninput = \"/in\"\n[stage.output]\npath = \"/x\"\nformat = "
      "\"record\"\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->stages(0).job().output().path(), "/x");
  EXPECT_EQ(table->stages(0).job().output().format(), "record");
}

TEST(SetPipelineKey, ChangesTheRoundsOfAStage) {
  const auto spec = Build(kPipeline, {"ranks.repeat.max=60", "ranks.repeat.until=moved < 3",
                                      "ranks.repeat.at_max=end", "ranks.repeat.in_a_row=1"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  const pb::PipelineStage::Repeat& repeat = spec->stages(1).repeat();
  EXPECT_EQ(repeat.max(), 60u);
  EXPECT_EQ(repeat.until(), "moved < 3");
  EXPECT_EQ(repeat.first(), "@graph") << "as the file says";
  EXPECT_FALSE(repeat.fail_at_max());
  EXPECT_EQ(repeat.in_a_row(), 1u);
  EXPECT_THAT(ErrorOf(kPipeline, {"graph.repeat.max=9"}), HasSubstr("stage graph has no rounds"));
  EXPECT_THAT(ErrorOf(kPipeline, {"ranks.repeat.max=none"}), HasSubstr("ranks.repeat: max: "));
  EXPECT_THAT(ErrorOf(kPipeline, {"ranks.repeat.maxx=9"}), HasSubstr("ranks.repeat: maxx: it has"));
}

TEST(SetPipelineKey, RefusesWhatNobodyReads) {
  EXPECT_THAT(ErrorOf(kPipeline, {"dampng=0.5"}), HasSubstr("no stage reads such a parameter"));
  EXPECT_THAT(ErrorOf(kPipeline, {"graph.reduce.task=1"}), HasSubstr("reduce.task: unknown key"));
  EXPECT_THAT(ErrorOf(kPipeline, {"graph.params.x=1"}), HasSubstr("params.x"));
  EXPECT_THAT(ErrorOf(kPipeline, {"damping"}), HasSubstr("is not KEY=VALUE"));
}

TEST(ParsePipeline, NamesLineAndKeyOfWhatIsWrong) {
  EXPECT_THAT(ErrorOf("nam = 1\n[[stage]]\n"), HasSubstr("p.toml:1: nam: unknown key"));
  EXPECT_THAT(ErrorOf("[stage]\nname = \"x\"\n"), HasSubstr("write [[stage]]"));
  EXPECT_THAT(ErrorOf("[[stage]]\nname = \"x\"\nrepeat = { untill = \"a == 0\" }\n"),
              HasSubstr("p.toml:3: repeat: untill"));
  EXPECT_THAT(ErrorOf("[[stage]]\nname = \"x\"\nrepeat = { max = 0 }\n"), HasSubstr("repeat"));
  EXPECT_THAT(ErrorOf("[[stage]]\nname = \"x\"\nplugin = \"x.so\"\ninput = [\"@in\"]\n"),
              HasSubstr("stage x: reads @in, which nobody has named"));
  EXPECT_THAT(
      ErrorOf("[params]\na = 1\n[[stage]]\nname = \"x\"\ninput = [\"/in\"]\nparameters = []\n"),
      HasSubstr("params.a: no stage reads it"));
  EXPECT_THAT(ErrorOf("[[stage]]\nname = \"x\"\n"), HasSubstr("stage x: input: is missing"));
}

}  // namespace
}  // namespace quern::mr
