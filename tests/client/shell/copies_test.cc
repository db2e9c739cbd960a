#include "client/shell/copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/crc32c.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

using ::testing::ElementsAre;

using ::quern::testing::FakeDfs;
using ::testing::HasSubstr;

// What is printed into it.
class Printed {
 public:
  ~Printed() { std::fclose(file_); }
  Output* output() { return &output_; }
  std::string Text() {
    EXPECT_OK(output_.Flush());
    std::rewind(file_);
    std::string text;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) text += static_cast<char>(c);
    return text;
  }

 private:
  std::FILE* const file_ = std::tmpfile();
  Output output_{file_};
};

// Has these small files, and any others only alone.
class ScriptedSource final : public CopySource {
 public:
  explicit ScriptedSource(std::map<std::string, std::string> small) : small_(std::move(small)) {}

  std::optional<std::string> ReadSmall(const CopyJob& job) const override {
    const auto found = small_.find(job.source);
    return found == small_.end() ? std::nullopt : std::optional(found->second);
  }
  absl::StatusOr<Copied> CopyAlone(const CopyJob& job, Progress*) const override {
    alone_.push_back(job.source);
    if (power_cuts-- > 0) return absl::AbortedError("the servers lost power");
    return Copied{.bytes = 7};
  }
  bool CanReadAgain(const CopyJob& job) const override { return job.source != "-"; }
  const std::vector<std::string>& alone() const { return alone_; }

  mutable int power_cuts = 0;  // so many calls of CopyAlone meet one

 private:
  const std::map<std::string, std::string> small_;
  mutable std::vector<std::string> alone_;  // there is one worker
};

class CopiesTest : public ::testing::Test {
 protected:
  // The exit code.
  int Copy(const ScriptedSource& source, const std::vector<std::string>& names,
           bool print_crc = false) {
    Shell shell("dfs put", {.masters = {fake_.master_address()},
                            .json = true,
                            .out = out_.output(),
                            .err = err_.output()});
    std::vector<CopyJob> jobs;
    for (const std::string& name : names) {
      jobs.push_back({.source = name, .target = "/" + name, .size = 1});
    }
    Copies(&shell, &source, {.workers = 1, .print_crc = print_crc}).Run(jobs);
    return shell.exit_code();
  }

  FakeDfs fake_{{.servers = 3}};
  Printed out_;
  Printed err_;
};

TEST_F(CopiesTest, SmallOnesShareOneMessageAndEachIsTold) {
  const ScriptedSource source({{"a", "x"}, {"b", "yy"}});
  EXPECT_EQ(Copy(source, {"a", "b"}, true), 0);
  EXPECT_EQ(fake_.whole_messages(), 1);
  EXPECT_EQ(fake_.FileBytes("/a"), "x");
  EXPECT_EQ(fake_.FileBytes("/b"), "yy");
  EXPECT_THAT(fake_.expected_bytes(), ElementsAre(1, 2)) << "as they are now";
  EXPECT_THAT(source.alone(), ElementsAre());
  EXPECT_EQ(out_.Text(),
            fmt::format("{{\"source\":\"a\",\"path\":\"/a\",\"bytes\":1,\"crc32c\":\"{:08x}\"}}\n"
                        "{{\"source\":\"b\",\"path\":\"/b\",\"bytes\":2,\"crc32c\":\"{:08x}\"}}\n",
                        Crc32c("x"), Crc32c("yy")));
}

TEST_F(CopiesTest, OneThatIsSmallNoMoreGoesAlone) {
  const ScriptedSource source({{"a", "x"}, {"c", "z"}});
  EXPECT_EQ(Copy(source, {"a", "b", "c"}), 0);
  EXPECT_THAT(source.alone(), ElementsAre("b"));
  EXPECT_EQ(fake_.whole_messages(), 1);
  EXPECT_EQ(fake_.FileBytes("/c"), "z");
  EXPECT_THAT(out_.Text(), HasSubstr("{\"source\":\"b\",\"path\":\"/b\",\"bytes\":7}\n"));
}

TEST_F(CopiesTest, OneThatCannotBeMadeIsReportedAndHarmsNoOther) {
  EXPECT_EQ(Copy(ScriptedSource({{"a", "old"}, {"b", "old"}}), {"a", "b"}), 0);
  const ScriptedSource source({{"a", "new"}, {"c", "z"}});
  EXPECT_EQ(Copy(source, {"a", "c"}), 1);
  EXPECT_THAT(err_.Text(), HasSubstr("/a: file exists"));
  EXPECT_THAT(source.alone(), ElementsAre()) << "the answer would be the same";
  EXPECT_EQ(fake_.FileBytes("/a"), "old");
  EXPECT_EQ(fake_.FileBytes("/c"), "z");
}

TEST_F(CopiesTest, OneWhoseServersLostPowerIsBegunAgain) {
  const ScriptedSource source({});
  source.power_cuts = 2;
  EXPECT_EQ(Copy(source, {"b"}), 0);
  EXPECT_THAT(source.alone(), ElementsAre("b", "b", "b"));
  EXPECT_THAT(out_.Text(), HasSubstr("\"bytes\":7"));
  EXPECT_EQ(err_.Text(), "");
}

TEST_F(CopiesTest, NotForeverAndNotWhatComesFromAPipe) {
  const ScriptedSource source({});
  source.power_cuts = 100;
  EXPECT_EQ(Copy(source, {"b"}), 1);
  EXPECT_EQ(source.alone().size(), 4U);
  EXPECT_EQ(Copy(source, {"-"}), 1);
  EXPECT_EQ(source.alone().size(), 5U);
  EXPECT_THAT(err_.Text(), HasSubstr("lost power"));
}

std::vector<size_t> Groups(const std::vector<uint64_t>& sizes, size_t workers) {
  return GroupSmallFiles(sizes, workers);
}

TEST(GroupSmallFiles, SmallFilesThatFollowEachOtherGoTogether) {
  EXPECT_THAT(Groups({1, 2, 3}, 1), ElementsAre(3));
  EXPECT_THAT(Groups({1, 2, 100'000, 3, 0, 4, 32 << 10, (32 << 10) + 1}, 1),
              ElementsAre(2, 1, 1, 1, 2, 1));
  EXPECT_THAT(Groups(std::vector<uint64_t>(130, 9), 1), ElementsAre(64, 64, 2));
  EXPECT_THAT(Groups({}, 4), ElementsAre());
}

TEST(GroupSmallFiles, EmptyAndLargeOnesAreAlone) {
  const std::vector<uint64_t> sizes = {1, 2, kSmallFileBytes + 1, 3, 0, 4, kSmallFileBytes};
  EXPECT_THAT(GroupSmallFiles(sizes, 1), ElementsAre(2, 1, 1, 1, 2));
  EXPECT_THAT(GroupSmallFiles({}, 4), ElementsAre());
}

TEST(GroupSmallFiles, EveryWorkerHasSomethingToDo) {
  EXPECT_THAT(Groups({1, 2, 3}, 4), ElementsAre(1, 1, 1));
  EXPECT_THAT(Groups(std::vector<uint64_t>(8, 9), 4), ElementsAre(2, 2, 2, 2));
}

TEST(ReadSmallFile, GivesWhatIsStillSmall) {
  const std::string path = ::testing::TempDir() + "small_file";
  const auto with = [&](const std::string& bytes) {
    std::ofstream(path) << bytes;
    return ReadSmallFile(path);
  };
  EXPECT_EQ(with("abc"), "abc");
  EXPECT_EQ(with(std::string(32 << 10, 'x')), std::string(32 << 10, 'x'));
  EXPECT_EQ(with(std::string((32 << 10) + 1, 'x')), std::nullopt);
  EXPECT_EQ(with(""), std::nullopt);
  std::filesystem::remove(path);
  EXPECT_EQ(ReadSmallFile(path), std::nullopt);
  EXPECT_EQ(ReadSmallFile(::testing::TempDir()), std::nullopt) << "a directory";
}

TEST(ShellTest, QuietHidesHowItGoesOnAndNoWarning) {
  Printed out, said;
  Shell shell(
      "put",
      {.masters = {"127.0.0.1:1"}, .quiet = true, .out = out.output(), .err = said.output()});
  shell.Note("goes on after 7 bytes");
  shell.Warn("setuid is not kept");
  EXPECT_EQ(said.Text(), "put: setuid is not kept\n");
}

TEST(ShellTest, AWarningIsAnObjectWhereErrorsAre) {
  Printed out, said;
  Shell shell(
      "put", {.masters = {"127.0.0.1:1"}, .json = true, .out = out.output(), .err = said.output()});
  shell.Note("goes on after 7 bytes");
  shell.Warn("setuid is \"not\" kept");
  EXPECT_EQ(said.Text(), "{\"warning\":\"setuid is \\\"not\\\" kept\"}\n");
}

}  // namespace
}  // namespace quern::shell
