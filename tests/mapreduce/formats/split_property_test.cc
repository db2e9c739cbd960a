// The rule for pieces, for every format: whatever the cuts, the pieces of a file together give each
// record once, in order, and Resync names the places where they begin.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <tuple>
#include <vector>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/parquet_builder.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using Record = std::tuple<uint64_t, std::string, std::string>;  // offset, key, value
using Records = std::vector<Record>;

class SplitPropertyTest : public RandomTest {
 protected:
  // Random lines, long and short ones, as every kind of file is made of.
  std::string SomeLines() {
    std::string text;
    const uint64_t feeds_one_in = 1 + Below(30);
    for (size_t i = Below(300); i > 0; --i) {
      text += OneIn(feeds_one_in) ? '\n' : static_cast<char>(Below(256));
    }
    return text;
  }

  std::string SomePages() {
    std::string file;
    for (uint64_t i = 1 + Below(7); i > 0; --i) {
      file += GzipOf(WarcResponse(fmt::format("http://{}/", i), SomeLines()));
    }
    return file;
  }

  std::string SomeRecords() {
    std::string bytes;
    for (uint64_t i = 1 + Below(6); i > 0; --i) {
      OutputFile file(std::make_unique<StringWritable>(&bytes));
      const auto writer = (*FindOutputFormat("record"))->Open({}, &file);
      for (uint64_t j = 1 + Below(5); j > 0; --j) {
        EXPECT_OK((*writer)->Append(SomeLines(), SomeLines()));
      }
      EXPECT_OK((*writer)->Close());
      EXPECT_OK(file.Close());
    }
    return bytes;
  }

  // With row groups of a few rows.
  std::string SomeTable() {
    std::vector<std::string> rows;
    for (uint64_t i = 1 + Below(60); i > 0; --i) {
      rows.push_back(
          fmt::format(R"({{"n":{},"s":"{}"}})", Below(1000), std::string(Below(40), 'x')));
    }
    auto bytes = WriteParquet(rows, {.row_group_bytes = 1 + Below(300)});
    EXPECT_OK(bytes.status());
    return *std::move(bytes);
  }

  // A file of the format.
  std::string SomeFile(const std::string& format) {
    if (format == "warc") return SomePages();
    if (format == "record") return SomeRecords();
    if (format == "parquet") return SomeTable();
    if (format != "fixed") return SomeLines();
    settings_.record_bytes = 1 + Below(20);
    std::string bytes = SomeLines();
    bytes.resize(bytes.size() / settings_.record_bytes * settings_.record_bytes);
    return bytes;
  }

  ReadOptions Read() const {
    return {.settings = settings_, .path = "/in/f", .scratch_dir = dir_.path(), .memory_bytes = 64};
  }

  absl::Status ReadPiece(const InputFormat& format, ReadableFile* file, uint64_t offset,
                         uint64_t length, Records* found) {
    ASSIGN_OR_RETURN(const auto reader, format.Open(Read(), file, offset, length));
    while (reader->Next()) {
      found->emplace_back(reader->offset(), reader->key(), reader->value());
      if (reader->position() < offset) return InternalError("read before its piece");
    }
    return reader->status();
  }

  void ExpectTheSameWhateverTheCuts(const InputFormat& format, MemoryFile* file) {
    const uint64_t length = file->length();
    Records all;
    ASSERT_OK(ReadPiece(format, file, 0, length, &all));
    for (uint64_t size = 1 + length / 400; size <= length; size += 1 + size / 4) {
      Records found;
      for (uint64_t offset = 0; offset < length; offset += size) {
        ASSERT_OK(
            ReadPiece(format, file, offset, std::min<uint64_t>(size, length - offset), &found));
      }
      ASSERT_EQ(found, all) << format.name() << " in pieces of " << size;
    }
  }

  // A reader that starts where Resync says finds what one of the whole file finds from there on.
  void ExpectThatResyncFindsRecords(const InputFormat& format, MemoryFile* file) {
    const uint64_t length = file->length();
    Records all;
    ASSERT_OK(ReadPiece(format, file, 0, length, &all));
    uint64_t last = 0;
    for (uint64_t at = 0; at <= length; at += 1 + Below(9 + length / 50)) {
      ASSERT_OK_AND_ASSIGN(const uint64_t place, format.Resync(Read(), file, at));
      ASSERT_GE(place, at);
      ASSERT_GE(place, last) << "a later start finds no earlier place";
      last = place;
      Records rest;
      if (place < length) {
        ASSERT_OK(ReadPiece(format, file, place, length - place, &rest));
      }
      ASSERT_LE(rest.size(), all.size());
      ASSERT_EQ(rest, Records(all.end() - static_cast<std::ptrdiff_t>(rest.size()), all.end()));
    }
  }

  const TempDir dir_;
  InputSettings settings_;
};

TEST_F(SplitPropertyTest, EveryFormatGivesEachRecordOnceWhateverTheCuts) {
  std::set<std::string_view> cut;
  for (const std::string& name : InputFormatNames()) {
    ASSERT_OK_AND_ASSIGN(const InputFormat* const format, FindInputFormat(name));
    EXPECT_EQ(format->name(), name);
    if (!format->Installed().ok()) continue;
    // Each piece of a Parquet file reads the footer.
    const int rounds = name == "parquet" ? 1 : 20;
    for (int round = 0; round < rounds; ++round) {
      settings_ = {};
      MemoryFile file(SomeFile(name), 1 + Below(20));
      ASSERT_OK_AND_ASSIGN(const auto first, ReadFirstBytes(&file));
      if (format->Plan(file.length(), first) != FileUse::kPieces) continue;
      cut.insert(format->name());
      ExpectTheSameWhateverTheCuts(*format, &file);
      ExpectThatResyncFindsRecords(*format, &file);
      if (HasFatalFailure()) return;
    }
  }
  std::set<std::string_view> expected = {"text", "fixed", "jsonl", "warc", "record"};
  if ((*FindInputFormat("parquet"))->Installed().ok()) expected.insert("parquet");
  EXPECT_EQ(cut, expected);
}

}  // namespace
}  // namespace quern::mr
