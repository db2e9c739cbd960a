// An index on this machine that gets more segments, loses documents, and becomes one segment.
#include "jobs/search/changing/change_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>
#include <utility>

#include "jobs/search/segment/segment_builder.h"
#include "jobs/search/serving/open_index.h"
#include "tests/support/temp_dir.h"

namespace quern::search {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChangeIndexTest : public ::testing::Test {
 protected:
  static IndexedDocument MakeDocument(int number) {
    IndexedDocument document;
    document.id = "d" + std::to_string(number);
    document.title = "Number " + std::to_string(number);
    document.language = number % 2 == 0 ? "en" : "de";
    document.date = "2026-11-0" + std::to_string(1 + number % 9);
    document.text = "all";
    for (int i = 0; i < number % 7; ++i) document.text += " word" + std::to_string(i * number % 11);
    if (number % 10 == 0) document.text += " tenth" + std::to_string(number);
    return document;
  }
  static std::string Build(const std::vector<int>& numbers, const SegmentBuilderOptions& options) {
    SegmentBuilder builder(options);
    for (const int number : numbers) builder.Add(MakeDocument(number));
    return builder.Finish();
  }
  void Write(const std::string& name, std::string_view bytes) {
    const std::filesystem::path path = dir_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(dir_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // As a job leaves it: `dir` is empty or ends with a slash.
  void WriteOutput(const std::string& dir, const std::vector<std::vector<int>>& segments,
                   const SegmentBuilderOptions& options = {}) {
    std::string parts;
    for (size_t i = 0; i < segments.size(); ++i) {
      const std::string name = "part-r-0000" + std::to_string(i);
      Write(dir + name, Build(segments[i], options));
      parts += (i == 0 ? "" : ", ") + fmt::format(R"({{"name": "{}"}})", name);
    }
    Write(dir + "_MANIFEST.json", fmt::format(R"({{"parts": [{}]}})", parts));
  }
  std::vector<std::string> Names(const std::string& dir = "") const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / dir)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  IndexManifest Manifest() {
    const auto manifest = ParseIndexManifest(Read("index.json"));
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? *manifest : IndexManifest();
  }

  // A directory of the index as an index of its own.
  struct Within {
    std::unique_ptr<IndexFiles> files;
    std::unique_ptr<IndexWriter> writer;
  };
  Within OpenWithin(const std::string& name) const {
    const std::string path = index_ + "/" + name;
    return {*OpenIndexFiles(path, {}), *OpenIndexWriter(path, "")};
  }

  const TempDir dir_;
  const std::string index_ = "file://" + dir_.path();
  const std::unique_ptr<IndexFiles> files_ = *OpenIndexFiles(index_, {});
  const std::unique_ptr<IndexWriter> writer_ = *OpenIndexWriter(index_, "");
};

// Somebody else does something when the first segment is fetched.
class InterruptedFiles final : public IndexFiles {
 public:
  InterruptedFiles(const std::string& index, std::function<void()> meanwhile)
      : files_(*OpenIndexFiles(index, {})), meanwhile_(std::move(meanwhile)) {}
  absl::StatusOr<std::string> Identity(std::string_view name) override {
    return files_->Identity(name);
  }
  absl::StatusOr<std::string> Read(std::string_view name) override { return files_->Read(name); }
  absl::StatusOr<std::string> Fetch(std::string_view name) override {
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    return files_->Fetch(name);
  }
  bool Discard(std::string_view name) override { return files_->Discard(name); }
  void Keep(const std::vector<std::string>& names) override { files_->Keep(names); }
  void Release() override { files_->Release(); }
  std::string Describe(std::string_view name) const override { return files_->Describe(name); }

 private:
  const std::unique_ptr<IndexFiles> files_;
  std::function<void()> meanwhile_;
};

// Whether somebody who fetches files of the same index would have to wait.
class LockedFiles final : public IndexFiles {
 public:
  explicit LockedFiles(const std::string& index) : files_(*OpenIndexFiles(index, {})) {}
  absl::StatusOr<std::string> Identity(std::string_view name) override {
    return files_->Identity(name);
  }
  absl::StatusOr<std::string> Read(std::string_view name) override { return files_->Read(name); }
  absl::StatusOr<std::string> Fetch(std::string_view name) override {
    held = true;
    return files_->Fetch(name);
  }
  bool Discard(std::string_view name) override { return files_->Discard(name); }
  void Keep(const std::vector<std::string>&) override { held = false; }
  void Release() override { held = false; }
  std::string Describe(std::string_view name) const override { return files_->Describe(name); }

  bool held = false;

 private:
  const std::unique_ptr<IndexFiles> files_;
};

// Writing may take hours.
class UnlockedWriter final : public IndexWriter {
 public:
  UnlockedWriter(const std::string& index, const LockedFiles* files)
      : writer_(*OpenIndexWriter(index, "")), files_(files) {}
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
    EXPECT_FALSE(files_->held) << name;
    ++files_made;
    return writer_->Create(name);
  }
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Replace(std::string_view name) override {
    EXPECT_FALSE(files_->held) << name;
    return writer_->Replace(name);
  }
  absl::Status Remove(std::string_view name) override { return writer_->Remove(name); }
  absl::StatusOr<std::vector<std::string>> List() override { return writer_->List(); }
  int files_made = 0;

 private:
  const std::unique_ptr<IndexWriter> writer_;
  const LockedFiles* const files_;
};

std::vector<int> Range(int begin, int end, int step = 1) {
  std::vector<int> numbers;
  for (int i = begin; i < end; i += step) numbers.push_back(i);
  return numbers;
}

TEST_F(ChangeIndexTest, SegmentsOfAnotherJobAreAdded) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  WriteOutput("more/", {Range(100, 130)});
  const auto added = AddToIndex("more/", files_.get(), writer_.get());
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(Manifest().documents, 120u);
  EXPECT_EQ(Manifest().generation, 2u);
  ASSERT_EQ(Manifest().segments.size(), 3u);
  EXPECT_EQ(Manifest().segments[2].file, "more/part-r-00000");
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
  const auto again = AddToIndex("more", files_.get(), writer_.get());
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(ChangeIndexTest, WhatDoesNotBelongIsRefused) {
  WriteOutput("", {Range(0, 5)});
  SegmentBuilderOptions other;
  other.analysis = {"english", true, false};
  WriteOutput("other/", {Range(5, 9)}, other);
  EXPECT_EQ(AddToIndex("other", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(AddToIndex("none", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kNotFound);
  WriteOutput("good/", {Range(5, 9)});
  for (const char* const name : {"", "/", "/elsewhere", ".", "./good", "good/.", "good//.", "..",
                                 "../elsewhere", "good/../good", "other//../good"}) {
    EXPECT_EQ(AddToIndex(name, files_.get(), writer_.get()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  // JSON has no such names.
  WriteOutput("caf\xe9/", {Range(5, 9)});
  const absl::Status refused = AddToIndex("caf\xe9", files_.get(), writer_.get()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("'caf\\xe9': is no UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "index.json"));
}

TEST_F(ChangeIndexTest, AnIndexIsAddedAsItHasBecome) {
  WriteOutput("", {Range(0, 50)});
  WriteOutput("changed/", {Range(50, 90)});
  WriteOutput("changed/more/", {Range(90, 100)});
  WriteOutput("merged/", {{100, 101}, {102, 103}});
  const Within changed = OpenWithin("changed");
  ASSERT_TRUE(AddToIndex("more", changed.files.get(), changed.writer.get()).ok());
  const auto deleted = DeleteFromIndex({"d60", "d95"}, changed.files.get(), changed.writer.get());
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  const Within merged = OpenWithin("merged");
  ASSERT_TRUE(MergeIndex(merged.files.get(), merged.writer.get()).ok());
  for (const char* const name : {"changed", "merged"}) {
    const auto added = AddToIndex(name, files_.get(), writer_.get());
    ASSERT_TRUE(added.ok()) << name << ": " << added.status();
  }
  EXPECT_EQ(Manifest().documents, 104u);
  EXPECT_EQ(Manifest().segments.size(), 4u);
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
  const auto all = MergeIndex(files_.get(), writer_.get());
  ASSERT_TRUE(all.ok()) << all.status();
  std::vector<int> left = Range(0, 104);
  std::erase_if(left, [](int number) { return number == 60 || number == 95; });
  EXPECT_TRUE(Read(Manifest().segments[0].file) == Build(left, {}));
}

// What a merge there would remove is needed elsewhere.
TEST_F(ChangeIndexTest, APartOfAnIndexIsChangedOnlyThere) {
  WriteOutput("", {Range(0, 50)});
  WriteOutput("part/", {Range(50, 70), Range(70, 90)});
  WriteOutput("part/more/", {Range(90, 100)});
  const Within part = OpenWithin("part");
  ASSERT_TRUE(AddToIndex("more", part.files.get(), part.writer.get()).ok());
  EXPECT_EQ(AddToIndex("part/more", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  // One that is refused at its end is done again.
  InterruptedFiles files(
      index_, [&] { ASSERT_TRUE(DeleteFromIndex({"d3"}, files_.get(), writer_.get()).ok()); });
  EXPECT_EQ(AddToIndex("part", &files, writer_.get()).status().code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(AddToIndex("part", files_.get(), writer_.get()).ok());
  EXPECT_EQ(AddToIndex("part", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kAlreadyExists);
  const std::vector<absl::Status> refused = {
      MergeIndex(part.files.get(), part.writer.get()).status(),
      DeleteFromIndex({"d60"}, part.files.get(), part.writer.get()).status()};
  for (const absl::Status& status : refused) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("of another index"));
  }
  EXPECT_TRUE(OpenIndex(part.files.get()).ok()) << "it can still be asked";
  EXPECT_EQ(DeleteFromIndex({"d60"}, files_.get(), writer_.get())->deleted, 1u);
  EXPECT_EQ(MergeIndex(files_.get(), writer_.get())->documents, 98u);
}

// One segment of both would have no texts at all.
TEST_F(ChangeIndexTest, TextsAndNoTextsAreNotMixed) {
  WriteOutput("", {Range(0, 50)});
  SegmentBuilderOptions bare;
  bare.stored = false;
  WriteOutput("bare/", {Range(50, 60)}, bare);
  EXPECT_EQ(AddToIndex("bare", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(DeleteFromIndex({"d3"}, files_.get(), writer_.get()).ok());
  // As index.json was before it said what is stored.
  IndexManifest manifest = Manifest();
  manifest.stored.reset();
  Write("index.json", FormatIndexManifest(manifest));
  EXPECT_EQ(AddToIndex("bare", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kFailedPrecondition);

  const auto segment = Segment::OpenFile(dir_ / "bare/part-r-00000");
  ASSERT_TRUE(segment.ok()) << segment.status();
  ASSERT_TRUE(AddSegment("bare/part-r-00000", (*segment)->meta(), &manifest).ok());
  Write("index.json", FormatIndexManifest(manifest));
  const std::vector<std::string> before = Names();
  EXPECT_EQ(MergeIndex(files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Names(), before);
}

TEST_F(ChangeIndexTest, ADirectoryIsAddedBesideOneWithinIt) {
  WriteOutput("", {Range(0, 5)});
  WriteOutput("a/", {Range(5, 9)});
  WriteOutput("a/b/", {Range(9, 12)});
  ASSERT_TRUE(AddToIndex("a/b", files_.get(), writer_.get()).ok());
  const auto added = AddToIndex("a//", files_.get(), writer_.get());
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->documents, 12u);
}

TEST_F(ChangeIndexTest, OfManyUnknownIdsTheFirstAreNamed) {
  WriteOutput("", {Range(0, 5)});
  std::unordered_set<std::string> ids = {"d3"};
  for (char id = 'z'; id >= 'k'; --id) ids.insert(std::string(1, id));
  const auto result = DeleteFromIndex(ids, files_.get(), writer_.get());
  ASSERT_TRUE(result.ok() && result->some_unknown.size() == 10) << result.status();
  EXPECT_EQ(result->some_unknown.front() + result->some_unknown.back(), "kt");
}

TEST_F(ChangeIndexTest, DeletedDocumentsAreMarked) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  auto result = DeleteFromIndex({"d3", "d60", "nobody"}, files_.get(), writer_.get());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->deleted, 2u);
  EXPECT_EQ(result->unknown, 1u);
  EXPECT_EQ(result->some_unknown, std::vector<std::string>{"nobody"});
  result = DeleteFromIndex({"d3", "d4"}, files_.get(), writer_.get());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->deleted, 1u) << "d3 is gone already";
  const std::vector<std::string> names = Names();
  EXPECT_EQ(std::count_if(names.begin(), names.end(),
                          [](const std::string& name) {
                            return name.find(".deleted-") != std::string::npos;
                          }),
            2)
      << "one for each segment";
  const auto deletions = Deletions::Parse(Read(Manifest().segments[0].deletions));
  ASSERT_TRUE(deletions.ok());
  EXPECT_EQ(deletions->count(), 2u);
  EXPECT_EQ(Manifest().documents, 90u);
}

TEST_F(ChangeIndexTest, ARefusedChangeHarmsNoOther) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  ASSERT_TRUE(DeleteFromIndex({"d60"}, files_.get(), writer_.get()).ok());
  std::vector<std::string> accepted;
  std::string marks;
  const auto delete_d3 = [&] {
    ASSERT_TRUE(DeleteFromIndex({"d3"}, files_.get(), writer_.get()).ok());
    accepted = Names();
    marks = Read(Manifest().segments[0].deletions);
  };
  InterruptedFiles files(index_, delete_d3);
  EXPECT_EQ(DeleteFromIndex({"d4"}, &files, writer_.get()).status().code(),
            absl::StatusCode::kAborted);
  EXPECT_TRUE(Read(Manifest().segments[0].deletions) == marks) << "d3 and nothing else";
  EXPECT_EQ(Names(), accepted) << "nothing of the refused one stays";
  EXPECT_TRUE(OpenIndex(files_.get()).ok());

  InterruptedFiles others(index_, [&] {
    ASSERT_TRUE(DeleteFromIndex({"d5"}, files_.get(), writer_.get()).ok());
    accepted = Names();
  });
  EXPECT_EQ(MergeIndex(&others, writer_.get()).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Names(), accepted);
}

// Each is told that somebody else was faster, or its change is there for good.
TEST_F(ChangeIndexTest, OfChangesAtTheSameMomentNoneIsLost) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  constexpr int kChangers = 4;
  constexpr int kIds = 8;
  std::vector<std::thread> changers;
  for (int i = 0; i < kChangers; ++i) {
    changers.emplace_back([this, i] {
      const auto files = *OpenIndexFiles(index_, {});
      const auto writer = *OpenIndexWriter(index_, "");
      for (int id = i * kIds; id < (i + 1) * kIds; ++id) {
        absl::Status status = AbortedError("not yet");
        while (absl::IsAborted(status)) {
          const auto result = DeleteFromIndex({fmt::format("d{}", id)}, files.get(), writer.get());
          status = result.status();
          if (result.ok()) {
            EXPECT_EQ(result->deleted, 1u) << id;
          }
        }
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& changer : changers) changer.join();
  const auto deletions = Deletions::Parse(Read(Manifest().segments[0].deletions));
  ASSERT_TRUE(deletions.ok()) << deletions.status();
  EXPECT_EQ(deletions->count(), static_cast<uint32_t>(kChangers * kIds));
  EXPECT_EQ(Manifest().generation, 1u + kChangers * kIds);
}

TEST_F(ChangeIndexTest, NobodyWaitsWhileAChangeIsWritten) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  WriteOutput("more/", {Range(90, 100)});
  LockedFiles files(index_);
  UnlockedWriter writer(index_, &files);
  ASSERT_TRUE(AddToIndex("more", &files, &writer).ok());
  ASSERT_TRUE(DeleteFromIndex({"d3", "d60"}, &files, &writer).ok());
  ASSERT_TRUE(MergeIndex(&files, &writer).ok());
  EXPECT_EQ(writer.files_made, 3) << "two of deletions, a segment";
  EXPECT_FALSE(files.held);
}

TEST_F(ChangeIndexTest, AnIdOfSeveralDocumentsIsKnownOnce) {
  WriteOutput("", {{1, 2}, {2, 3}});
  const auto result = DeleteFromIndex({"d2", "nobody"}, files_.get(), writer_.get());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->deleted, 2u);
  EXPECT_EQ(result->unknown, 1u);
}

TEST_F(ChangeIndexTest, AMergedIndexIsThatOfWhatIsLeft) {
  WriteOutput("", {Range(0, 400, 2), Range(1, 400, 2)});
  WriteOutput("more/", {Range(400, 500)});
  ASSERT_TRUE(AddToIndex("more", files_.get(), writer_.get()).ok());
  std::unordered_set<std::string> ids;
  std::vector<int> left;
  for (int i = 0; i < 500; ++i) {
    if (i % 10 == 0) {
      ids.insert("d" + std::to_string(i));
    } else {
      left.push_back(i);
    }
  }
  ASSERT_TRUE(DeleteFromIndex(ids, files_.get(), writer_.get()).ok());
  const auto merged = MergeIndex(files_.get(), writer_.get());
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->documents, 450u);
  ASSERT_EQ(Manifest().segments.size(), 1u);
  EXPECT_TRUE(Read(Manifest().segments[0].file) == Build(left, {}));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "part-r-00000"));
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
  EXPECT_EQ(MergeIndex(files_.get(), writer_.get())->generation, merged->generation)
      << "nothing to do";
}

// Nothing but what its manifest says, so that --overwrite takes the directory for the next one.
TEST_F(ChangeIndexTest, AMergeLeavesOnlyAJobsOutputOfWhatWasAdded) {
  WriteOutput("", {Range(0, 10)});
  for (int night = 1; night <= 3; ++night) {
    WriteOutput("new/", {Range(10 * night, 10 * night + 5), Range(10 * night + 5, 10 * night + 9)});
    const auto added = AddToIndex("new", files_.get(), writer_.get());
    ASSERT_TRUE(added.ok()) << night << ": " << added.status();
    ASSERT_TRUE(
        DeleteFromIndex({fmt::format("d{}", 10 * night)}, files_.get(), writer_.get()).ok());
    EXPECT_THAT(Names("new"), Contains("index.json")) << "not to be replaced yet";
    const auto merged = MergeIndex(files_.get(), writer_.get());
    ASSERT_TRUE(merged.ok()) << merged.status();
    EXPECT_THAT(Names("new"), ElementsAre("_MANIFEST.json"));
    EXPECT_EQ(merged->documents, 10u + 8 * static_cast<uint64_t>(night));
  }
}

TEST_F(ChangeIndexTest, AMergeLeavesWhatSaysThatSegmentsAreOfAnother) {
  WriteOutput("", {Range(0, 10)});
  WriteOutput("a/", {Range(10, 20)});
  WriteOutput("a/b/", {Range(20, 30)});
  WriteOutput("c/", {Range(30, 40)});
  WriteOutput("c/d/", {Range(40, 50)});
  ASSERT_TRUE(AddToIndex("a/b", files_.get(), writer_.get()).ok());
  const Within c = OpenWithin("c");
  ASSERT_TRUE(AddToIndex("d", c.files.get(), c.writer.get()).ok());
  ASSERT_TRUE(AddToIndex("c", files_.get(), writer_.get()).ok());
  // Cut off after the first of its two steps: it is to be done again.
  InterruptedFiles files(
      index_, [&] { ASSERT_TRUE(DeleteFromIndex({"d3"}, files_.get(), writer_.get()).ok()); });
  EXPECT_EQ(AddToIndex("a", &files, writer_.get()).status().code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(MergeIndex(files_.get(), writer_.get()).ok());
  EXPECT_THAT(Names("a"), ElementsAre("_MANIFEST.json", "b", "index.json", "part-r-00000"));
  for (const char* const merged : {"a/b", "c/d"}) {
    EXPECT_THAT(Names(merged), ElementsAre("_MANIFEST.json")) << merged;
  }
  EXPECT_THAT(Names("c"), ElementsAre("_MANIFEST.json", "d"));
  ASSERT_TRUE(AddToIndex("a", files_.get(), writer_.get()).ok());
  EXPECT_EQ(MergeIndex(files_.get(), writer_.get())->documents, 49u);
}

// As "add INDEX ./new" wrote them once.
TEST_F(ChangeIndexTest, AnIndexWithNamesOfBeforeIsOpenedAndMerged) {
  WriteOutput("", {Range(0, 10)});
  WriteOutput("new/", {Range(10, 20)});
  ASSERT_TRUE(AddToIndex("new", files_.get(), writer_.get()).ok());
  std::string json = Read("index.json");
  const std::string name = "new/part-r-00000";
  json.replace(json.find(name), name.size(), "./new//part-r-00000");
  Write("index.json", json);
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
  EXPECT_EQ(AddToIndex("new", files_.get(), writer_.get()).status().code(),
            absl::StatusCode::kAlreadyExists);
  const auto merged = MergeIndex(files_.get(), writer_.get());
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->documents, 20u);
  EXPECT_THAT(Names("new"), ElementsAre("_MANIFEST.json"));
}

TEST_F(ChangeIndexTest, ADamagedSegmentStopsTheMerge) {
  WriteOutput("", {Range(0, 50), Range(50, 90)});
  std::string bytes = Read("part-r-00001");
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  Write("part-r-00001", bytes);
  const auto merged = MergeIndex(files_.get(), writer_.get());
  EXPECT_EQ(merged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(merged.status().message()), HasSubstr("part-r-00001"));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "part-r-00000"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "index.json"));
}

}  // namespace
}  // namespace quern::search
