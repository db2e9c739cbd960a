// What output files hold.
#include <gtest/gtest.h>

#include "common/crc32c.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/output_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

OutputSink Open(const std::string& format, std::unique_ptr<WritableFile> to) {
  auto file = std::make_unique<OutputFile>(std::move(to));
  auto writer = (*FindOutputFormat(format))->Open({}, file.get());
  return OutputSink(std::move(file), *std::move(writer));
}

std::string Written(const std::string& format,
                    const std::vector<std::pair<std::string, std::string>>& records,
                    uint32_t* crc) {
  std::string text;
  OutputSink sink = Open(format, std::make_unique<StringWritable>(&text));
  for (const auto& [key, value] : records) sink.Append(key, value);
  EXPECT_OK(sink.Close());
  EXPECT_EQ(sink.bytes(), text.size());
  EXPECT_EQ(sink.records(), records.size());
  *crc = sink.crc();
  return text;
}

TEST(OutputSinkTest, WritesTextWithATabOnlyBeforeAValue) {
  uint32_t crc = 0;
  EXPECT_EQ(Written("text", {{"a", "1"}, {"b", ""}, {"", "c"}, {"", ""}}, &crc),
            "a\t1\nb\n\tc\n\n");
  EXPECT_EQ(Written("raw", {{"a", "1"}, {"b", ""}, {"c", "2\n3"}}, &crc), "1\n\n2\n3\n");
  EXPECT_EQ(Written("bytes", {{"a", "1"}, {"b", ""}, {"c", "2\n3"}}, &crc), "12\n3");
}

TEST(OutputSinkTest, JsonLinesAreOneLineEach) {
  uint32_t crc = 0;
  EXPECT_EQ(Written("jsonl", {{"a", "{\"n\": 1}"}, {"b", "{}"}}, &crc), "{\"n\": 1}\n{}\n");
  for (const std::string value : {"", "{\n}", "{}\n"}) {
    std::string text;
    OutputFile file(std::make_unique<StringWritable>(&text));
    ASSERT_OK_AND_ASSIGN(const OutputFormat* const format, FindOutputFormat("jsonl"));
    ASSERT_OK_AND_ASSIGN(const auto writer, format->Open({}, &file));
    EXPECT_THAT(writer->Append("a", value), StatusIs(absl::StatusCode::kInvalidArgument)) << value;
    ASSERT_OK(file.Close());
    EXPECT_EQ(text, "") << value;
  }
}

TEST(OutputSinkTest, KeepsRecordsLargerThanItsBuffer) {
  uint32_t crc = 0;
  const std::string large(3 << 20, 'x');
  const std::string nearly((1 << 20) - 1, 'y');
  const std::string text = Written("text", {{"k", large}, {nearly, "v"}, {"k", ""}}, &crc);
  EXPECT_EQ(text, "k\t" + large + "\n" + nearly + "\tv\nk\n");
  EXPECT_EQ(crc, Crc32c(text));
}

TEST(OutputSinkTest, ThrowsTheDisksErrorAndKeepsIt) {
  class Full : public WritableFile {
   public:
    absl::Status Append(std::string_view) override { return ResourceExhaustedError("disk full"); }
    absl::Status Close() override { return absl::OkStatus(); }
  };
  OutputSink sink = Open("text", std::make_unique<Full>());
  EXPECT_THROW(sink.Append("a", std::string(4 << 20, 'x')), EngineError);
  EXPECT_THAT(sink.Close(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(OutputFormatTest, LinesMayBeCompressedAsAWholeFile) {
  std::string lines;
  for (int i = 0; i < 300'000; ++i) lines += fmt::format("key {}\tvalue\n", i);
  for (const std::string& format :
       {std::string("text"), std::string("raw"), std::string("jsonl")}) {
    for (const std::string codec : {"gzip", "zstd"}) {
      std::string bytes;
      auto file = std::make_unique<OutputFile>(std::make_unique<StringWritable>(&bytes));
      auto writer = (*FindOutputFormat(format))->Open({.codec = codec}, file.get());
      ASSERT_OK(writer.status());
      OutputSink sink(std::move(file), *std::move(writer));
      for (int i = 0; i < 300'000; ++i) {
        const std::string key = fmt::format("key {}", i);
        sink.Append(key, format == "text" ? "value" : key + "\tvalue");
      }
      ASSERT_OK(sink.Close());
      EXPECT_EQ(sink.bytes(), bytes.size());
      EXPECT_EQ(sink.crc(), Crc32c(bytes));
      EXPECT_LT(bytes.size(), lines.size() / 3);
      EXPECT_EQ((*FindOutputFormat(format))->Extension({.codec = codec}),
                codec == "gzip" ? ".gz" : ".zst");
      ASSERT_OK_AND_ASSIGN(const auto stream,
                           DecodeByContent(std::make_unique<MemoryStream>(bytes, 10'000)));
      std::string decoded;
      while (true) {
        ASSERT_OK_AND_ASSIGN(const std::string_view piece, stream->Next());
        if (piece.empty()) break;
        decoded += piece;
      }
      EXPECT_EQ(decoded, lines);
    }
  }
  EXPECT_EQ((*FindOutputFormat("record"))->Extension({.codec = "zstd"}), "");
  EXPECT_THAT((*FindOutputFormat("text"))->Open({.codec = "xz"}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(OutputFormatTest, IsFoundByName) {
  for (const std::string& name : OutputFormatNames()) {
    ASSERT_OK_AND_ASSIGN(const OutputFormat* const format, FindOutputFormat(name));
    EXPECT_EQ(format->name(), name);
  }
  const auto unknown = FindOutputFormat("txet");
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(Message(unknown.status()).find("Did you mean text?"), std::string::npos);
}

}  // namespace
}  // namespace quern::mr
