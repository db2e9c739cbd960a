// What each format makes of a file; split_property_test.cc cuts files of all of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "mapreduce/formats/input_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using Found = std::vector<std::pair<uint64_t, std::string>>;  // offset, value

// A format and what its readers are given.
struct Way {
  std::string format;
  ReadOptions read;
};

Way Options(const TempDir& dir, const std::string& format) {
  return {format, {.settings = {}, .path = "/in/f", .scratch_dir = dir.path(), .memory_bytes = 64}};
}

absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecords(const Way& way, ReadableFile* file,
                                                          uint64_t offset, uint64_t length) {
  ASSIGN_OR_RETURN(const InputFormat* const format, FindInputFormat(way.format));
  return format->Open(way.read, file, offset, length);
}

absl::Status ReadPiece(const Way& options, ReadableFile* file, uint64_t offset, uint64_t length,
                       Found* found) {
  ASSIGN_OR_RETURN(const auto reader, OpenRecords(options, file, offset, length));
  while (reader->Next()) found->emplace_back(reader->offset(), reader->value());
  return reader->status();
}

Found NaiveLines(const std::string& text) {
  Found lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.emplace_back(start, text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

void ExpectSameForEverySplitSize(const std::string& text, size_t piece_bytes) {
  const TempDir dir;
  MemoryFile file(text, piece_bytes);
  for (uint64_t size = 1; size <= text.size() + 1; ++size) {
    Found found;
    for (uint64_t offset = 0; offset < text.size(); offset += size) {
      ASSERT_OK(ReadPiece(Options(dir, "text"), &file, offset,
                          std::min<uint64_t>(size, text.size() - offset), &found));
    }
    ASSERT_EQ(found, NaiveLines(text)) << "splits of " << size << ", pieces of " << piece_bytes;
  }
}

TEST(LineReaderTest, EverySplitSizeGivesEachLineOnce) {
  for (const char* text : {"", "\n", "a", "a\n", "\n\n\n", "a\nb", "a\r\nb\r\n",
                           "\na\n\nlong line\n", "no line feed at all", "x\n\n\n\ny"}) {
    for (size_t piece_bytes : {1u, 2u, 3u, 1000u}) ExpectSameForEverySplitSize(text, piece_bytes);
  }
}

using LineReaderRandomTest = RandomTest;

TEST_F(LineReaderRandomTest, EverySplitSizeGivesEachLineOnce) {
  for (int round = 0; round < 30; ++round) {
    std::string text;
    const uint64_t feeds_one_in = 1 + Below(30);
    for (size_t i = Below(120); i > 0; --i) {
      text += OneIn(feeds_one_in) ? '\n' : static_cast<char>(Below(256));
    }
    ExpectSameForEverySplitSize(text, 1 + Below(20));
  }
}

TEST(LineReaderTest, LinesBeyondMemoryComeFromAScratchFile) {
  const TempDir dir;
  const std::string text = "short\n" + std::string(100'000, 'x') + "\nend";
  MemoryFile file(text, 1000);
  Found found;
  ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, text.size(), &found));
  EXPECT_EQ(found, NaiveLines(text));
}

// What is read of a file in pieces, the number of lines set aside, and nothing else set aside.
void ReadInPieces(const Way& way, ReadableFile* file, uint64_t size, Found* found,
                  uint64_t* too_large) {
  for (uint64_t offset = 0; offset < file->length(); offset += size) {
    const uint64_t length = std::min(size, file->length() - offset);
    ASSERT_OK_AND_ASSIGN(const auto reader, OpenRecords(way, file, offset, length));
    while (reader->Next()) found->emplace_back(reader->offset(), reader->value());
    ASSERT_OK(reader->status());
    EXPECT_FALSE(reader->Next());
    for (const auto& [reason, count] : reader->set_aside()) {
      EXPECT_EQ(reason, "too_large");
      *too_large += count;
    }
  }
}

TEST(LineReaderTest, LinesLongerThanRecordsMayBeAreSetAsideOnce) {
  const TempDir dir;
  Way way = Options(dir, "jsonl");
  way.read.most_bytes = 20;
  const std::string longest(20, 'l');
  const std::string long_line(63, 'x');
  for (const std::string& text :
       {"a\n" + long_line + "\n" + long_line + "\nb\n" + longest + "\n" + long_line,
        long_line + "\n" + longest, long_line, longest + "x\n", longest}) {
    Found kept;
    uint64_t long_lines = 0;
    for (const auto& line : NaiveLines(text)) {
      line.second.size() <= longest.size() ? kept.push_back(line) : void(++long_lines);
    }
    for (uint64_t size = 1; size <= text.size(); ++size) {
      MemoryFile file(text, 7);
      Found found;
      uint64_t too_large = 0;
      ReadInPieces(way, &file, size, &found, &too_large);
      ASSERT_EQ(found, kept) << "pieces of " << size;
      ASSERT_EQ(too_large, long_lines) << "pieces of " << size;
    }
  }
}

// A small file that expands to a line, or a contents, of any length ends no job.
TEST(LineReaderTest, BombsAreSetAside) {
  const TempDir dir;
  const std::string text = "a\n" + std::string(4 << 20, 'x') + "\nb\n";
  MemoryFile file(GzipOf(text), 1000);
  for (const bool whole : {false, true}) {
    Way way = Options(dir, whole ? "whole" : "text");
    way.read.most_bytes = 2 << 20;
    Found found;
    uint64_t too_large = 0;
    ReadInPieces(way, &file, file.length(), &found, &too_large);
    EXPECT_EQ(found, whole ? Found() : (Found{{0, "a"}, {text.size() - 2, "b"}}));
    EXPECT_EQ(too_large, 1u);
  }
}

TEST(FixedReaderTest, EverySplitSizeGivesEachRecordOnce) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 11; ++i) text += fmt::format("{:07}", i);
  MemoryFile file(text, 5);
  Way options = Options(dir, "fixed");
  options.read.settings.record_bytes = 7;
  for (uint64_t size = 1; size <= text.size(); ++size) {
    Found found;
    for (uint64_t offset = 0; offset < text.size(); offset += size) {
      ASSERT_OK(ReadPiece(options, &file, offset, std::min<uint64_t>(size, text.size() - offset),
                          &found));
    }
    ASSERT_EQ(found.size(), 11u) << size;
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i], (std::pair<uint64_t, std::string>(7 * i, text.substr(7 * i, 7))));
    }
  }
}

TEST(FixedReaderTest, RefusesAShortLastRecord) {
  const TempDir dir;
  MemoryFile file("1234567", 100);
  Way options = Options(dir, "fixed");
  options.read.settings.record_bytes = 3;
  Found found;
  EXPECT_THAT(ReadPiece(options, &file, 0, 7, &found), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(found.size(), 2u);
}

TEST(WholeReaderTest, GivesTheFileEvenWhenItIsEmptyOrLarge) {
  const TempDir dir;
  for (const std::string& text : {std::string(), std::string("a\nb"), std::string(5000, 'z')}) {
    MemoryFile file(text, 100);
    Found found;
    ASSERT_OK(ReadPiece(Options(dir, "whole"), &file, 0, text.size(), &found));
    EXPECT_EQ(found, (Found{{0, text}}));
  }
}

std::string Gzip(const std::string& text) { return GzipOf(text); }
std::string Zstd(const std::string& text) { return ZstdOf(text); }

TEST(DecoderTest, UnpacksMembersAndFramesByContent) {
  const TempDir dir;
  std::string large;
  for (int i = 0; i < 100'000; ++i) large += fmt::format("line {}\n", i);
  for (const auto& pack : {Gzip, Zstd, Bzip2Of, XzOf, Lz4Of}) {
    for (size_t piece_bytes : {7u, 4096u}) {
      MemoryFile file(pack("one\ntwo") + pack("\n") + pack(large), piece_bytes);
      Found found;
      ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, file.length(), &found));
      ASSERT_EQ(found, NaiveLines("one\ntwo\n" + large));
    }
  }
}

TEST(DecoderTest, NothingPackedIsNothing) {
  const TempDir dir;
  for (const auto& pack : {Gzip, Zstd, Bzip2Of, XzOf, Lz4Of}) {
    for (const std::string& text : {std::string(), std::string("one\ntwo\n")}) {
      for (size_t piece_bytes : {1u, 4096u}) {
        const std::string packed = text.empty() ? pack("") : pack("") + pack(text) + pack("");
        MemoryFile file(packed, piece_bytes);
        ASSERT_OK_AND_ASSIGN(const auto reader,
                             OpenRecords(Options(dir, "text"), &file, 0, file.length()));
        Found found;
        while (reader->Next()) found.emplace_back(reader->offset(), reader->value());
        EXPECT_OK(reader->status());
        EXPECT_EQ(found, NaiveLines(text));
        EXPECT_TRUE(reader->set_aside().empty());
      }
    }
  }
}

TEST(DecoderTest, PassesOverWhatIsNoGzipMember) {
  const TempDir dir;
  for (const std::string& tail : {std::string(1, '\0'), std::string(2000, '\0'),
                                  std::string("garbage"), std::string("\x1fx")}) {
    for (size_t piece_bytes : {1u, 7u, 4096u}) {
      MemoryFile file(Gzip("one\n") + Gzip("two\n") + tail, piece_bytes);
      Found found;
      ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, file.length(), &found));
      ASSERT_EQ(found, NaiveLines("one\ntwo\n")) << tail.size() << " bytes, " << piece_bytes;
    }
  }
}

TEST(DecoderTest, SkipsFramesThatAreToBeSkipped) {
  const TempDir dir;
  for (const int number : {0, 15}) {
    std::string frame("\x50\x2a\x4d\x18\x04\x00\x00\x00size", 12);
    frame[0] = static_cast<char>(0x50 + number);
    for (size_t piece_bytes : {1u, 4096u}) {
      MemoryFile file(frame + Zstd("one\n") + frame + Zstd("two\n"), piece_bytes);
      Found found;
      ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, file.length(), &found));
      ASSERT_EQ(found, NaiveLines("one\ntwo\n"));
    }
  }
}

TEST(DecoderTest, AFewBytesAreNoCompressedFile) {
  const TempDir dir;
  for (const std::string& text : {std::string("B"), std::string("BZh"), std::string("BZh9"),
                                  std::string("BZh91AY"), std::string("\xfd\x37")}) {
    MemoryFile file(text, 4096);
    Found found;
    ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, text.size(), &found));
    EXPECT_EQ(found, NaiveLines(text));
  }
}

TEST(DecoderTest, CompressedFilesAreNotReadInPieces) {
  const TempDir dir;
  MemoryFile file(Gzip("one\ntwo\n"), 4096);
  EXPECT_THAT(OpenRecords(Options(dir, "text"), &file, 0, 10),
              StatusIs(absl::StatusCode::kInvalidArgument));
  MemoryFile text("BZh9 is how bzip2 files begin", 4096);
  Found found;
  EXPECT_OK(ReadPiece(Options(dir, "text"), &text, 0, text.length(), &found));
}

TEST(DecoderTest, UnpacksRecordsOfOneLengthToo) {
  const TempDir dir;
  Way options = Options(dir, "fixed");
  options.read.settings.record_bytes = 3;
  MemoryFile file(Gzip("aaabbbccc"), 5);
  Found found;
  ASSERT_OK(ReadPiece(options, &file, 0, file.length(), &found));
  EXPECT_EQ(found, (Found{{0, "aaa"}, {3, "bbb"}, {6, "ccc"}}));
}

TEST(LineReaderTest, AByteOrderMarkIsNoPartOfTheFirstLine) {
  const TempDir dir;
  const std::string text = "\xef\xbb\xbfone\n\xef\xbb\xbftwo\n";
  for (const std::string& contents : {text, Gzip(text)}) {
    for (size_t piece_bytes : {1u, 4096u}) {
      MemoryFile file(contents, piece_bytes);
      Found found;
      ASSERT_OK(ReadPiece(Options(dir, "text"), &file, 0, file.length(), &found));
      EXPECT_EQ(found, (Found{{0, "one"}, {7, "\xef\xbb\xbftwo"}}));
    }
  }
}

// Lines so different that compressors give most of them before they see the end.
std::string ManyLines() {
  std::string text;
  uint64_t state = 1;
  while (text.size() < 3'000'000) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += fmt::format("{} {}\n", state, state >> 40);
  }
  return text;
}

// What comes before the damage is given, the line that is cut is not, and the file counts once.
TEST(DecoderTest, LinesEndWhereCompressedBytesAreCutOrDamaged) {
  const TempDir dir;
  const std::string text = ManyLines();
  const Found lines = NaiveLines(text);
  for (const auto& pack : {Gzip, Zstd, Bzip2Of, XzOf, Lz4Of}) {
    const std::string packed = pack(text);
    std::string damaged = packed;
    for (size_t i = packed.size() / 2; i < packed.size() / 2 + 100; ++i) damaged[i] ^= 0x55;
    std::vector<std::string> files = {packed.substr(0, packed.size() - 3),
                                      packed.substr(0, packed.size() / 2)};
    // The other two have no checksum here: what is in place of their literals is taken for them.
    if (pack != Lz4Of && pack != Zstd) files.push_back(damaged);
    for (const std::string& bytes : files) {
      MemoryFile file(bytes, 100'000);
      ASSERT_OK_AND_ASSIGN(const auto reader,
                           OpenRecords(Options(dir, "jsonl"), &file, 0, file.length()));
      Found found;
      while (reader->Next()) found.emplace_back(reader->offset(), reader->value());
      EXPECT_OK(reader->status());
      EXPECT_FALSE(reader->Next());
      EXPECT_EQ(reader->set_aside(), (std::map<std::string, uint64_t>{{"bad_member", 1}}));
      if (bytes == damaged) continue;  // some of what is given may be wrong
      EXPECT_GT(found.size(), lines.size() / 10);
      ASSERT_LE(found.size(), lines.size());
      EXPECT_TRUE(std::equal(found.begin(), found.end(), lines.begin()));
    }
  }
}

TEST(DecoderTest, CutFilesOfOtherFormatsAreSetAside) {
  const TempDir dir;
  const std::string packed = Gzip("aaabbbccc").substr(0, 20);
  for (const char* const format : {"whole", "fixed"}) {
    Way options = Options(dir, format);
    options.read.settings.record_bytes = 3;
    MemoryFile file(packed, 7);
    ASSERT_OK_AND_ASSIGN(const auto reader, OpenRecords(options, &file, 0, file.length()));
    while (reader->Next()) EXPECT_STREQ(format, "fixed");
    EXPECT_OK(reader->status());
    EXPECT_FALSE(reader->Next());
    EXPECT_EQ(reader->set_aside(), (std::map<std::string, uint64_t>{{"bad_member", 1}})) << format;
  }
}

// Half of its bytes, then an error.
class BrokenFile final : public ReadableFile {
 public:
  explicit BrokenFile(std::string contents) : contents_(std::move(contents)) {}
  uint64_t length() const override { return contents_.size(); }
  std::unique_ptr<ByteStream> Stream(uint64_t, uint64_t) override {
    class Broken final : public ByteStream {
     public:
      explicit Broken(std::string_view half) : half_(half) {}
      absl::StatusOr<std::string_view> Next() override {
        if (half_.empty()) return DataLossError("a checksum does not match");
        return std::exchange(half_, {});
      }

     private:
      std::string_view half_;
    };
    return std::make_unique<Broken>(std::string_view(contents_).substr(0, contents_.size() / 2));
  }

 private:
  const std::string contents_;
};

// Storage that fails is no damage: the attempt fails, and another one may do better.
TEST(DecoderTest, AnErrorOfTheStorageStaysOne) {
  const TempDir dir;
  BrokenFile file(Gzip(ManyLines()));
  Found found;
  EXPECT_THAT(ReadPiece(Options(dir, "text"), &file, 0, file.length(), &found),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(OpenRecordsTest, RefusesUnknownFormatsAndCutWholeFiles) {
  const TempDir dir;
  MemoryFile file("abc", 100);
  EXPECT_THAT(OpenRecords(Options(dir, "txt"), &file, 0, 3),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(OpenRecords(Options(dir, "whole"), &file, 1, 2),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(OpenRecords(Options(dir, "fixed"), &file, 0, 3),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace quern::mr
