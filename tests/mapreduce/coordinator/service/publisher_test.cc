// Publishing with a coordinator that dies at every single step.
#include "mapreduce/coordinator/service/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "common/mutex.h"

namespace quern::mr {
namespace {

// A tree of files as a map from paths to contents; directories end with '/'. After `calls_left` calls
// every further one fails, half of the time after having done its work.
class FakeFiles final : public PublishFiles {
 public:
  // What the chosen attempts of a job have written.
  explicit FakeFiles(const PublishPlan& plan) {
    for (const auto& part : plan.parts) tree[part.source] = "of " + part.part.name;
  }

  std::map<std::string, std::string> tree;
  int calls_left = 1'000'000;
  bool fails_after_doing = false;

  absl::Status Mkdirs(const std::string& path) override {
    return Do([&] {
      tree[path + "/"];
      return absl::OkStatus();
    });
  }
  absl::Status Rename(const std::string& from, const std::string& to, bool replace) override {
    return Do([&] { return RenameNow(from, to, replace); });
  }
  absl::Status WriteFile(const std::string& path, const std::string& contents) override {
    return Do([&] {
      tree[path] = contents;
      return absl::OkStatus();
    });
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path) override {
    MutexLock lock(&mutex_);
    const auto it = tree.find(path);
    if (it == tree.end()) return NotFoundError("{}", path);
    return it->second;
  }
  absl::Status Stat(const std::string& path) override {
    MutexLock lock(&mutex_);
    if (tree.contains(path) || tree.contains(path + "/")) return absl::OkStatus();
    return NotFoundError("{}", path);
  }
  absl::Status DeleteTree(const std::string& path) override {
    return Do([&] {
      std::erase_if(tree, [&](const auto& e) { return e.first.starts_with(path + "/"); });
      return absl::OkStatus();
    });
  }
  absl::Status SetOwner(const std::string&, const std::string&) override {
    return Do([] { return absl::OkStatus(); });
  }

 private:
  template <typename Action>
  absl::Status Do(Action action) {
    MutexLock lock(&mutex_);
    const bool dead = calls_left-- <= 0;
    if (dead && !fails_after_doing) return CancelledError("dead");
    absl::Status status = action();
    if (dead) fails_after_doing = false;  // one last step, then really dead
    return dead ? CancelledError("dead") : status;
  }
  absl::Status RenameNow(const std::string& from, const std::string& to, bool replace) {
    const bool is_dir = tree.contains(from + "/");
    if (!is_dir && !tree.contains(from)) return NotFoundError("{}", from);
    if (tree.contains(to) || tree.contains(to + "/")) {
      if (!replace) return AlreadyExistsError("{}", to);
      std::erase_if(tree, [&](const auto& e) { return e.first.starts_with(to + "/"); });
    }
    std::map<std::string, std::string> renamed;
    for (const auto& [path, contents] : tree) {
      const bool moves = path == from || path.starts_with(from + "/");
      renamed[moves ? to + path.substr(from.size()) : path] = contents;
    }
    tree = renamed;
    return absl::OkStatus();
  }

  Mutex mutex_;
};

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


void ExpectPublished(const FakeFiles& files, const PublishPlan& plan) {
  for (const auto& part : plan.parts) {
    const auto it = files.tree.find("/deep/out/" + part.part.name);
    ASSERT_NE(it, files.tree.end()) << part.part.name;
    EXPECT_EQ(it->second, "of " + part.part.name);
  }
  EXPECT_TRUE(files.tree.contains("/deep/out/_SUCCESS"));
  EXPECT_TRUE(files.tree.contains("/deep/out/_MANIFEST.json"));
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
      EXPECT_EQ(files.tree.contains("/deep/out/"), files.tree.contains("/deep/out/part-r-00002"));
      files.calls_left = 1'000'000;
      const absl::Status second = first.ok() ? first : Publish(plan, &files);
      EXPECT_TRUE(second.ok()) << second << " after " << calls << " calls";
      ExpectPublished(files, plan);
    }
  }
}

TEST(Publisher, NeverReplacesWhatSomebodyElseMadeMeanwhile) {
  const PublishPlan plan = Plan(1);
  FakeFiles files(plan);
  files.tree["/deep/out/"];
  files.tree["/deep/out/theirs"] = "x";
  EXPECT_EQ(Publish(plan, &files).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(files.tree.contains("/deep/out/theirs"));
}

TEST(Publisher, ReplacesTheOldOutputWhenToldTo) {
  PublishPlan plan = Plan(1);
  plan.overwrite = true;
  FakeFiles files(plan);
  files.tree["/deep/out/"];
  files.tree["/deep/out/part-r-00007"] = "old";
  const absl::Status status = Publish(plan, &files);
  EXPECT_TRUE(status.ok()) << status;
  ExpectPublished(files, plan);
  EXPECT_FALSE(files.tree.contains("/deep/out/part-r-00007"));
}

TEST(Publisher, SaysWhichPartIsGone) {
  const PublishPlan plan = Plan(2);
  FakeFiles files(plan);
  files.tree.erase(plan.parts[1].source);
  const absl::Status status = Publish(plan, &files);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(status)), testing::HasSubstr("part-r-00001"));
  EXPECT_FALSE(files.tree.contains("/deep/out/"));
}

}  // namespace
}  // namespace quern::mr
