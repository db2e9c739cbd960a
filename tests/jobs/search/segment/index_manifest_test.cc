#include "jobs/search/segment/index_manifest.h"

#include <gtest/gtest.h>

namespace quern::search {
namespace {

SegmentMeta MakeMeta() {
  SegmentMeta meta;
  meta.documents = 10;
  meta.fields = {{"title", 20}, {"body", 3000}};
  meta.analysis = {"english", true, false};
  return meta;
}

TEST(IndexManifestTest, ReadsWhatItWrites) {
  IndexManifest manifest;
  ASSERT_TRUE(AddSegment("a/part-r-00000", MakeMeta(), &manifest).ok());
  ASSERT_TRUE(AddSegment("b\"ü", MakeMeta(), &manifest).ok());
  manifest.segments[1].deletions = "b.deleted";
  manifest.generation = 7;
  manifest.part_of = "new";
  const auto read = ParseIndexManifest(FormatIndexManifest(manifest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->generation, 7u);
  EXPECT_EQ(read->documents, 20u);
  ASSERT_EQ(read->fields.size(), 2u);
  EXPECT_EQ(read->fields[1].name, "body");
  EXPECT_EQ(read->fields[1].total_length, 6000u);
  EXPECT_EQ(read->analysis, manifest.analysis);
  EXPECT_EQ(read->stored, false);
  EXPECT_EQ(read->part_of, "new");
  ASSERT_EQ(read->segments.size(), 2u);
  EXPECT_EQ(read->segments[0].file, "a/part-r-00000");
  EXPECT_EQ(read->segments[0].deletions, "");
  EXPECT_EQ(read->segments[1].file, "b\"ü");
  EXPECT_EQ(read->segments[1].deletions, "b.deleted");
  EXPECT_EQ(read->segments[1].documents, 10u);
}

TEST(IndexManifestTest, RefusesSegmentsOfAnotherKind) {
  IndexManifest manifest;
  ASSERT_TRUE(AddSegment("a", MakeMeta(), &manifest).ok());
  SegmentMeta other = MakeMeta();
  other.analysis.stem = false;
  EXPECT_EQ(AddSegment("b", other, &manifest).code(), absl::StatusCode::kFailedPrecondition);
  other = MakeMeta();
  other.fields.pop_back();
  EXPECT_EQ(AddSegment("b", other, &manifest).code(), absl::StatusCode::kFailedPrecondition);
  other = MakeMeta();
  other.analysis.version = 0;
  const absl::Status status = AddSegment("b", other, &manifest);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("version 0"), std::string_view::npos) << status;
  other = MakeMeta();
  other.has_stored = true;
  EXPECT_EQ(AddSegment("b", other, &manifest).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(manifest.segments.size(), 1u);
}

TEST(IndexManifestTest, ASegmentWithoutDocumentsIsNotListed) {
  IndexManifest manifest;
  SegmentMeta empty = MakeMeta();
  empty.documents = 0;
  empty.fields = {{"title", 0}, {"body", 0}};
  ASSERT_TRUE(AddSegment("a", empty, &manifest).ok());
  EXPECT_TRUE(manifest.segments.empty());
  EXPECT_EQ(manifest.fields.size(), 2u) << "queries may name them";
  SegmentMeta other = MakeMeta();
  other.analysis.stem = false;
  EXPECT_EQ(AddSegment("b", other, &manifest).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(AddSegment("c", MakeMeta(), &manifest).ok());
  ASSERT_TRUE(AddSegment("d", empty, &manifest).ok());
  ASSERT_EQ(manifest.segments.size(), 1u);
  EXPECT_EQ(manifest.segments[0].file, "c");
}

// An index of before keeps its analysis and the form that programs of then can read.
TEST(IndexManifestTest, AnOldAnalysisStaysWhatItWas) {
  SegmentMeta old = MakeMeta();
  old.analysis.version = 0;
  old.length_widths = {1, 2};
  IndexManifest manifest;
  ASSERT_TRUE(AddSegment("a", old, &manifest).ok());
  const std::string text = FormatIndexManifest(manifest);
  EXPECT_NE(text.find(R"("version": 1)"), std::string::npos) << text;
  EXPECT_EQ(ParseIndexManifest(text)->analysis.version, 0u);
  ASSERT_TRUE(ParseSegmentMeta(FormatSegmentMeta(old), &old));
  EXPECT_EQ(old.analysis.version, 0u);
  const std::string damaged =
      R"({"version": 2, "generation": 1, "documents": 0, "fields": [], "segments": [],
          "analysis": {"language": "", "stem": false, "stop_words": false}})";
  EXPECT_EQ(ParseIndexManifest(damaged).status().code(), absl::StatusCode::kDataLoss);
}

TEST(IndexManifestTest, RefusesWhatIsNone) {
  for (
      const std::string_view text :
      {"", "{", "[]", "{}", R"({"version": 1})",
       R"({"version": 1, "generation": 1, "documents": 1, "fields": 1, "analysis": {}, "segments": []})"}) {
    EXPECT_EQ(ParseIndexManifest(text).status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_EQ(ParseJobParts(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
  EXPECT_EQ(ParseIndexManifest(R"({"version": 3})").status().code(),
            absl::StatusCode::kUnimplemented);
}

absl::StatusOr<IndexManifest> ReadBack(const std::string& file, const std::string& deletions) {
  IndexManifest manifest;
  EXPECT_TRUE(AddSegment(file, MakeMeta(), &manifest).ok());
  manifest.segments[0].deletions = deletions;
  return ParseIndexManifest(FormatIndexManifest(manifest));
}

absl::StatusOr<std::vector<std::string>> ReadPart(const std::string& name) {
  return ParseJobParts(R"({"parts": [{"name": ")" + name + R"("}]})");
}

void ExpectNamed(const absl::Status& status, const std::string& name) {
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << name;
  EXPECT_NE(status.message().find("'" + name + "'"), std::string_view::npos) << status;
}

// Files that a merge removes must be files of the index.
TEST(IndexManifestTest, RefusesNamesThatLeadElsewhere) {
  EXPECT_TRUE(IsIndexName("a"));
  EXPECT_TRUE(IsIndexName("..a/b.c/..."));
  for (const std::string name :
       {"", "/", "/a", ".", "./", "..", "../a", "./../a", "a/..", "a/../b", "a/../../b"}) {
    EXPECT_FALSE(IsIndexName(name)) << name;
    ExpectNamed(ReadBack(name, "").status(), name);
    ExpectNamed(ReadPart(name).status(), name);
    if (name.empty()) continue;  // nothing is deleted
    ExpectNamed(ReadBack("a", name).status(), name);
  }
}

// As "add INDEX ./new" wrote them once.
TEST(IndexManifestTest, NamesOfBeforeAreReadInTheOneForm) {
  for (const auto& [name, plain] : {std::pair<std::string, std::string>{"./new/a", "new/a"},
                                    {"new//a", "new/a"},
                                    {"new/././/a", "new/a"},
                                    {".//a", "a"},
                                    {"..a/.b", "..a/.b"}}) {
    EXPECT_TRUE(IsIndexName(plain)) << plain;
    const auto read = ReadBack(name, name + ".deleted");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->segments[0].file, plain);
    EXPECT_EQ(read->segments[0].deletions, plain + ".deleted");
    const auto parts = ReadPart(name);
    ASSERT_TRUE(parts.ok()) << parts.status();
    EXPECT_EQ(*parts, std::vector<std::string>{plain});
  }
  for (const std::string name : {"a/", "a//b", "./a", "a/./b"}) {
    EXPECT_FALSE(IsIndexName(name)) << name;
  }
}

TEST(IndexManifestTest, ReadsThePartsOfAJob) {
  const auto parts = ParseJobParts(R"({"parts": [{"name": "part-r-00000", "bytes": 3}]})");
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_EQ(*parts, std::vector<std::string>{"part-r-00000"});
}

}  // namespace
}  // namespace quern::search
