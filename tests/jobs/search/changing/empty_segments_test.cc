// Jobs with few documents make segments without any: no change lists them.
#include <fmt/format.h>
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

using ::testing::ElementsAre;

class EmptySegmentsTest : public ::testing::Test {
 protected:
  // The output of a job with a segment for each id, which "" leaves empty.
  void WriteOutput(const std::string& dir, const std::vector<std::string>& ids) const {
    std::filesystem::create_directories(dir_ / dir);
    std::string parts;
    for (size_t i = 0; i < ids.size(); ++i) {
      SegmentBuilder builder(SegmentBuilderOptions{});
      IndexedDocument document;
      document.id = ids[i];
      document.text = "all";
      if (!ids[i].empty()) builder.Add(document);
      const std::string name = fmt::format("part-r-0000{}", i);
      Write(dir + name, builder.Finish());
      parts += fmt::format(R"({}{{"name": "{}"}})", i == 0 ? "" : ", ", name);
    }
    Write(dir + "_MANIFEST.json", fmt::format(R"({{"parts": [{}]}})", parts));
  }
  void Write(const std::string& name, std::string_view bytes) const {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
  }
  std::vector<std::string> FileNames(const std::string& dir = "") const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / dir)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::vector<std::string> FilesOf(const absl::StatusOr<IndexManifest>& manifest) {
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    std::vector<std::string> files;
    if (!manifest.ok()) return files;
    for (const IndexSegment& segment : manifest->segments) files.push_back(segment.file);
    return files;
  }

  const TempDir dir_;
  const std::string index_ = "file://" + dir_.path();
  const std::unique_ptr<IndexFiles> files_ = *OpenIndexFiles(index_, {});
  const std::unique_ptr<IndexWriter> writer_ = *OpenIndexWriter(index_, "");
};

TEST_F(EmptySegmentsTest, AreNotAdded) {
  WriteOutput("", {"a", "", ""});
  WriteOutput("new/", {"", "b"});
  EXPECT_THAT(FilesOf(AddToIndex("new", files_.get(), writer_.get())),
              ElementsAre("part-r-00000", "new/part-r-00001"));
  EXPECT_THAT(FileNames("new"), ElementsAre("_MANIFEST.json", "index.json", "part-r-00001"));
}

// So that --overwrite takes the directory for the next one.
TEST_F(EmptySegmentsTest, AJobWithoutDocumentsAddsNothing) {
  WriteOutput("", {"a"});
  WriteOutput("new/", {"", ""});
  EXPECT_THAT(FilesOf(AddToIndex("new", files_.get(), writer_.get())), ElementsAre("part-r-00000"));
  EXPECT_THAT(FileNames("new"), ElementsAre("_MANIFEST.json", "part-r-00000", "part-r-00001"));
  EXPECT_THAT(FileNames(), ElementsAre("_MANIFEST.json", "new", "part-r-00000"));
}

TEST_F(EmptySegmentsTest, AnIndexMayLoseAllItsDocuments) {
  WriteOutput("", {"a", ""});
  ASSERT_TRUE(DeleteFromIndex({"a"}, files_.get(), writer_.get()).ok());
  EXPECT_THAT(FilesOf(MergeIndex(files_.get(), writer_.get())), ElementsAre());
  EXPECT_THAT(FileNames(), ElementsAre("_MANIFEST.json", "index.json"));
  EXPECT_TRUE(OpenIndex(files_.get()).ok());
  WriteOutput("new/", {"b"});
  EXPECT_THAT(FilesOf(AddToIndex("new", files_.get(), writer_.get())),
              ElementsAre("new/part-r-00000"));
  EXPECT_EQ((*OpenIndex(files_.get()))->documents(), 1u);
}

}  // namespace
}  // namespace quern::search
