#include "mapreduce/cli/optional_stages.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "mapreduce/cli/unused_settings.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A stage that may be left out between two others, and one that tells its inputs apart.
constexpr char kOptional[] = R"(
[[stage]]
name = "read"
plugin = "read.so"
parameters = []
input = ["@in"]
[stage.output]
format = "record"
[stage.outputs.rejected]
format = "raw"
[[stage]]
name = "clean"
when = "clean"
otherwise = "@read"
plugin = "clean.so"
parameters = []
input = ["@read"]
[stage.outputs.rejected]
format = "raw"
[[stage]]
name = "report"
plugin = "report.so"
parameters = []
input = ["@read", "@read.rejected", "@clean", "@clean.rejected"]
output = "report"
[[stage]]
name = "count"
plugin = "count.so"
parameters = []
input = ["@clean"]
output = "count"
)";

std::vector<std::string> InputsOfStage(const absl::StatusOr<pb::PipelineSpec>& spec,
                                       std::string_view name) {
  std::vector<std::string> paths;
  if (!spec.ok()) return {std::string(Message(spec.status()))};
  for (const pb::PipelineStage& stage : spec->stages()) {
    if (stage.name() != name) continue;
    for (const pb::JobSpec::Input& input : stage.job().inputs()) paths.push_back(input.path());
  }
  return paths;
}

struct Loaded {
  PipelineFile file;
  std::vector<LoadedStage> stages;
};
absl::StatusOr<Loaded> LoadOptional(const std::map<std::string, std::string>& changes) {
  Loaded loaded;
  const std::string toml =
      "input = [\"/a\", \"/b\"]\noutput = \"/out\"\n" + absl::StrReplaceAll(kOptional, changes);
  ASSIGN_OR_RETURN(loaded.file, ParsePipeline(toml, "p.toml"));
  for (const StageFile& stage : loaded.file.stages) {
    ASSIGN_OR_RETURN(loaded.stages.emplace_back(), LoadStage(stage, {}));
  }
  return loaded;
}

absl::StatusOr<pb::PipelineSpec> BuildOptional(const std::map<std::string, std::string>& changes,
                                               const std::vector<std::string>& settings = {}) {
  ASSIGN_OR_RETURN(Loaded loaded, LoadOptional(changes));
  for (const std::string& setting : settings) {
    RETURN_IF_ERROR(SetPipelineKey(setting, &loaded.file, &loaded.stages));
  }
  return BuildPipeline(loaded.file, &loaded.stages);
}

TEST(OptionalStages, WhatStandsForOneIsReadInItsPlace) {
  const auto without = BuildOptional({});
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->stages_size(), 3);
  EXPECT_THAT(InputsOfStage(without, "count"), ElementsAre("@read"));
  const pb::JobSpec::Input& input = without->stages(2).job().inputs(0);
  EXPECT_EQ(input.format(), "record") << "as it was written";
  EXPECT_EQ(input.tag(), "") << "it is called by what is read";
  EXPECT_TRUE(CheckNewPipelineSpec(*without).ok()) << CheckNewPipelineSpec(*without).status();

  const auto with = BuildOptional({}, {"clean=true"});
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(with->stages_size(), 4);
  EXPECT_THAT(InputsOfStage(with, "count"), ElementsAre("@clean"));
  EXPECT_THAT(InputsOfStage(with, "report"),
              ElementsAre("@read", "@read.rejected", "@clean", "@clean.rejected"));
}

// A flag of any case, or whatever is no flag: the path of a file.
TEST(OptionalStages, AStageIsWantedUnlessItsParameterIsNothingOrFalse) {
  const auto stages = [](const std::string& setting) {
    const auto spec = BuildOptional({}, {setting});
    return spec.ok() ? spec->stages_size() : -1;
  };
  for (const char* const left_out : {"clean=", "clean=false", "clean=FALSE", "clean=False"}) {
    EXPECT_EQ(stages(left_out), 3) << left_out;
  }
  for (const char* const wanted : {"clean=true", "clean=TRUE", "clean=/a/file", "clean=no"}) {
    EXPECT_EQ(stages(wanted), 4) << wanted;
  }
}

TEST(OptionalStages, NothingIsReadTwiceThatIsNotNamedTwice) {
  // Of itself, and of what it rejects, there is nothing.
  EXPECT_THAT(InputsOfStage(BuildOptional({}), "report"), ElementsAre("@read", "@read.rejected"));
  EXPECT_THAT(InputsOfStage(BuildOptional({{"\"@read\", \"@read.rejected\", \"@clean\"",
                                            "\"@clean\", \"@read.rejected\", \"@read\""}}),
                            "report"),
              ElementsAre("@read.rejected", "@read"))
      << "what the file names stays in its place";
  EXPECT_THAT(
      InputsOfStage(BuildOptional({{"input = [\"@clean\"]", "input = [\"@clean\", \"@clean\"]"}}),
                    "count"),
      ElementsAre("@read"));
  EXPECT_THAT(
      InputsOfStage(
          BuildOptional({{"input = [\"@clean\"]", "input = [\"@read\", \"@read\", \"@clean\"]"}}),
          "count"),
      ElementsAre("@read", "@read"));
  // By another mapper, or under a name of its own, it is another input.
  for (const char* more : {"mapper = \"Other\"", "tag = \"clean\""}) {
    EXPECT_THAT(InputsOfStage(
                    BuildOptional(
                        {{"input = [\"@clean\"]",
                          fmt::format("input = [\"@read\", {{ path = \"@clean\", {} }}]", more)}}),
                    "count"),
                ElementsAre("@read", "@read"))
        << more;
  }
}

// Of a job with several inputs each has its own form, by its place.
TEST(OptionalStages, FormsOfAJobStayWithTheirInputs) {
  Loaded loaded = *LoadOptional(
      {{"input = [\"@clean\"]", "input = [\"@clean.rejected\", \"@clean\", \"@read\"]"}});
  for (const char* mapper : {"Rejected", "Clean", "Read"}) {
    loaded.stages[3].file.spec.add_inputs()->set_mapper(mapper);
  }
  const auto spec = BuildPipeline(loaded.file, &loaded.stages);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_THAT(InputsOfStage(spec, "count"), ElementsAre("@read", "@read"));
  EXPECT_EQ(spec->stages(2).job().inputs(0).mapper(), "Clean");
  EXPECT_EQ(spec->stages(2).job().inputs(1).mapper(), "Read");
}

TEST(OptionalStages, InOrANamedOutputMayStandForOne) {
  const auto in = BuildOptional({{"otherwise = \"@read\"", "otherwise = \"@in\""}});
  EXPECT_THAT(InputsOfStage(in, "count"), ElementsAre("/a", "/b"));
  EXPECT_THAT(InputsOfStage(in, "report"), ElementsAre("@read", "@read.rejected", "/a", "/b"));
  const auto named = BuildOptional({{"otherwise = \"@read\"", "otherwise = \"@read.rejected\""}});
  EXPECT_THAT(InputsOfStage(named, "count"), ElementsAre("@read.rejected"));
  EXPECT_THAT(InputsOfStage(named, "report"), ElementsAre("@read", "@read.rejected"));
}

TEST(OptionalStages, OneMayStandForAnother) {
  const std::map<std::string, std::string> longer = {{"input = [\"@clean\"]",
                                                      R"(input = ["@mask"]
[[stage]]
name = "mask"
when = "mask"
otherwise = "@clean"
plugin = "mask.so"
parameters = []
input = ["@clean"])"}};
  EXPECT_THAT(InputsOfStage(BuildOptional(longer), "count"), ElementsAre("@read"));
  EXPECT_THAT(InputsOfStage(BuildOptional(longer, {"clean=1"}), "count"), ElementsAre("@clean"));
  const auto mask = BuildOptional(longer, {"mask=1"});
  EXPECT_THAT(InputsOfStage(mask, "count"), ElementsAre("@mask"));
  EXPECT_THAT(InputsOfStage(mask, "mask"), ElementsAre("@read"));
}

TEST(OptionalStages, TheFirstRoundReadsWhatStandsForOne) {
  const std::map<std::string, std::string> rounds = {
      {"input = [\"@clean\"]",
       "input = [\"@count\", \"@read\"]\nrepeat = { max = 2, first = \"@clean\" }"}};
  const auto spec = BuildOptional(rounds);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->stages(2).repeat().first(), "@read");
  EXPECT_EQ(BuildOptional(rounds, {"clean=1"})->stages(3).repeat().first(), "@clean");
  const auto rejected = BuildOptional({{"input = [\"@clean\"]",
                                        "input = [\"@count\", \"@read\"]\nrepeat = { max = 2, "
                                        "first = \"@clean.rejected\" }"}});
  ASSERT_TRUE(rejected.ok()) << rejected.status();
  EXPECT_EQ(rejected->stages(2).repeat().first(), "") << "the first round has no such input";
}

// Behind this nobody knows what @in is.
TEST(OptionalStages, TheFirstRoundReadsInWhereThatIsOnePath) {
  for (const std::string first : {"@clean", "@in"}) {
    const std::map<std::string, std::string> rounds = {
        {"otherwise = \"@read\"", "otherwise = \"@in\""},
        {"input = [\"@clean\"]",
         "input = [\"@count\", \"@read\"]\nrepeat = { max = 2, first = \"" + first + "\" }"}};
    auto loaded = LoadOptional(rounds);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    loaded->file.inputs = {"/a"};
    const auto spec = BuildPipeline(loaded->file, &loaded->stages);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->stages(2).repeat().first(), "/a") << first;
    EXPECT_TRUE(CheckNewPipelineSpec(*spec).ok()) << CheckNewPipelineSpec(*spec).status();
    EXPECT_THAT(std::string(Message(BuildOptional(rounds).status())),
                HasSubstr("stage count: repeat: first: @in is 2 paths. Try: a stage that reads"));
  }
}

TEST(OptionalStages, SaysWhatMakesNoSense) {
  const auto error = [](const std::map<std::string, std::string>& changes,
                        const std::vector<std::string>& settings = {}) {
    const auto spec = BuildOptional(changes, settings);
    return spec.ok() ? "" : std::string(Message(spec.status()));
  };
  // Also where the stage is there.
  for (const std::vector<std::string>& settings : {std::vector<std::string>{}, {"clean=1"}}) {
    EXPECT_THAT(error({{"otherwise = \"@read\"", "otherwise = \"@raed\""}}, settings),
                HasSubstr("stage clean: otherwise: @raed: there is no such stage. Did you mean "
                          "@read?"));
    EXPECT_THAT(error({{"otherwise = \"@read\"", "otherwise = \"/pages\""}}, settings),
                HasSubstr("otherwise: '/pages' is none of @STAGE, @STAGE.OUTPUT and @in"));
    EXPECT_THAT(error({{"otherwise = \"@read\"", "otherwise = \"@clean.rejected\""}}, settings),
                HasSubstr("otherwise: goes in circles: @clean -> @clean.rejected. Try: "));
    EXPECT_THAT(
        error({{"name = \"read\"", "name = \"read\"\nwhen = \"r\"\notherwise = \"@clean\""}},
              settings),
        HasSubstr("stage read: otherwise: goes in circles: @read -> @clean -> @read. Try"));
  }
  EXPECT_THAT(error({{"name = \"read\"", "name = \"read\"\notherwise = \"@in\""}}),
              HasSubstr("stage read: otherwise: the stage is never left out. Try: when = "));
  EXPECT_THAT(error({{"otherwise = \"@read\"", ""}}),
              HasSubstr("stage report: input @clean: stage clean is left out, and nothing stands "
                        "for it. Try: --set clean=..., or otherwise = "));
  EXPECT_EQ(error({{"otherwise = \"@read\"", ""}}, {"clean=1"}), "");
  EXPECT_THAT(error({{"otherwise = \"@read\"", "otherwise = \"@count\""}}),
              HasSubstr("stage count: input @clean: @count stands for it, which is the stage's own "
                        "output"));
  EXPECT_THAT(error({{"input = [\"@clean\"]", "input = [\"@clean.rejected\"]"}}),
              HasSubstr("stage count: input: is of stages that are left out"));
}

// What a command line sets of stages that do not run.
std::string Unused(const std::vector<std::string>& settings,
                   const std::map<std::string, std::string>& changes = {}) {
  auto loaded = LoadOptional(changes);
  if (!loaded.ok()) return std::string(Message(loaded.status()));
  for (const std::string& setting : settings) {
    const absl::Status set = SetPipelineKey(setting, &loaded->file, &loaded->stages);
    if (!set.ok()) return std::string(Message(set));
  }
  return std::string(Message(CheckSettingsAreUsed(loaded->file, loaded->stages)));
}

TEST(UnusedSettings, OfAStageThatIsLeftOutAreRefused) {
  EXPECT_EQ(Unused({"clean.reduce.tasks=4"}),
            "clean.reduce.tasks: stage clean is left out. Try: --set clean=..., or clean=false "
            "where that is meant");
  EXPECT_EQ(Unused({"clean.params.level=4", "read.limits.memory=1GiB"},
                   {{"when = \"clean\"", "when = \"cleaner\""}}),
            "clean.params.level: stage clean is left out. Try: --set cleaner=..., or cleaner=false "
            "where that is meant");
  EXPECT_NE(Unused({"clean.output=/x"}), "");
  EXPECT_NE(Unused({"clean=", "clean.reduce.tasks=4"}), "") << "of a variable that nobody has set";
  EXPECT_EQ(Unused({"clean.reduce.tasks=4", "clean=1"}), "") << "in any order";
  EXPECT_EQ(Unused({"clean=1", "clean.reduce.tasks=4", "count.reduce.tasks=2"}), "");
  EXPECT_EQ(Unused({"count.reduce.tasks=2"}), "");
  EXPECT_EQ(Unused({}), "");
}

TEST(UnusedSettings, AreNoneWhereTheCommandItselfLeavesTheStageOut) {
  EXPECT_EQ(Unused({"clean=false", "clean.reduce.tasks=4"}), "");
  EXPECT_EQ(Unused({"clean.reduce.tasks=4", "clean=False"}), "");
  // It is the default of the file, of which nobody need know.
  const std::map<std::string, std::string> off = {
      {"[[stage]]\nname = \"read\"", "[params]\nclean = false\n[[stage]]\nname = \"read\""}};
  EXPECT_THAT(Unused({"clean.reduce.tasks=4"}, off), HasSubstr("stage clean is left out"));
  EXPECT_EQ(Unused({"clean.reduce.tasks=4", "clean=false"}, off), "");
  EXPECT_EQ(Unused({"clean.reduce.tasks=4", "clean=true"}, off), "");
}

TEST(UnusedSettings, OfAParameterAreRefusedWhereOnlyStagesReadItThatAreLeftOut) {
  const std::map<std::string, std::string> level = {
      {"plugin = \"clean.so\"\nparameters = []", "plugin = \"clean.so\"\nparameters = [\"level\"]"},
      {"input = [\"@clean\"]", R"(input = ["@mask"]
[[stage]]
name = "mask"
when = "mask"
otherwise = "@clean"
plugin = "mask.so"
parameters = ["level", "kind"]
input = ["@clean"])"}};
  EXPECT_EQ(Unused({"kind=x"}, level),
            "kind: is read only by stages that are left out (mask). Try: --set mask=..., or "
            "mask=false where that is meant");
  EXPECT_EQ(
      Unused({"params.level=4"}, level),
      "level: is read only by stages that are left out (clean, mask). Try: --set clean=... or "
      "--set mask=..., or clean=false mask=false where that is meant");
  for (const char* on : {"clean=1", "mask=1", "mask=false"}) {
    EXPECT_EQ(Unused({"level=4", on}, level), "") << on;
  }
  EXPECT_NE(Unused({"kind=x", "clean=1"}, level), "");
  // What the file says stays as it is.
  auto in_file = level;
  in_file["[[stage]]\nname = \"read\""] = "[params]\nlevel = 3\n[[stage]]\nname = \"read\"";
  EXPECT_EQ(Unused({}, in_file), "");
  EXPECT_NE(Unused({"level=4"}, in_file), "");
  // A stage that does not say what it reads may read it.
  EXPECT_EQ(
      Unused({"level=4"}, {{"plugin = \"clean.so\"\nparameters = []",
                            "plugin = \"clean.so\"\nparameters = [\"level\"]"},
                           {"plugin = \"count.so\"\nparameters = []", "plugin = \"count.so\""}}),
      "");
}

TEST(UnusedSettings, OfAParameterAreRefusedWhereAllThatReadItHaveTheirOwn) {
  const auto with = [](const char* clean, const char* count) {
    return std::map<std::string, std::string>{
        {"plugin = \"clean.so\"\nparameters = []",
         fmt::format("plugin = \"clean.so\"\nparameters = [\"level\"]\nparams = {{ {} }}", clean)},
        {"plugin = \"count.so\"\nparameters = []",
         fmt::format("plugin = \"count.so\"\nparameters = [\"level\"]\nparams = {{ {} }}", count)}};
  };
  EXPECT_EQ(
      Unused({"level=4"}, with("level = 1", "level = 2")),
      "level: every stage that reads it has a value of its own. Try: --set clean.level=... or "
      "--set count.level=...");
  EXPECT_EQ(Unused({"level=4"}, with("level = 1", "")), "") << "count reads it";
  EXPECT_EQ(
      Unused({"level=4", "count.level=5"}, with("level = 1", "")),
      "level: every stage that reads it has a value of its own. Try: --set clean.level=... or "
      "--set count.level=...");
  // The switch alone would not help, where the stage behind it has its own.
  EXPECT_THAT(Unused({"level=4"}, with("", "level = 2")), HasSubstr("stages that are left out"));
  EXPECT_EQ(Unused({"level=4", "clean=1"}, with("", "level = 2")), "");
  EXPECT_EQ(Unused({"count.level=4"}, with("level = 1", "level = 2")), "");
}

}  // namespace
}  // namespace quern::mr
