// What jobs leave in a real cluster besides their main output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

class JobOutputs : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
  }
  void Put(const std::string& path, const std::string& text) {
    ASSERT_EQ(cluster_->Dfs({"put", "-", path}, {.stdin_text = text}).exit_code, 0);
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

}  // namespace
}  // namespace quern::testing
