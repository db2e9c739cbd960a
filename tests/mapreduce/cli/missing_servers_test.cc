#include "mapreduce/cli/missing_servers.h"

#include <gtest/gtest.h>

#include <string>

namespace quern::mr {
namespace {

void SetCopies(const std::string& path, uint32_t copies, pb::JobSpec::Output* output) {
  output->set_path(path);
  output->set_replication(copies);
}

TEST(MostCopies, CountsOutputsInTheClusterAlone) {
  pb::JobSpec job;
  job.mutable_output()->set_path("/out");
  EXPECT_EQ(MostCopies(job), 0u) << "as many as the cluster gives";
  job.mutable_output()->set_replication(2);
  EXPECT_EQ(MostCopies(job), 2u);
  SetCopies("/other", 5, job.add_outputs()->mutable_output());
  SetCopies("file:///here", 7, job.add_outputs()->mutable_output());
  EXPECT_EQ(MostCopies(job), 5u);
}

TEST(MostCopies, OfAPipelineAreThoseOfWhatItPublishes) {
  pb::PipelineSpec spec;
  spec.set_output_path("/out");
  SetCopies("", 9, spec.add_stages()->mutable_job()->mutable_output());
  SetCopies("counts", 4, spec.add_stages()->mutable_job()->mutable_output());
  SetCopies("/beside", 3, spec.add_stages()->mutable_job()->mutable_output());
  EXPECT_EQ(MostCopies(spec), 4u);
  spec.set_output_path("file:///out");
  EXPECT_EQ(MostCopies(spec), 3u) << "the counts go to this machine";
}

}  // namespace
}  // namespace quern::mr
