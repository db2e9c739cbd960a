// Publishing with a coordinator that dies at every single step.
#include "mapreduce/coordinator/service/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

// The main output, and one named output that only the first task has written to.
PublishPlan Plan(int parts) {
  PublishPlan plan;
  plan.job_dir = "/.quern/jobs/job-1";
  plan.user = "ada";
  plan.manifest.job_id = "job-1";
  PublishedOutput& main = plan.outputs.emplace_back();
  main.path = "/deep/out";
  for (int i = 0; i < parts; ++i) {
    main.files.push_back({fmt::format("{}/r-{}.0-1/part", plan.job_dir, i),
                          {fmt::format("part-r-{:05}", i), 3, 1, 0}});
  }
  main.skipped.push_back(
      {plan.job_dir + "/m-0.0-_skipped/part", {"_skipped/part-m-00000", 3, 1, 0}});
  plan.outputs.push_back({"bad", "/other/bad"});
  plan.outputs[1].files.push_back({plan.job_dir + "/m-0.0-bad/part", {"part-m-00000", 3, 1, 0}});
  plan.outputs.push_back({"none", "/deep/none"});
  return plan;
}

void ExpectPublished(FakeFiles* files, const PublishPlan& plan) {
  for (const PublishedOutput& output : plan.outputs) {
    std::vector<PublishedFile> all = output.files;
    all.insert(all.end(), output.skipped.begin(), output.skipped.end());
    for (const PublishedFile& file : all) {
      const auto contents = files->ReadFile(output.path + "/" + file.part.name);
      ASSERT_TRUE(contents.ok()) << contents.status();
      EXPECT_EQ(*contents, "of " + file.part.name);
    }
    EXPECT_TRUE(files->Has(output.path + "/_SUCCESS"));
    EXPECT_TRUE(files->Has(output.path + "/_MANIFEST.json"));
  }
}

TEST(Publisher, ComesToTheSameEndWhereverItDied) {
  const PublishPlan plan = Plan(3);
  for (const bool after : {false, true}) {
    for (int calls = 0; calls < 50; ++calls) {
      FakeFiles files(plan);
      files.calls_left = calls;
      files.fails_after_doing = after;
      const absl::Status first = Publish(plan, &files);
      // All or nothing is to be seen.
      EXPECT_EQ(files.Has("/deep/out/"), files.Has("/deep/out/part-r-00002"));
      EXPECT_EQ(files.Has("/deep/out/"), files.Has("/other/bad/"));
      EXPECT_EQ(files.Has("/deep/out/"), files.Has("/deep/none/"));
      files.calls_left = 1'000'000;
      const absl::Status second = first.ok() ? first : Publish(plan, &files);
      EXPECT_TRUE(second.ok()) << second << " after " << calls << " calls";
      ExpectPublished(&files, plan);
    }
  }
}

TEST(Publisher, WithdrawsAllOrNothingWhereverItDied) {
  const PublishPlan plan = Plan(3);
  for (const bool after : {false, true}) {
    for (int calls = 0; calls < 50; ++calls) {
      FakeFiles files(plan);
      files.calls_left = calls;
      files.fails_after_doing = after;
      const bool done = Publish(plan, &files).ok();
      const bool appeared = files.Has("/deep/out/");
      files.calls_left = 1'000'000;
      for (int again = 0; again < 2; ++again) {
        const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
        ASSERT_TRUE(withdrawn.ok()) << withdrawn.status() << " after " << calls << " calls";
        EXPECT_EQ(*withdrawn, !appeared) << calls;
      }
      EXPECT_TRUE(appeared || !done);
      if (appeared) {
        ExpectPublished(&files, plan);
      } else {
        EXPECT_FALSE(files.Has("/deep/out/") || files.Has("/other/bad/")) << calls;
        // A change that was on its way.
        const PublishFiles::Moves late = files.last_moves;
        EXPECT_TRUE(late.empty() || !files.RenameAll(late, false).ok()) << calls;
      }
    }
  }
}

TEST(Publisher, DoesNotWithdrawWhatIsKeptBeside) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
  EXPECT_EQ(withdrawn.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(files.Has("/deep/out.job-1/part-r-00000"));
}

// By a job whose id a coordinator that has lost its journal has given out again.
TEST(Publisher, AnotherJobOfTheSameIdHasNotMadeWhatIsWithdrawn) {
  PublishPlan plan = Plan(3);
  plan.overwrite = true;
  for (int calls = 0; calls < 20; ++calls) {
    FakeFiles files(plan);
    AddJobOutput(&files, "/deep/out", "job-1", "old");
    files.refusal = ResourceExhaustedError("no room");
    files.calls_left = calls;
    EXPECT_FALSE(Publish(plan, &files).ok());
    files.calls_left = 1'000'000;
    for (int again = 0; again < 2; ++again) {
      const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
      ASSERT_TRUE(withdrawn.ok()) << withdrawn.status() << " after " << calls << " calls";
      EXPECT_TRUE(*withdrawn) << calls;
    }
    EXPECT_EQ(*files.ReadFile("/deep/out/part"), "old");
  }
}

// Where nothing lies at its paths, the places of its files say nothing more.
TEST(Publisher, WithdrawsWithoutAQuestionForEachFile) {
  const PublishPlan plan = Plan(3);
  FakeFiles files(plan);
  int questions = 0;
  files.before_stat = [&](const std::string& path) {
    if (path.find("part") != std::string::npos) ++questions;
  };
  EXPECT_TRUE(Withdraw(plan, &files).value_or(false));
  EXPECT_EQ(questions, 0);
}

// Somebody else's, as the job's own files still wait.
TEST(Publisher, WhatLiesAtItsPathAndCannotBeReadDoesNotKeepItFromBeingWithdrawn) {
  const PublishPlan plan = Plan(1);
  for (const std::string path : {"/deep/out", "/deep/out.job-1"}) {
    FakeFiles files(plan);
    AddJobOutput(&files, path, "job-1", "old");
    files.damaged = fmt::format("{}/{}", path, kManifestName);
    const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
    ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
    EXPECT_TRUE(*withdrawn);
  }
}

// By a coordinator of a version that left no mark, and that has not heard of it.
void PublishUnmarked(const PublishPlan& plan, FakeFiles* files) {
  files->lost_answers = 1;
  EXPECT_EQ(Publish(plan, files).code(), absl::StatusCode::kUnavailable);
  const std::string mark = plan.job_dir + "/.appeared/";
  ASSERT_TRUE(files->Has(mark));
  files->Remove(mark);
}

TEST(Publisher, WhatHasAppearedIsNotWithdrawnAfterATryThatFoundNothingToMove) {
  const PublishPlan plan = Plan(2);
  FakeFiles files(plan);
  PublishUnmarked(plan, &files);
  files.unreachable_reads = 1;
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(files.Has(plan.job_dir + "/output/")) << "made anew";
  const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
  EXPECT_FALSE(*withdrawn);
  ExpectPublished(&files, plan);
}

TEST(Publisher, WhatHasAppearedAndCannotBeReadIsNotCalledWithdrawn) {
  const PublishPlan plan = Plan(1);
  for (const bool is_marked : {true, false}) {
    FakeFiles files(plan);
    if (is_marked) {
      files.lost_answers = 1;
      EXPECT_FALSE(Publish(plan, &files).ok());
    } else {
      PublishUnmarked(plan, &files);
    }
    files.damaged = fmt::format("/deep/out/{}", kManifestName);
    const absl::StatusOr<bool> withdrawn = Withdraw(plan, &files);
    EXPECT_EQ(withdrawn.status().code(),
              is_marked ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss);
    EXPECT_FALSE(withdrawn.value_or(false));
  }
}

TEST(Publisher, WhatAnEarlierVersionHasMadeAppearHasAppeared) {
  const PublishPlan plan = Plan(2);
  FakeFiles files(plan);
  PublishUnmarked(plan, &files);
  const absl::Status again = Publish(plan, &files);
  EXPECT_TRUE(again.ok()) << again;
  ExpectPublished(&files, plan);
}

// A job that has chosen none: nothing has left its place, and the paths are taken by itself.
PublishPlan PlanWithoutFiles() {
  PublishPlan plan = Plan(0);
  plan.outputs[0].skipped.clear();
  plan.outputs[1].files.clear();
  return plan;
}

TEST(Publisher, WithoutAnyFileWhatAnEarlierVersionHasMadeAppearHasAppeared) {
  const PublishPlan plan = PlanWithoutFiles();
  FakeFiles files(plan);
  PublishUnmarked(plan, &files);
  files.unreachable_reads = 1;
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kUnavailable);
  const absl::Status again = Publish(plan, &files);
  EXPECT_TRUE(again.ok()) << again;
  ExpectPublished(&files, plan);
  EXPECT_FALSE(files.Has("/deep/out.job-1/"));
}

TEST(Publisher, WithoutAnyFileWhatAnEarlierVersionHasKeptBesideLiesThere) {
  const PublishPlan plan = PlanWithoutFiles();
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  const std::string mark = plan.job_dir + "/.beside/";
  ASSERT_TRUE(files.Has(mark));
  files.Remove(mark);
  const absl::Status again = Publish(plan, &files);
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(again)),
              testing::HasSubstr("what the job has made is at /deep/out.job-1"));
}

// One of the outputs is not as empty.
TEST(Publisher, WithoutAnyFileOutputsOfAnotherJobOfTheSameIdAreReplaced) {
  PublishPlan plan = PlanWithoutFiles();
  plan.overwrite = true;
  FakeFiles files(plan);
  ASSERT_TRUE(Publish(plan, &files).ok());
  ASSERT_TRUE(files.DeleteTree(plan.job_dir).ok());
  AddJobOutput(&files, "/deep/none", "job-1", "old");
  EXPECT_TRUE(Publish(plan, &files).ok());
  ExpectPublished(&files, plan);
  EXPECT_FALSE(files.Has("/deep/none/part"));
}

// By a job whose id a coordinator that has lost its journal has given out again; what the new one
// has made is gone, before or after it was tried.
TEST(Publisher, AnotherJobOfTheSameIdHasNotMadeWhatIsPublished) {
  PublishPlan plan = Plan(1);
  plan.overwrite = true;
  for (const bool was_tried : {false, true}) {
    FakeFiles files(plan);
    AddJobOutput(&files, "/deep/out", "job-1", "old");
    files.refusal = UnavailableError("nobody answers");
    EXPECT_FALSE(was_tried && Publish(plan, &files).ok());
    files.refusal = absl::OkStatus();
    ASSERT_TRUE(files.DeleteTree(plan.job_dir + "/output").ok());
    ASSERT_TRUE(files.DeleteTree(plan.job_dir + "/output-bad").ok());
    for (const PublishedOutput& output : plan.outputs) {
      for (const auto* list : {&output.files, &output.skipped}) {
        for (const PublishedFile& file : *list) files.Remove(file.source);
      }
    }
    EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kNotFound) << was_tried;
    EXPECT_EQ(*files.ReadFile("/deep/out/part"), "old");
  }
}

TEST(Publisher, AnotherJobOfTheSameIdHasNotMadeWhatLiesBeside) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  AddJobOutput(&files, "/deep/out.job-1", "job-1", "old");
  const absl::Status taken = Publish(plan, &files);
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(Message(taken)), testing::Not(testing::HasSubstr("has made is at")));
  EXPECT_EQ(*files.ReadFile("/deep/out.job-1/part"), "old");
}

TEST(Publisher, NeverReplacesWhatSomebodyElseMadeMeanwhile) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add("/deep/out/", "");
  files.Add("/deep/out/theirs", "x");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(files.Has("/deep/out/theirs"));
  EXPECT_TRUE(files.Has("/deep/out.job-1/part-r-00000")) << "it has cost much";
}

TEST(Publisher, ShowsNoOutputWhenOneOfThemIsTaken) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add("/deep/none/", "");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(files.Has("/deep/out/"));
  EXPECT_FALSE(files.Has("/other/bad/"));
}

TEST(Publisher, ReplacesTheOldOutputWhenToldTo) {
  PublishPlan plan = Plan(1);
  plan.overwrite = true;
  FakeFiles files(plan);
  AddJobOutput(&files, "/deep/out", "job-0", "old");
  const absl::Status status = Publish(plan, &files);
  EXPECT_TRUE(status.ok()) << status;
  ExpectPublished(&files, plan);
  EXPECT_FALSE(files.Has("/deep/out/part"));
}

// It came there after the job had been submitted; wherever the coordinator dies.
TEST(Publisher, ReplacesNothingThatIsNoOutputOfAJob) {
  PublishPlan plan = Plan(2);
  plan.overwrite = true;
  for (const std::string theirs : {"/deep/out/theirs", "/other/bad", "/deep/none/sub/theirs"}) {
    for (int calls = 0; calls < 50; ++calls) {
      FakeFiles files(plan);
      AddJobOutput(&files, "/deep/out", "job-0", "old");
      AddJobOutput(&files, "/deep/none", "pipeline-1", "old", {"sub"});
      files.Add(theirs, "precious");
      files.calls_left = calls;
      files.fails_after_doing = calls % 2 == 1;
      const absl::Status first = Publish(plan, &files);
      const bool died = files.calls_left <= 0;
      files.calls_left = 1'000'000;
      const absl::Status second = died ? Publish(plan, &files) : first;
      EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition) << second;
      EXPECT_THAT(std::string(Message(second)),
                  testing::HasSubstr("what the job has made is at /deep/out.job-1"));
      EXPECT_EQ(*files.ReadFile(theirs), "precious");
      EXPECT_TRUE(files.Has("/deep/out/part")) << "one of them is refused, all stay";
      PublishPlan beside = plan;
      for (PublishedOutput& output : beside.outputs) output.path += ".job-1";
      ExpectPublished(&files, beside);
    }
  }
}

// Nobody has had an answer to the first try.
TEST(Publisher, AChangeThatIsStillOnItsWayHasNoEffectOnceTheJobHasFailed) {
  for (const bool overwrite : {false, true}) {
    PublishPlan plan = Plan(2);
    plan.overwrite = overwrite;
    FakeFiles files(plan);
    files.refusal = UnavailableError("nobody answers");
    EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kUnavailable);
    const PublishFiles::Moves late = files.last_moves;
    files.refusal = InvalidArgumentError("too many");
    EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kInvalidArgument);
    files.refusal = absl::OkStatus();
    EXPECT_FALSE(files.RenameAll(late, overwrite).ok());
    EXPECT_FALSE(files.Has("/deep/out/") || files.Has("/other/bad/"));
    EXPECT_TRUE(files.Has(plan.job_dir + "/output/part-r-00000")) << "it can be tried again";
    EXPECT_TRUE(Publish(plan, &files).ok());
    ExpectPublished(&files, plan);
  }
}

TEST(Publisher, HasNotFailedBeforeEarlierTriesCanHaveNoEffect) {
  PublishPlan plan = Plan(0);
  plan.outputs.erase(plan.outputs.begin() + 1, plan.outputs.end());
  plan.outputs[0].skipped.clear();
  FakeFiles files(plan);
  files.refusal = InvalidArgumentError("too many");
  files.unreachable_moves = 1;  // of the mark: there is nothing else
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Publisher, SaysWhichPartIsGone) {
  const PublishPlan plan = Plan(2);
  FakeFiles files(plan);
  files.Remove(plan.outputs[0].files[1].source);
  const absl::Status status = Publish(plan, &files);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(status)), testing::HasSubstr("part-r-00001"));
  EXPECT_FALSE(files.Has("/deep/out/"));
}

TEST(Publisher, WhatCannotBeReadIsAskedForAgain) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  ASSERT_TRUE(Publish(plan, &files).ok());
  // It is done, but the answer was lost.
  files.unreachable_stats = 1;
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Publish(plan, &files).ok());
}

TEST(Publisher, WhatAnUnreadableManifestMeansIsSaidByWhoAsks) {
  FakeFiles files;
  AddJobOutput(&files, "/out", "job-1", "");
  for (const Unreadable unreadable : {Unreadable::kSomebodyElses, Unreadable::kError}) {
    files.damaged = "";
    EXPECT_TRUE(*IsMadeBy("/out", "job-1", unreadable, &files));
    EXPECT_FALSE(*IsMadeBy("/out", "job-2", unreadable, &files));
    EXPECT_FALSE(*IsMadeBy("/none", "job-1", unreadable, &files));
    files.unreachable_reads = 1;
    EXPECT_EQ(IsMadeBy("/out", "job-1", unreadable, &files).status().code(),
              absl::StatusCode::kUnavailable);
    files.damaged = fmt::format("/out/{}", kManifestName);
    const absl::StatusOr<bool> is_made = IsMadeBy("/out", "job-1", unreadable, &files);
    EXPECT_EQ(is_made.status().code(), unreadable == Unreadable::kError
                                           ? absl::StatusCode::kDataLoss
                                           : absl::StatusCode::kOk);
    EXPECT_FALSE(is_made.value_or(false));
  }
}

// Somebody's directory with a manifest that is not ours.
TEST(Publisher, AManifestOfAnyKindIsNoReasonToEnd) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.Add(plan.outputs[0].path + "/", "");
  files.Add(fmt::format("{}/{}", plan.outputs[0].path, kManifestName), R"({"job_id": 3})");
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace quern::mr
