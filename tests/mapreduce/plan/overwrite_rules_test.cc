#include "mapreduce/plan/overwrite_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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
    const absl::Status status = CheckReplaceable("/out", c.existing);
    if (c.refused == nullptr) {
      EXPECT_OK(status) << c.what;
    } else {
      EXPECT_THAT(status, StatusIs(kRefused, HasSubstr(c.refused))) << c.what;
      EXPECT_THAT(std::string(Message(status)), HasSubstr("/out")) << c.what;
    }
  }
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
  std::ofstream(dir / "mine") << "x";
  EXPECT_THAT(check("", true), StatusIs(kRefused, HasSubstr("mine")));
}

}  // namespace
}  // namespace quern::mr
