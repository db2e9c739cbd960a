#include "common/cli/cli.h"

#include <cstdlib>

#include "common/cluster_config.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DidYouMeanTest, FindsTheNearWordOnly) {
  const std::vector<std::string> words = {"status", "list", "logs", "counters", "kill"};
  EXPECT_EQ(DidYouMean("staus", words), "status");
  EXPECT_EQ(DidYouMean("stauts", words), "status");  // a swap is one slip
  EXPECT_EQ(DidYouMean("lst", words), "list");
  EXPECT_EQ(DidYouMean("conters", words), "counters");
  EXPECT_EQ(DidYouMean("frobnicate", words), "");
  EXPECT_EQ(DidYouMean("", words), "");
  EXPECT_EQ(DidYouMean(std::string(1 << 20, 'x'), words), "");
}

TEST(ErrorLineTest, IsOneLine) {
  EXPECT_EQ(ErrorLine("put", NotFoundError("/a: no such file")), "put: /a: no such file\n");
  // "/a b" is another file.
  EXPECT_EQ(ErrorLine("put", NotFoundError("/a\nb\tc: no such file")),
            "put: /a\\nb\\tc: no such file\n");
}

TEST(SplitListTest, DropsBlanksAndEmptyParts) {
  EXPECT_THAT(SplitList("a, b,,c "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitList(""), ElementsAre());
  EXPECT_THAT(SplitList(" , "), ElementsAre());
}

TEST(ShellQuotedTest, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(ShellQuoted("/tmp/a-b_1"), "/tmp/a-b_1");
  EXPECT_EQ(ShellQuoted("/tmp/a b"), "'/tmp/a b'");
  EXPECT_EQ(ShellQuoted("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuoted(""), "''");
}

TEST(ShellQuotedTest, OnOneLineAlsoWhatHasSeveral) {
  EXPECT_EQ(ShellQuotedLine("/tmp/a-b_1"), "/tmp/a-b_1");
  EXPECT_EQ(ShellQuotedLine("a \\n b"), "'a \\n b'");
  EXPECT_EQ(ShellQuotedLine("a\n'b'\\"), "$'a\\n\\'b\\'\\\\'");
  EXPECT_EQ(ShellQuotedLine("\t\x7f"
                            "1 \u00e4"),
            "$'\\011\\1771 \u00e4'");
  EXPECT_EQ(ShellQuotedLine("\xff"), "$'\\377'");
  EXPECT_EQ(ShellQuotedLine(""), "''");
}

TEST(TableTest, AlignsByDisplayWidth) {
  Table table({{"name"}, {"bytes", Table::Align::kRight}});
  table.AddRow({"a", "1"});
  table.AddRow({"漢字", "1234"});
  table.AddRow({"e\u0301", "12"});  // a combining accent takes no room
  table.AddRow({"tab\there"});
  EXPECT_EQ(table.ToString(),
            "name       bytes\n"
            "a              1\n"
            "漢字        1234\n"
            "e\u0301             12\n"
            "tab\\there\n");
}

TEST(TableTest, WithoutTitlesThereIsNoTitleLine) {
  Table table({{}, {}});
  table.AddRow({"a", "b"});
  EXPECT_EQ(table.ToString(), "a  b\n");
}

TEST(TableTest, BrokenUtf8DoesNotReadBeyondTheText) {
  EXPECT_EQ(DisplayWidth("\xe4"), 1u);
  EXPECT_EQ(DisplayWidth("\xff\xfe"), 2u);
  EXPECT_EQ(DisplayWidth(std::string_view("\xf0\x9f", 2)), 1u);
}

class ProgressTest : public testing::Test {
 protected:
  ProgressOptions Options(ProgressOptions::Style style) {
    ProgressOptions options;
    options.name = "put a";
    options.total = 200 << 20;
    options.style = style;
    options.out = out_;
    options.clock = &clock_;
    return options;
  }
  std::string Output() {
    std::fflush(out_);
    return std::string(text_, size_);
  }
  ~ProgressTest() override {
    std::fclose(out_);
    std::free(text_);
  }
  SimulatedClock clock_;
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* out_ = open_memstream(&text_, &size_);
};

TEST_F(ProgressTest, ShowsShareRateAndTimeLeft) {
  Progress progress(Options(ProgressOptions::Style::kBar));
  clock_.AdvanceTime(absl::Seconds(2));
  progress.Add(50 << 20);
  EXPECT_EQ(progress.Line(), "put a  25%  50 MiB/200 MiB  25 MiB/s  ETA 6 s");
  EXPECT_EQ(Output(), "\r" + progress.Line() + "\x1b[K");
}

TEST_F(ProgressTest, WithoutATerminalThereIsALineEveryTenSeconds) {
  {
    Progress progress(Options(ProgressOptions::Style::kAuto));
    for (int second = 0; second < 20; ++second) {
      clock_.AdvanceTime(absl::Seconds(1));
      progress.Add(10 << 20);
    }
  }
  EXPECT_EQ(Output(),
            "put a  50%  100 MiB/200 MiB  10 MiB/s  ETA 10 s\n"
            "put a  100%  200 MiB/200 MiB  10 MiB/s  in 20 s\n");
}

TEST_F(ProgressTest, ShortStepsAndQuietOnesLeaveNoTrace) {
  {
    Progress quick(Options(ProgressOptions::Style::kBar));
    quick.Add(200 << 20);
  }
  {
    Progress quiet(Options(ProgressOptions::Style::kQuiet));
    clock_.AdvanceTime(absl::Minutes(1));
    quiet.Add(1);
  }
  EXPECT_EQ(Output(), "");
}

class ClusterConfigTest : public testing::Test {
 protected:
  ClusterConfigTest() {
    setenv("XDG_CONFIG_HOME", dir_.path().c_str(), 1);
    unsetenv("QUERN_MASTER");
    unsetenv("QUERN_COORDINATOR");
  }
  void WriteConfig(std::string_view text) {
    ASSERT_OK(FileSystem::Real()->MakeDirs(dir_ / "quern"));
    ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "quern/config.toml", text));
  }
  TempDir dir_;
};

TEST_F(ClusterConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  EXPECT_THAT(*FindMasters(""), ElementsAre("127.0.0.1:9400"));
  EXPECT_THAT(*FindCoordinators(""), ElementsAre("127.0.0.1:9420"));
  WriteConfig("master = \"f:1,g:2\"\n");
  EXPECT_THAT(*FindMasters(""), ElementsAre("f:1", "g:2"));
  EXPECT_THAT(*FindCoordinators(""), ElementsAre("127.0.0.1:9420"));
  setenv("QUERN_MASTER", "e:3", 1);
  EXPECT_THAT(*FindMasters(""), ElementsAre("e:3"));
  EXPECT_THAT(*FindMasters("x:4, y:5"), ElementsAre("x:4", "y:5"));
  unsetenv("QUERN_MASTER");
}

TEST_F(ClusterConfigTest, ErrorsNameTheirSource) {
  EXPECT_THAT(FindMasters("nonsense"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--master: 'nonsense'")));
  setenv("QUERN_MASTER", "h:99999", 1);
  EXPECT_THAT(FindMasters(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("QUERN_MASTER")));
  unsetenv("QUERN_MASTER");
  WriteConfig("master = 7\n");
  EXPECT_THAT(FindMasters(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("config.toml")));
  WriteConfig("master = \n");
  EXPECT_THAT(FindMasters(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("config.toml:1")));
}

}  // namespace
}  // namespace quern
