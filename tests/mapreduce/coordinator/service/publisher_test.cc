// Publishing with a coordinator that dies at every single step.
#include "mapreduce/coordinator/service/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

PublishPlan Plan(int parts) {
  PublishPlan plan;
  plan.job_dir = "/.quern/jobs/job-1";
  plan.user = "ada";
  plan.output_path = "/deep/out";
  plan.manifest.job_id = "job-1";
  for (int i = 0; i < parts; ++i) {
    plan.parts.push_back({fmt::format("{}/r-{}.0-1/part", plan.job_dir, i),
                          {fmt::format("part-r-{:05}", i), 3, 1, 0}});
  }
  return plan;
}

void ExpectPublished(FakeFiles* files, const PublishPlan& plan) {
  for (const auto& part : plan.parts) {
    const auto contents = files->ReadFile("/deep/out/" + part.part.name);
    ASSERT_TRUE(contents.ok()) << contents.status();
    EXPECT_EQ(*contents, "of " + part.part.name);
  }
  EXPECT_TRUE(files->Has("/deep/out/_SUCCESS"));
  EXPECT_TRUE(files->Has("/deep/out/_MANIFEST.json"));
}

TEST(Publisher, ComesToTheSameEndWhereverItDied) {
  const PublishPlan plan = Plan(3);
  for (const bool after : {false, true}) {
    for (int calls = 0; calls < 30; ++calls) {
      FakeFiles files(plan);
      files.calls_left = calls;
      files.fails_after_doing = after;
      const absl::Status first = Publish(plan, &files);
      // All or nothing is to be seen.
      EXPECT_EQ(files.Has("/deep/out/"), files.Has("/deep/out/part-r-00002"));
      files.calls_left = 1'000'000;
      const absl::Status second = first.ok() ? first : Publish(plan, &files);
      EXPECT_TRUE(second.ok()) << second << " after " << calls << " calls";
      ExpectPublished(&files, plan);
    }
  }
}

TEST(Publisher, NeverReplacesWhatSomebodyElseMadeMeanwhile) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  files.Add("/deep/out/theirs", "x");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(files.Has("/deep/out/theirs"));
}

TEST(Publisher, ReplacesTheOldOutputWhenToldTo) {
  PublishPlan plan = Plan(1);
  plan.overwrite = true;
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  files.Add("/deep/out/part-r-00007", "old");
  const absl::Status status = Publish(plan, &files);
  EXPECT_TRUE(status.ok()) << status;
  ExpectPublished(&files, plan);
  EXPECT_FALSE(files.Has("/deep/out/part-r-00007"));
}

TEST(Publisher, SaysWhichPartIsGone) {
  const PublishPlan plan = Plan(2);
  FakeFiles files(plan);
  files.Remove(plan.parts[1].source);
  const absl::Status status = Publish(plan, &files);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(status)), testing::HasSubstr("part-r-00001"));
  EXPECT_FALSE(files.Has("/deep/out/"));
}

}  // namespace
}  // namespace quern::mr
