// What `mr explain` finds and says, of files of this machine.
#include "mapreduce/cli/job_explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "quern/mr/v1/pipelines.pb.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Matcher;
using ::testing::Not;

class JobExplainerTest : public ::testing::Test {
 protected:
  JobExplainerTest() {
    plugin_.classes = {{ClassKind::kMapper, "Words"}, {ClassKind::kReducer, "Sum"}};
    for (const char* name : {"a", "b"}) std::ofstream(dir_ / name) << std::string(1000, 'x');
    client::ClientOptions options;
    options.masters = {"127.0.0.1:1"};  // asked nothing
    dfs_ = client::FileSystem::Create(options);
  }
  pb::JobSpec Spec() {
    pb::JobSpec spec;
    spec.set_name("lengths");
    spec.add_inputs()->set_path("file://" + dir_ / "[ab]");
    spec.mutable_output()->set_path("file://" + dir_ / "out");
    spec.mutable_limits()->set_split_bytes(500);
    spec.mutable_limits()->set_deterministic(true);
    (*spec.mutable_params())["stop"] = "a,the";
    return spec;
  }
  JobExplanation Explain(const pb::JobSpec& spec) {
    return JobExplainer(dfs_.get(), /*slots=*/4, /*local=*/true).Explain(spec, plugin_);
  }

  const TempDir dir_;
  PluginInfo plugin_;
  std::unique_ptr<client::FileSystem> dfs_;
};

TEST_F(JobExplainerTest, CountsFilesBytesSplitsAndReduces) {
  JobExplanation plan = Explain(Spec());
  plan.parameters = {"stop", "other"};
  EXPECT_THAT(plan.problems, ElementsAre());
  EXPECT_EQ(plan.splits.size(), 4u);
  EXPECT_EQ(plan.bytes(), 2000u);
  const std::string text = ExplanationText(plan, 3);
  EXPECT_THAT(text, HasSubstr("job lengths: 4 map tasks over 2 KiB\n"));
  EXPECT_THAT(text, HasSubstr("text, 2 files, 2 KiB, 4 splits, mapper Words\n"));
  EXPECT_THAT(text, HasSubstr("1 task, class Sum, partitioner hash\n"));
  EXPECT_THAT(text, HasSubstr("stop = a,the\n"));
  EXPECT_THAT(text, HasSubstr("other: not set, its class has a default\n"));
  EXPECT_THAT(text, HasSubstr("... and 1 more. Try: --splits\n"));
  EXPECT_THAT(text, Not(HasSubstr("PROBLEM")));
  const std::string json = ExplanationJson(plan).ToString();
  EXPECT_THAT(json, HasSubstr(R"("job":"lengths","maps":4,"bytes":2000,"reduces":1)"));
  EXPECT_THAT(json, HasSubstr(R"("problems":[])"));
}

TEST_F(JobExplainerTest, CountsTheFilesOfEachFormat) {
  for (const char* name : {"c.jsonl", "d.jsonl.gz"}) std::ofstream(dir_ / name) << "{}";
  pb::JobSpec spec = Spec();
  spec.mutable_inputs(0)->set_path("file://" + dir_.path());
  spec.mutable_inputs(0)->set_format("mixed");
  spec.mutable_limits()->set_split_bytes(64 << 20);
  const JobExplanation plan = Explain(spec);
  EXPECT_THAT(ExplanationText(plan, 0), HasSubstr("mixed (jsonl 2, whole 2), 4 files, "));
  EXPECT_THAT(ExplanationJson(plan).ToString(), HasSubstr(R"("files_of":{"jsonl":2,"whole":2})"));
  EXPECT_EQ(plan.splits.size(), 2u) << "files of two formats are in no split together";
}

TEST_F(JobExplainerTest, SaysAllThatWouldStopItAtOnce) {
  pb::JobSpec spec = Spec();
  spec.mutable_inputs(0)->set_mapper("Wrods");
  spec.add_inputs()->set_path("file:///there/is/none");
  spec.mutable_output()->set_path("file://" + dir_.path());
  const JobExplanation plan = Explain(spec);
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("Wrods"), HasSubstr("/there/is/none"),
                                         HasSubstr("exists already. Try: --overwrite")));
  EXPECT_THAT(ExplanationText(plan, 0), HasSubstr("PROBLEM    "));
  spec.mutable_output()->set_overwrite(true);
  EXPECT_THAT(Explain(spec).problems.at(2), HasSubstr("output of a job"));
}

TEST_F(JobExplainerTest, LooksAtSideFilesWithoutReadingThem) {
  const std::string large = dir_ / "large";
  std::ofstream(large) << "x";
  std::filesystem::resize_file(large, (uint64_t{1} << 30) + 1);
  pb::JobSpec spec = Spec();
  for (const std::string& path : {large, dir_ / "none", dir_ / "none either"}) {
    spec.add_files()->mutable_file()->set_path("file://" + path);
    spec.mutable_files(spec.files_size() - 1)->set_name("n" + std::to_string(spec.files_size()));
  }
  const Matcher<std::string> gone = AllOf(HasSubstr("files: "), HasSubstr("/none: no such file"));
  const Matcher<std::string> gone_too =
      AllOf(HasSubstr("files: "), HasSubstr("/none either: no such file"));
  const Matcher<std::string> limit =
      AllOf(HasSubstr("files: "), HasSubstr("/large: has"), HasSubstr("limit"));
  EXPECT_THAT(Explain(spec).problems, ElementsAre(gone, gone_too)) << "used where they lie";
  JobExplainer in_cluster(dfs_.get(), /*slots=*/4, /*local=*/false);
  EXPECT_THAT(in_cluster.Explain(spec, plugin_).problems, IsSupersetOf({gone, gone_too, limit}));
  pb::PipelineStage stage;
  stage.set_name("count");
  *stage.mutable_job() = spec;
  EXPECT_THAT(in_cluster.ExplainStage(stage, plugin_).problems,
              IsSupersetOf({gone, gone_too, limit}));
}

TEST_F(JobExplainerTest, OfAStageThatReadsAnotherTheSizeIsNotKnown) {
  pb::PipelineStage stage;
  stage.set_name("top");
  *stage.mutable_job() = Spec();
  stage.mutable_job()->mutable_output()->clear_path();
  stage.mutable_job()->mutable_inputs(0)->set_path("@count");
  stage.mutable_repeat()->set_max(7);
  JobExplainer explainer(dfs_.get(), 4, true);
  const std::string text = ExplanationText(explainer.ExplainStage(stage, plugin_), 5);
  EXPECT_THAT(text, HasSubstr("stage top, up to 7 rounds\n"));
  EXPECT_THAT(text, HasSubstr("@count  text, what that stage writes, mapper Words\n"));
  EXPECT_THAT(text, HasSubstr("as many tasks as the size of its input then calls for"));
  EXPECT_THAT(text, HasSubstr("(between stages only)"));
  EXPECT_THAT(text, HasSubstr(", replication 2 at most\n"));
  stage.mutable_job()->mutable_output()->set_path("/out");
  EXPECT_THAT(ExplanationText(explainer.ExplainStage(stage, plugin_), 5),
              HasSubstr(", replication of the cluster\n"));
}

}  // namespace
}  // namespace quern::mr
