// What changes of an index leave that were killed in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "jobs/search/changing/change_index.h"
#include "jobs/search/segment/segment_builder.h"
#include "jobs/search/serving/open_index.h"
#include "tests/support/temp_dir.h"

namespace quern::search {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class LeftoversTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"part-r-00000", "part-r-00001"}) {
      SegmentBuilder builder(SegmentBuilderOptions{});
      IndexedDocument document;
      document.id = name;
      document.text = "all";
      builder.Add(document);
      Write(name, builder.Finish());
    }
    Write("_MANIFEST.json", R"({"parts": [{"name": "part-r-00000"}, {"name": "part-r-00001"}]})");
  }
  void Write(const std::string& name, std::string_view bytes) const {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
  }
  std::vector<std::string> FileNames() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const TempDir dir_;
  const std::string index_ = "file://" + dir_.path();
  const std::unique_ptr<IndexFiles> files_ = *OpenIndexFiles(index_, {});
  const std::unique_ptr<IndexWriter> writer_ = *OpenIndexWriter(index_, "");
};

TEST_F(LeftoversTest, OfAKilledMergeTheNextOneRemoves) {
  Write("merged-2-da5bf81a.e267ac2d", "half a segment");
  Write("merged-2-00000000", "a segment that no manifest came to name");
  Write("part-r-00000.deleted-1-12345678", "marks");
  const auto merged = MergeIndex(files_.get(), writer_.get());
  ASSERT_TRUE(merged.ok()) << merged.status();
  ASSERT_EQ(merged->generation, 2u);
  EXPECT_THAT(FileNames(), ElementsAre("_MANIFEST.json", "index.json", merged->segments[0].file));
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
}

TEST_F(LeftoversTest, WhatALaterChangeMayBeWritingStays) {
  const std::vector<std::string> kept = {
      "merged-3-da5bf81a.e267ac2d", "merged-3-da5bf81a",  "merged-2-da5bf81",
      "merged-2-da5bf81a.txt",      "merged-2",           "merged--da5bf81a",
      "my-merged-2-da5bf81a",       "index.json.da5bf81a"};
  for (const std::string& name : kept) Write(name, "x");
  const auto deleted = DeleteFromIndex({"part-r-00000"}, files_.get(), writer_.get());
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  for (const std::string& name : kept) EXPECT_THAT(FileNames(), Contains(name));
  EXPECT_TRUE(OpenIndex(files_.get()).ok()) << "its own marks are there";
}

// Two merges at once: the first to end removes the file under the other, which is told so.
TEST_F(LeftoversTest, WhoeverIsOvertakenIsToldSo) {
  class Overtaken final : public IndexWriter {
   public:
    Overtaken(const std::string& index, IndexFiles* files)
        : index_(index), files_(files), writer_(*OpenIndexWriter(index, "")) {}
    absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
      auto file = writer_->Create(name);
      const auto other = OpenIndexWriter(index_, "");
      EXPECT_TRUE(MergeIndex(files_, other->get()).ok());
      return file;
    }
    absl::StatusOr<std::unique_ptr<NewIndexFile>> Replace(std::string_view name) override {
      return writer_->Replace(name);
    }
    absl::Status Remove(std::string_view name) override { return writer_->Remove(name); }
    absl::StatusOr<std::vector<std::string>> List() override { return writer_->List(); }

   private:
    const std::string index_;
    IndexFiles* const files_;
    const std::unique_ptr<IndexWriter> writer_;
  };
  Overtaken writer(index_, files_.get());
  const auto others = OpenIndexFiles(index_, {});
  const auto merged = MergeIndex(others->get(), &writer);
  EXPECT_EQ(merged.status().code(), absl::StatusCode::kAborted) << merged.status();
  EXPECT_EQ(FileNames().size(), 3u) << "the manifest of the job, that of the index, a segment";
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
}

}  // namespace
}  // namespace quern::search
