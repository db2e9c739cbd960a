#include "common/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cli/cli.h"

namespace quern {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the command saw.
struct Seen {
  bool human = false;
  std::vector<std::string> words;
  int runs = 0;
};
Seen seen;

class Look final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-h,--human-readable", &seen.human, "");
    line->Value("--master", "HOST:PORT", &master_, "");
    line->Arguments(&seen.words, 0);
  }
  absl::StatusOr<int> Run() override {
    ++seen.runs;
    if (seen.words == std::vector<std::string>{"bad"}) return NotFoundError("bad: not there");
    if (seen.words == std::vector<std::string>{"wrong"}) return UsageError("wrong words");
    return 7;
  }

 private:
  std::string master_;
};

Program TestProgram() {
  return {.name = "prog",
          .about = "For tests.",
          .commands = {{.name = "look",
                        .aliases = {"see"},
                        .usage = "[-h] PATH...",
                        .summary = "looks",
                        .examples = {"prog look /x"},
                        .make = [] { return std::make_unique<Look>(); },
                        .dashed_words = true}},
          .notes = "",
          .examples = {"prog look"},
          .leading_flags = {"--master"},
          .dashed_commands = true,
          .errors_name_the_program = false};
}

struct Ran {
  int exit_code;
  std::string out;
  std::string err;
};
Ran RunWords(std::vector<std::string> words) {
  seen = {};
  words.insert(words.begin(), "prog");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Ran ran;
  ran.exit_code = RunProgram(TestProgram(), words);
  ran.out = ::testing::internal::GetCapturedStdout();
  ran.err = ::testing::internal::GetCapturedStderr();
  return ran;
}

TEST(Program, FindsTheCommandInAllSpellings) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"look", "x", "-h"},
                                                {"-look", "x", "-h"},
                                                {"see", "x", "-h"},
                                                {"--master", "a:1", "look", "x", "-h"},
                                                {"--human-readable", "look", "x"}}) {
    EXPECT_EQ(RunWords(words).exit_code, 7);
    EXPECT_TRUE(seen.human);
    EXPECT_THAT(seen.words, ElementsAre("x"));
  }
  EXPECT_EQ(RunWords({"look", "-report"}).exit_code, 7);
  EXPECT_THAT(seen.words, ElementsAre("report"));
}

TEST(Program, HelpIsACommandAndAFlag) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"help"}, {"--help"}}) {
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.out, HasSubstr("usage: prog COMMAND"));
    EXPECT_THAT(ran.out, HasSubstr("look"));
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"help", "look"}, {"look", "--help"}, {"look", "x", "--help"}}) {
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.out, HasSubstr("usage: prog look [-h] PATH..."));
  }
  EXPECT_EQ(seen.runs, 0);
  EXPECT_THAT(RunWords({"--version"}).out, HasSubstr("prog "));
  const Ran nothing = RunWords({});
  EXPECT_EQ(nothing.exit_code, kExitUsage);
  EXPECT_EQ(nothing.out, "");
}

TEST(Program, ErrorsAreOneLineWithTheNextStep) {
  const struct {
    std::vector<std::string> words;
    int exit_code;
    const char* says;
  } cases[] = {
      {{"loko"}, kExitUsage, "prog: no such command: loko. Did you mean look? Try: prog --help"},
      {{"help", "loko"}, kExitUsage, "no such command: loko"},
      {{"look", "--bogus"}, kExitUsage, "look: no such flag: --bogus. Try: prog look --help"},
      {{"look", "wrong"}, kExitUsage, "look: wrong words. Try: prog look --help"},
      {{"look", "bad"}, kExitFailed, "look: bad: not there"},
      {{"look", "\x1b[31m\n"}, 7, ""},
  };
  for (const auto& c : cases) {
    const Ran ran = RunWords(c.words);
    EXPECT_EQ(ran.exit_code, c.exit_code) << c.says;
    EXPECT_THAT(ran.err, HasSubstr(c.says));
    EXPECT_EQ(ran.out, "");
    EXPECT_LE(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

}  // namespace
}  // namespace quern
