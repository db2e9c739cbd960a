#include "mapreduce/plan/file_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

TEST(FilePattern, NumbersFiles) {
  EXPECT_EQ(FileNameOf("train-{i:05}-of-{n:05}.jsonl.zst", 7, 128),
            "train-00007-of-00128.jsonl.zst");
  EXPECT_EQ(FileNameOf("{n}.{i}", 0, 1), "1.0");
  EXPECT_EQ(FileNameOf("{i:02}", 12345, 99999), "12345") << "digits at least";
}

TEST(FilePattern, IsCheckedBeforeAnythingRuns) {
  for (const char* right : {"{i}", "x{i:05}", "{i}-{n}-{i:1}.gz", "a{n}{i:20}"}) {
    EXPECT_TRUE(CheckFilePattern(right).ok()) << right;
  }
  const struct {
    std::string pattern;
    std::string problem;
  } kWrong[] = {{"part", "all files would have one name"},
                {"{n}", "all files would have one name"},
                {"{j}{i}", "in braces"},
                {"{i", "in braces"},
                {"i}{i}", "in braces"},
                {"{i:x}", "in braces"},
                {"{i:}", "in braces"},
                {"{i:21}", "in braces"},
                {"{i:000000005}", "in braces"},
                {"{}{i}", "in braces"},
                {"a/{i}", "is no name of a file"},
                {std::string("a\0{i}", 5), "is no name of a file"},
                {std::string(300, 'a') + "{i}", "is no name of a file"},
                {"_{i}", "not read as input"},
                {".{i}", "not read as input"}};
  for (const auto& [pattern, problem] : kWrong) {
    EXPECT_THAT(std::string(CheckFilePattern(pattern).message()), HasSubstr(problem)) << pattern;
  }
}

pb::JobSpec::Output Output(const std::string& format, const std::string& codec,
                           const std::string& files) {
  pb::JobSpec::Output output;
  output.set_format(format);
  output.set_codec(codec);
  output.set_files(files);
  FillCodec(&output);
  return output;
}

TEST(FilePattern, TheEndOfTheNameChoosesTheCodec) {
  EXPECT_EQ(Output("text", "", "{i}.zst").codec(), "zstd");
  EXPECT_EQ(Output("raw", "", "{i}.jsonl.gz").codec(), "gzip");
  EXPECT_EQ(Output("raw", "", "{i}.jsonl").codec(), "none");
  EXPECT_EQ(Output("record", "", "{i}.rec").codec(), "zstd") << "of the blocks in it";
  EXPECT_EQ(Output("text", "none", "{i}.zst").codec(), "none") << "what was said stands";
}

TEST(FilePattern, AndMustNotContradictIt) {
  for (const auto& [codec, files] :
       {std::pair("zstd", "{i}.zst"), {"none", "{i}.jsonl"}, {"", "{i}.gz"}, {"", "{i}"}}) {
    EXPECT_TRUE(CheckCodecOfPattern(Output("text", codec, files)).ok()) << files;
  }
  const struct {
    std::string format, codec, files, problem;
  } kWrong[] = {{"text", "none", "{i}.zst", "says zstd, but the format text with codec = \"none\""},
                {"text", "gzip", "{i}.zst", "makes files that end with .gz. Try: {i}.zst.gz"},
                {"text", "zstd", "{i}.jsonl", "makes files that end with .zst"},
                {"text", "", "{i}.xz", "says xz"},
                {"record", "", "{i}.zst", "says zstd, but the format record"}};
  for (const auto& [format, codec, files, problem] : kWrong) {
    EXPECT_THAT(std::string(CheckCodecOfPattern(Output(format, codec, files)).message()),
                HasSubstr(problem))
        << files;
  }
}

}  // namespace
}  // namespace quern::mr
