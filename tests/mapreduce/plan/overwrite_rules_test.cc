#include "mapreduce/plan/overwrite_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "mapreduce/engine/manifest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

std::string ManifestOf(const std::vector<std::string>& parts) {
  Manifest manifest;
  manifest.job_id = "job-20261122-0001";
  for (const std::string& part : parts) manifest.parts.push_back({.name = part});
  return FormatManifest(manifest);
}

TEST(CheckReplaceable, OnlyWhatTheManifestOfAJobAccountsFor) {
  struct Case {
    const char* what;
    ExistingOutput existing;
    const char* refused;  // null: may be replaced
  };
  const std::string manifest = ManifestOf({"part-r-00000", "part-r-00001"});
  const std::vector<Case> cases = {
      {"an empty directory", {.is_directory = true}, nullptr},
      {"the output of a job",
       {true, {"_MANIFEST.json", "_SUCCESS", "part-r-00000", "part-r-00001"}, manifest},
       nullptr},
      {"what is left of one", {true, {"_MANIFEST.json", "part-r-00000"}, manifest}, nullptr},
      {"a file", {.is_directory = false}, "is a file"},
      {"a directory of somebody's", {true, {"a", "precious"}, ""}, "a in it"},
      {"parts without a manifest", {true, {"_SUCCESS", "part-r-00000"}, ""}, "_SUCCESS in it"},
      {"a file beside the output",
       {true, {"_MANIFEST.json", "_SUCCESS", "notes.txt", "part-r-00000"}, manifest},
       "notes.txt in it"},
      {"a manifest that is none", {true, {"_MANIFEST.json"}, "{\"parts\": 3"}, "_MANIFEST.json"},
      {"a manifest of something else", {true, {"_MANIFEST.json"}, "{\"a\": 1}"}, "_MANIFEST.json"},
      {"an empty manifest", {true, {"_MANIFEST.json"}, ""}, "_MANIFEST.json"},
  };
  for (const Case& c : cases) {
    const absl::Status status =
        CheckReplaceable("/out", [&](const std::string&) { return c.existing; }).status();
    if (c.refused == nullptr) {
      EXPECT_OK(status) << c.what;
    } else {
      EXPECT_THAT(status, StatusIs(kRefused, HasSubstr(c.refused))) << c.what;
      EXPECT_THAT(std::string(Message(status)), HasSubstr("/out")) << c.what;
    }
  }
}

TEST(CheckReplaceable, LooksIntoTheDirectoriesThatAManifestLists) {
  Manifest top;
  top.job_id = "pipeline-20261122-0001";
  top.parts.push_back({.name = "part-r-00000"});
  top.skipped.push_back({.name = "_skipped/part-m-00000"});
  top.directories = {"counts", "words", "gone"};
  const std::map<std::string, ExistingOutput> good = {
      {"/out",
       {true,
        {"_MANIFEST.json", "_SUCCESS", "_skipped", "counts", "part-r-00000", "words"},
        FormatManifest(top),
        {"_skipped", "counts", "words"}}},
      {"/out/_skipped", {true, {"part-m-00000"}, ""}},
      {"/out/counts", {true, {"_MANIFEST.json", "part-r-00000"}, ManifestOf({"part-r-00000"})}},
      {"/out/words", {true, {"second"}, "", {"second"}}},
      {"/out/words/second",
       {true, {"_MANIFEST.json", "part-r-00000"}, ManifestOf({"part-r-00000"})}}};
  const auto check = [](const std::map<std::string, ExistingOutput>& tree) {
    return CheckReplaceable("/out", [&](const std::string& path) -> absl::StatusOr<ExistingOutput> {
      const auto it = tree.find(path);
      if (it == tree.end()) return NotFoundError("{}", path);
      return it->second;
    });
  };
  ASSERT_OK_AND_ASSIGN(const bool is_there, check(good));
  EXPECT_TRUE(is_there);
  ASSERT_OK_AND_ASSIGN(const bool is_nothing, check({}));
  EXPECT_FALSE(is_nothing);
  for (const std::string in :
       {"/out", "/out/_skipped", "/out/counts", "/out/words", "/out/words/second"}) {
    std::map<std::string, ExistingOutput> tree = good;
    tree[in].names.emplace_back("notes.txt");
    EXPECT_THAT(check(tree).status(), StatusIs(kRefused, HasSubstr("notes.txt"))) << in;
  }
  std::map<std::string, ExistingOutput> tree = good;
  tree["/out/counts"].directories = {"part-r-00000"};
  EXPECT_THAT(check(tree).status(), StatusIs(kRefused, HasSubstr("part-r-00000 in it")))
      << "a directory where a file was";
}

// Directories in directories, without an end and without a file.
TEST(CheckReplaceable, EndsInATreeThatDoesNot) {
  Manifest top;
  top.job_id = "pipeline-20261122-0001";
  top.directories = {"x"};
  int looks = 0;
  const auto look = [&](const std::string& path) -> absl::StatusOr<ExistingOutput> {
    ++looks;
    if (path == "/out") return ExistingOutput{true, {"x"}, FormatManifest(top), {"x"}};
    if (path.size() > 24) return ExistingOutput{true};
    return ExistingOutput{true, {"x", "y", "z"}, "", {"x", "y", "z"}};
  };
  EXPECT_THAT(CheckReplaceable("/out", look).status(), StatusIs(kRefused, HasSubstr("10000")));
  EXPECT_LE(looks, 10'001);
}

std::vector<SplitInput> Inputs(const std::vector<std::string>& paths) {
  std::vector<SplitInput> inputs(1);
  for (const std::string& path : paths) inputs[0].files.emplace_back().path = path;
  return inputs;
}

TEST(CheckNoInputBelow, TheInputAndItsNeighboursStay) {
  EXPECT_THAT(CheckNoInputBelow("/in", Inputs({"/x", "/in/a"})),
              StatusIs(kRefused, HasSubstr("holds the input /in/a")));
  EXPECT_THAT(CheckNoInputBelow("/in/a", Inputs({"/in/a"})),
              StatusIs(kRefused, HasSubstr("/in/a")));
  EXPECT_OK(CheckNoInputBelow("/in", Inputs({"/in2/a", "/other/in/a"})));
  EXPECT_OK(CheckNoInputBelow("/in/out", Inputs({"/in/a"})));
}

TEST(CheckNoSideFileBelow, ASideFileOfTheClusterStaysAsInputsDo) {
  pb::JobSpec job;
  job.add_files()->mutable_file()->set_path("/.quern/plugins/1.data");
  job.add_files()->mutable_file()->set_path("/out/part-r-00000");
  EXPECT_THAT(CheckNoSideFileBelow("/out", job),
              StatusIs(kRefused, HasSubstr("holds the side file /out/part-r-00000")));
  EXPECT_OK(CheckNoSideFileBelow("/out2", job));
}

TEST(CheckNoInputBelow, ALinkToTheInputIsTheInput) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "real");
  std::ofstream(dir / "real/a") << "x";
  std::filesystem::create_directory_symlink("real", dir / "link");
  EXPECT_THAT(CheckNoInputBelow("file://" + (dir / "real"), Inputs({"file://" + (dir / "link/a")})),
              StatusIs(kRefused, HasSubstr("link/a")));
  EXPECT_THAT(CheckNoInputBelow("file://" + (dir / "link"), Inputs({"file://" + (dir / "real/a")})),
              StatusIs(kRefused, HasSubstr("real/a")));
}

TEST(CheckOutputPath, TellsWhatMayBeReplacedFromWhatIsFree) {
  const TempDir dir;
  const auto check = [&](const std::string& below, bool overwrite) {
    return CheckOutputPath(nullptr, "file://" + dir.path() + below, overwrite);
  };
  std::ofstream(dir / "b") << "x";
  std::ofstream(dir / "_MANIFEST.json") << ManifestOf({"b"});
  ASSERT_OK_AND_ASSIGN(const bool replaces, check("", true));
  EXPECT_TRUE(replaces);
  EXPECT_THAT(check("", false), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("overwrite")));
  EXPECT_THAT(check("/b", true), StatusIs(kRefused, HasSubstr("is a file")));
  ASSERT_OK_AND_ASSIGN(const bool nothing, check("/none", false));
  EXPECT_FALSE(nothing);
  std::filesystem::create_directories(dir / "top");
  EXPECT_THAT(check("", true), StatusIs(kRefused, HasSubstr("top in it")));
  Manifest with_top;
  with_top.job_id = "pipeline-local";
  with_top.parts.push_back({.name = "b"});
  with_top.directories = {"top"};
  std::ofstream(dir / "_MANIFEST.json") << FormatManifest(with_top);
  EXPECT_OK(check("", true));
  std::ofstream(dir / "top/mine") << "x";
  EXPECT_THAT(check("", true), StatusIs(kRefused, HasSubstr("mine")));
  std::filesystem::remove(dir / "top/mine");
  std::ofstream(dir / "mine") << "x";
  EXPECT_THAT(check("", true), StatusIs(kRefused, HasSubstr("mine")));
}

}  // namespace
}  // namespace quern::mr
