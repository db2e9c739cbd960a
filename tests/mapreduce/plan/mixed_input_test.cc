// A directory with files of several formats as one input: what its tasks read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/range_bounds.h"
#include "mapreduce/plan/split_planner.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class MixedInputTest : public RandomTest {
 protected:
  using Record = std::tuple<std::string, uint64_t, std::string, std::string>;  // path, offset, ...
  using Records = std::multiset<Record>;

  MixedInputTest() {
    spec_.add_inputs()->set_path("file://" + dir_.path() + "/in");
    spec_.mutable_inputs(0)->set_format("mixed");
    spec_.mutable_reduce()->set_tasks(2);
    std::filesystem::create_directories(dir_ / "in/sub");
  }

  void Write(const std::string& name, const std::string& contents) {
    const std::string path = dir_ / "in/" + name;
    std::ofstream(path, std::ios::binary) << contents;
    contents_["file://" + path] = contents;
  }
  std::string SomeLines() {
    std::string text;
    for (uint64_t i = 1 + Below(40); i > 0; --i) text += std::string(Below(60), 'x') + "\n";
    return text;
  }
  std::string SomePages() {
    std::string file;
    for (uint64_t i = 1 + Below(6); i > 0; --i) {
      file += GzipOf(WarcResponse(fmt::format("http://{}/", i), SomeLines()));
    }
    return file;
  }
  // Names that alternate between formats, so that no two neighbours are of one.
  void WriteFiles() {
    Write("a.txt", SomeLines());
    Write("b.warc.gz", SomePages());
    Write("c.html", SomeLines());
    Write("d.jsonl", SomeLines());
    Write("e.txt", "");
    Write("f.json.gz", GzipOf(SomeLines()));
    Write("sub/g.warc", WarcResponse("http://g/", SomeLines()));
    Write("sub/h", SomeLines());
    Write("sub/i.jsonl", SomeLines());
    Write("sub/j.warc.gz", SomePages());
  }

  void ReadPiece(const InputFormat& format, const std::string& path, uint64_t offset,
                 uint64_t length, Records* found) {
    MemoryFile file(contents_.at(path), 11);
    const ReadOptions options = {
        .settings = {}, .path = path, .scratch_dir = dir_.path(), .memory_bytes = 64};
    ASSERT_OK_AND_ASSIGN(const auto reader, format.Open(options, &file, offset, length));
    while (reader->Next()) {
      found->emplace(path, reader->offset(), reader->key(), reader->value());
    }
    ASSERT_OK(reader->status());
  }
  std::vector<InputFile> Find(uint64_t split_bytes) {
    auto files = FindInputFiles(nullptr, spec_.inputs(0), split_bytes);
    EXPECT_OK(files);
    return files.value_or(std::vector<InputFile>());
  }

  const TempDir dir_;
  pb::JobSpec spec_;
  std::map<std::string, std::string> contents_;
};

TEST_F(MixedInputTest, TheTasksTogetherReadEachRecordOfEachFileOnce) {
  WriteFiles();
  Records all;
  for (const auto& [path, contents] : contents_) {
    const InputFormat& format = (*FindInputFormat("mixed"))->FormatOf(path);
    if (contents.empty() && format.name() != "whole") continue;
    ReadPiece(format, path, 0, contents.size(), &all);
  }
  ASSERT_GT(all.size(), contents_.size());
  for (const uint64_t split_bytes : {1u, 40u, 100u, 333u, 1'000u, 1u << 20, 64u << 20}) {
    const std::vector<pb::Split> splits = PlanSplits({{0, Find(split_bytes)}}, split_bytes);
    Records found;
    for (const pb::Split& split : splits) {
      ASSERT_OK_AND_ASSIGN(const InputFormat* const format, FormatOfSplit(spec_, split));
      EXPECT_NE(format->name(), "mixed");
      for (const pb::InputPiece& piece : split.pieces()) {
        EXPECT_EQ(&(*FindInputFormat("mixed"))->FormatOf(piece.path()), format) << piece.path();
        ReadPiece(*format, piece.path(), piece.offset(), piece.length(), &found);
        if (HasFatalFailure()) return;
      }
    }
    EXPECT_EQ(found, all) << "in splits of " << split_bytes;
  }
}

TEST_F(MixedInputTest, FilesOfOneFormatArePackedTogether) {
  WriteFiles();
  std::vector<std::string> described;
  for (const pb::Split& split : PlanSplits({{0, Find(0)}}, 0)) {
    ASSERT_OK_AND_ASSIGN(const InputFormat* const format, FormatOfSplit(spec_, split));
    std::string& line = described.emplace_back(format->name());
    for (const pb::InputPiece& piece : split.pieces()) {
      line += " " + piece.path().substr(piece.path().rfind('/') + 1);
    }
  }
  EXPECT_THAT(described, ::testing::ElementsAre("whole a.txt c.html e.txt h",
                                                "warc b.warc.gz g.warc j.warc.gz",
                                                "jsonl d.jsonl f.json.gz i.jsonl"));
}

TEST_F(MixedInputTest, CrawlsAloneAreCutAsInTheFormatWarc) {
  Write("a.warc.gz", SomePages() + SomePages());
  Write("b.warc", WarcResponse("http://g/", SomeLines()));
  Write("c.warc.gz", SomePages());
  for (const uint64_t split_bytes : {100u, 1'000u, 64u << 20}) {
    const auto plan = [&](const std::string& format) {
      spec_.mutable_inputs(0)->set_format(format);
      std::string bytes;
      for (const pb::Split& split : PlanSplits({{0, Find(split_bytes)}}, split_bytes)) {
        bytes += split.SerializeAsString() + "\n";
      }
      return bytes;
    };
    EXPECT_EQ(plan("mixed"), plan("warc"));
  }
}

TEST_F(MixedInputTest, SamplesReadOneFormatEach) {
  Write("a.txt", std::string(40'000, 'x'));
  Write("b.jsonl", std::string(40'000, '\n'));
  Write("c.html", std::string(40'000, 'x'));
  const SamplePlan plan = PlanSample(spec_, PlanSplits({{0, Find(0)}}, 0));
  std::set<std::string_view> formats;
  for (const pb::Split& split : plan.splits) {
    ASSERT_OK_AND_ASSIGN(const InputFormat* const format, FormatOfSplit(spec_, split));
    formats.insert(format->name());
    for (const pb::InputPiece& piece : split.pieces()) {
      EXPECT_EQ(&(*FindInputFormat("mixed"))->FormatOf(piece.path()), format) << piece.path();
    }
  }
  EXPECT_EQ(plan.splits.size(), 2u);
  EXPECT_EQ(formats, (std::set<std::string_view>{"whole", "jsonl"}));
}

TEST_F(MixedInputTest, ATaskWithoutFilesHasTheFormatOfTheInput) {
  ASSERT_OK_AND_ASSIGN(const InputFormat* const format, FormatOfSplit(spec_, pb::Split()));
  EXPECT_EQ(format->name(), "mixed");
  EXPECT_EQ(format->record_form(), "whole");
}

TEST_F(MixedInputTest, AFileWhoseFormatIsNotInstalledIsNamed) {
  Write("a.txt", "x");
  EXPECT_OK(CheckFormatsInstalled(Find(0)));
  Write("b.parquet", "PAR1");
  const absl::Status status = CheckFormatsInstalled(Find(0));
  const absl::Status parquet = (*FindInputFormat("parquet"))->Installed();
  EXPECT_EQ(status.code(), parquet.code());
  if (!parquet.ok()) {
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/in/b.parquet"));
    EXPECT_THAT(std::string(status.message()),
                ::testing::EndsWith("; or leave the one such file out, as 'file://" + dir_.path() +
                                    "/in/*.txt' does"));
  }
}

// Before anything runs, and with what whoever has only a package can do.
TEST_F(MixedInputTest, FilesOfAFormatThatIsMissingCanBeLeftOut) {
  const InputFormat& parquet = **FindInputFormat("parquet");
  Write("b.parquet", "PAR1");
  EXPECT_EQ(LeaveOutAdvice(Find(0), parquet), "");
  Write("e.parquet", "PAR1");
  Write("a", "x");
  EXPECT_EQ(LeaveOutAdvice(Find(0), parquet), "; or leave the 2 such files out");
  Write("Z.2.jsonl", "x");
  EXPECT_EQ(LeaveOutAdvice(Find(0), parquet), "; or leave the 2 such files out") << "a is none";
  std::filesystem::remove(dir_ / "in/a");
  EXPECT_EQ(LeaveOutAdvice(Find(0), parquet),
            "; or leave the 2 such files out, as 'file://" + dir_.path() + "/in/*.jsonl' does");
}

TEST_F(MixedInputTest, NoPatternIsProposedThatWouldLeaveOutMoreOrLess) {
  const InputFormat& parquet = **FindInputFormat("parquet");
  const auto advice = [&](const std::vector<std::string>& such,
                          const std::vector<std::string>& other) {
    std::vector<InputFile> files(such.size() + other.size());
    for (size_t i = 0; i < files.size(); ++i) {
      const bool is_such = i < such.size();
      files[i].path = is_such ? such[i] : other[i - such.size()];
      files[i].format = is_such ? &parquet : nullptr;
    }
    return LeaveOutAdvice(files, parquet);
  };
  const std::string none = "; or leave the one such file out";
  EXPECT_EQ(advice({"/in/a.parquet"}, {"/in/b.txt"}), none + ", as '/in/*.txt' does");
  EXPECT_EQ(advice({"/in/a.parquet"}, {"/in/b.txt", "/in/c.log"}), none);
  EXPECT_EQ(advice({"/in/c/a.parquet"}, {"/in/a/1.txt", "/in/b/2.txt"}), none);
  EXPECT_EQ(advice({"/in/a.txt"}, {"/in/b.txt"}), none);
  EXPECT_EQ(advice({"/in [1]/a.parquet"}, {"/in [1]/b.txt"}), none);
  EXPECT_EQ(advice({"/in 1/a.parquet"}, {"/in 1/b.txt"}), none + ", as '/in 1/*.txt' does");
}

}  // namespace
}  // namespace quern::mr
