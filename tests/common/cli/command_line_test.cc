#include "common/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quern {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Parsed {
  bool human = false;
  bool recursive = false;
  bool skip_trash = false;
  std::string name;
  int64_t jobs = 4;
  std::optional<int64_t> copies;
  std::vector<std::string> exclude;
  std::vector<std::string> arguments;
  absl::Status status;
};

Parsed Parse(const std::vector<std::string>& words) {
  Parsed parsed;
  CommandLine line;
  line.Switch("-h,--human-readable", &parsed.human, "");
  line.Switch("-R,--recursive", &parsed.recursive, "");
  line.Switch("--skip-trash,--skipTrash", &parsed.skip_trash, "");
  line.Value("--name", "GLOB", &parsed.name, "");
  line.Number("-j,--jobs", "N", &parsed.jobs, {1, 64}, "");
  line.Number("--copies", "N", &parsed.copies, {1, 16}, "");
  line.Values("--exclude", "GLOB", &parsed.exclude, "");
  line.Arguments(&parsed.arguments, 1, 3);
  parsed.status = line.Parse(words);
  return parsed;
}

TEST(CommandLine, TakesBothHabits) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"-hR", "/x"}, {"-h", "-R", "/x"}, {"/x", "-R", "--human-readable"}}) {
    const Parsed parsed = Parse(words);
    EXPECT_OK(parsed.status);
    EXPECT_TRUE(parsed.human && parsed.recursive);
    EXPECT_THAT(parsed.arguments, ElementsAre("/x"));
  }
  EXPECT_TRUE(Parse({"-skipTrash", "/x"}).skip_trash);
  EXPECT_EQ(Parse({"/", "-name", "*.txt"}).name, "*.txt");
  EXPECT_EQ(Parse({"-j8", "/x"}).jobs, 8);
  EXPECT_EQ(Parse({"--jobs=8", "/x"}).jobs, 8);
  EXPECT_FALSE(Parse({"/x"}).copies.has_value());
  EXPECT_EQ(Parse({"/x", "--copies", "3"}).copies, 3);
  EXPECT_THAT(Parse({"--exclude", "a", "/x", "--exclude", "b"}).exclude, ElementsAre("a", "b"));
}

TEST(CommandLine, FindsItsFirstArgumentAmongFlagsThatItDoesNotKnow) {
  bool on = false;
  std::string name;
  CommandLine line;
  line.Switch("--on", &on, "");
  line.Value("-f,--format", "F", &name, "");
  EXPECT_EQ(line.FirstArgument({"job", "--lang", "de"}), "job");
  EXPECT_EQ(line.FirstArgument({"--on", "--format", "whole", "job"}), "job");
  EXPECT_EQ(line.FirstArgument({"-format", "whole", "-f", "x", "--format=y", "job"}), "job");
  EXPECT_EQ(line.FirstArgument({"--stem", "job"}), "job");
  EXPECT_EQ(line.FirstArgument({"--on", "--", "-job", "x"}), "-job");
  EXPECT_EQ(line.FirstArgument({"--format"}), "");
  EXPECT_EQ(line.FirstArgument({"--on", "--"}), "");
  EXPECT_FALSE(on) << "nothing is parsed";
}

TEST(CommandLine, TakesArgumentsAsTheyAre) {
  EXPECT_THAT(Parse({"-", "/a b\n中"}).arguments, ElementsAre("-", "/a b\n中"));
  EXPECT_THAT(Parse({"-h", "--", "-R", "--x"}).arguments, ElementsAre("-R", "--x"));
}

TEST(CommandLine, WrongUseIsToldWithWhatWasMeant) {
  const struct {
    std::vector<std::string> words;
    const char* says;
  } cases[] = {
      {{"--recursiv", "/x"}, "Did you mean --recursive?"},
      {{"--human", "/x"}, "Did you mean --human-readable?"},
      {{"-Z", "/x"}, "no such flag: -Z"},
      {{"-Rash", "/x"}, "no such flags: -Rash. A name that begins with a dash comes after --"},
      {{"-1", "/x"}, "no such flag: -1, and no number here is negative"},
      {{"-12", "/x"}, "no such flag: -12, and no number here is negative"},
      {{}, "1 argument is missing"},
      {{"a", "b", "c", "d"}, "'d' is one argument too many"},
      {{"-j", "many", "/x"}, "'many' is not a whole number from 1 to 64"},
      {{"-j", "0", "/x"}, "1 to 64"},
      {{"-j", "4294967297", "/x"}, "1 to 64"},
      {{"--copies", "18446744073709551617", "/x"}, "1 to 16"},
      {{"--copies=50", "/x"}, "1 to 16"},
      {{"--copies", "-1", "/x"}, "1 to 16"},
      {{"/x", "--name"}, "--name"},
  };
  for (const auto& test : cases) {
    const Parsed parsed = Parse(test.words);
    EXPECT_TRUE(IsUsageError(parsed.status)) << test.says;
    EXPECT_THAT(parsed.status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.says)));
  }
}

TEST(CommandLine, WhatIsNoNameIsNotToldToComeAsAPath) {
  std::vector<std::string> arguments;
  bool json = false;
  CommandLine line;
  line.Switch("--json", &json, "");
  line.Arguments(&arguments, 1);
  line.CallArguments("A query");
  for (const std::string word : {"-mill", "-m", "-12"}) {
    EXPECT_THAT(line.Parse({"/index", word}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("A query that begins with a dash comes after --: -- " + word)));
  }
  EXPECT_THAT(line.Parse({"/index", "--jsn"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Did you mean --json?")));
}

}  // namespace
}  // namespace quern
