// Which format a file has by its name, and that it is read in that one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "mapreduce/formats/mixed_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MixedFormatTest : public ::testing::Test {
 protected:
  std::vector<std::string> Read(const std::string& path, const std::string& contents) const {
    MemoryFile file(contents, 7);
    const ReadOptions options = {
        .settings = {}, .path = path, .scratch_dir = dir_.path(), .memory_bytes = 64};
    const auto reader = mixed_->Open(options, &file, 0, contents.size());
    EXPECT_OK(reader);
    std::vector<std::string> values;
    while (reader.ok() && (*reader)->Next()) values.emplace_back((*reader)->value());
    return values;
  }

  const TempDir dir_;
  const InputFormat* const mixed_ = *FindInputFormat("mixed");
};

TEST_F(MixedFormatTest, TheNameOfAFileSaysItsFormat) {
  const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> names = {
      {"warc", {"/c/a.warc", "/c/a.warc.gz", "b.WARC.ZST", "CC-MAIN-1.warc.wet.gz", "x.wat.bz2"}},
      {"jsonl", {"a.jsonl", "a.jsonl.zst", "/x/a.ndjson.xz", "a.json", "A.Json.gz", "a.json.lz4"}},
      {"parquet", {"a.parquet", "train-00000-of-00016.parquet"}},
      {"whole",
       {"a.html", "a.htm.gz", "a.xhtml", "a.txt", "a.md.gz", "README", "part-r-00000", "a.pdf", "",
        "warc", "a.warc.gz.txt", "a.gz", "/a.warc/index", "/a.jsonl/b.html", "a.jsonl.gz.gz"}}};
  for (const auto& [format, files] : names) {
    for (const std::string_view file : files) {
      EXPECT_EQ(FormatNameOfFile(file), format) << file;
      EXPECT_EQ(mixed_->FormatOf(file).name(), format) << file;
    }
  }
}

TEST_F(MixedFormatTest, OtherFormatsReadFilesOfAnyName) {
  for (const std::string& name : InputFormatNames()) {
    if (name == "mixed") continue;
    const InputFormat* const format = *FindInputFormat(name);
    EXPECT_EQ(&format->FormatOf("a.warc.gz"), format) << name;
  }
}

TEST_F(MixedFormatTest, ReadsEachFileInItsFormat) {
  const std::string record = WarcResponse("http://h/", "page");
  EXPECT_THAT(Read("/in/a.warc", record), ElementsAre("page"));
  EXPECT_THAT(Read("/in/a.warc.zst", ZstdOf(record)), ElementsAre("page"));
  EXPECT_THAT(Read("/in/a.jsonl", "{}\n[]\n"), ElementsAre("{}", "[]"));
  EXPECT_THAT(Read("/in/a.json.gz", GzipOf("{}\n[]\n")), ElementsAre("{}", "[]"));
  EXPECT_THAT(Read("/in/a.html", "<p>a\n<p>b\n"), ElementsAre("<p>a\n<p>b\n"));
  EXPECT_THAT(Read("/in/a.txt.gz", GzipOf("a\nb\n")), ElementsAre("a\nb\n"));
  MemoryFile page("<p>no record", 7);
  const ReadOptions options = {.settings = {}, .path = "/in/a.warc", .scratch_dir = dir_.path()};
  const auto reader = mixed_->Open(options, &page, 0, page.length());
  ASSERT_OK(reader.status());
  EXPECT_FALSE((*reader)->Next());
  EXPECT_EQ((*reader)->set_aside(), (std::map<std::string, uint64_t>{{"no_warc", 1}}));
}

// Also one that has more bytes than a record may have.
TEST_F(MixedFormatTest, ACrawlWhoseNameSaysNothingIsRefused) {
  const std::string record = WarcResponse("http://h/", "page");
  const std::vector<std::pair<std::string, std::string>> files = {{"/in/crawl", record},
                                                                  {"/in/crawl.gz", GzipOf(record)},
                                                                  {"/in/crawl.zst", ZstdOf(record)},
                                                                  {"/in/a.html", record}};
  for (const auto& [path, contents] : files) {
    MemoryFile file(contents, 3);
    const ReadOptions options = {
        .settings = {}, .path = path, .scratch_dir = dir_.path(), .most_bytes = 10};
    EXPECT_THAT(
        mixed_->Open(options, &file, 0, file.length()),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("is a WARC file, and its name does not say so"),
                       HasSubstr("--format warc (of a stage: --set STAGE.input.format=warc, "
                                 "of mr run corpus: --set extract.input.format=warc)"))))
        << path;
  }
  EXPECT_THAT(Read("/in/a.txt", record), ElementsAre(record));
  EXPECT_THAT(Read("/in/a.MD.gz", GzipOf(record)), ElementsAre(record));
}

// They would be one page or document for each part.
TEST_F(MixedFormatTest, PartsWithJsonLinesAreRefused) {
  const std::string lines = "{\"text\": \"a\"}\n{\"text\": \"b\"}\n";
  const std::vector<std::pair<std::string, std::string>> files = {
      {"/out/part-r-00000", lines}, {"/out/part-m-00017.gz", GzipOf(lines)}, {"part-00000", lines}};
  for (const auto& [path, contents] : files) {
    MemoryFile file(contents, 3);
    const ReadOptions options = {.settings = {}, .path = path, .scratch_dir = dir_.path()};
    EXPECT_THAT(mixed_->Open(options, &file, 0, file.length()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("is a part with JSON lines, and its name does not say so"),
                               HasSubstr("--format jsonl (of a stage: --set "))))
        << path;
  }
  EXPECT_THAT(Read("/out/part-r-00000", "<p>page"), ElementsAre("<p>page"));
  EXPECT_THAT(Read("/out/part-1.html", lines), ElementsAre(lines));
  EXPECT_THAT(Read("/out/parts", lines), ElementsAre(lines));
  EXPECT_THAT(Read("/out/part-r-00000.jsonl", "{}\n{}\n"), ElementsAre("{}", "{}"));
}

TEST_F(MixedFormatTest, AFileThatIsLookedIntoIsReadAsAWhole) {
  for (const std::string& contents :
       {std::string(), std::string("WARC/"), std::string("WARC/1"), std::string("x"),
        std::string(" WARC/1.0\r\n"), std::string("WARC/2.0\r\n"), std::string(1000, 'x')}) {
    EXPECT_THAT(Read("/in/a", contents), ElementsAre(contents));
    EXPECT_THAT(Read("/in/a.gz", GzipOf(contents)), ElementsAre(contents));
  }
  const std::string damaged = GzipOf("some text").substr(0, 15);
  EXPECT_THAT(Read("/in/a.gz", damaged), IsEmpty());
}

TEST_F(MixedFormatTest, HasTheSettingsOfItsFormats) {
  EXPECT_OK(mixed_->Check({}));
  EXPECT_OK(mixed_->Check({.record_bytes = 0, .columns = "id, text"}));
  EXPECT_THAT(mixed_->Check({.record_bytes = 7, .columns = {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("record_bytes")));
  EXPECT_THAT(mixed_->Check({.record_bytes = 7, .columns = "id"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("record_bytes")));
}

}  // namespace
}  // namespace quern::mr
