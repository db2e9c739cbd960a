// Record files: what is written is read, from any place on, past any damage.
#include <gtest/gtest.h>

#include <vector>

#include "common/records/block_scanner.h"
#include "common/records/record_block.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

// A file in memory that shows little more than it is asked for.
class MemoryPeekable final : public PeekableFile {
 public:
  explicit MemoryPeekable(std::string bytes) : bytes_(std::move(bytes)) {}
  void SeekTo(uint64_t offset) override { at_ = offset; }
  uint64_t offset() const override { return at_; }
  absl::StatusOr<std::string_view> Peek(size_t want) override {
    shown_ = at_ < bytes_.size() ? bytes_.substr(at_, want + kMoreBytes) : "";
    return std::string_view(shown_);
  }
  void Skip(size_t bytes) override { at_ += bytes; }

 private:
  static constexpr size_t kMoreBytes = 700;

  const std::string bytes_;
  std::string shown_;
  uint64_t at_ = 0;
};

class RecordFileTest : public RandomTest {
 protected:
  static std::string Write(const Records& records, RecordCodec codec) {
    std::string file;
    RecordBlockBuilder block(codec);
    for (const auto& [key, value] : records) {
      if (block.IsFullFor(key.size() + value.size())) file += *block.Finish();
      EXPECT_OK(block.Add(key, value));
    }
    if (!block.empty()) file += *block.Finish();
    return file;
  }

  Records ReadPiece(const std::string& file, uint64_t begin, uint64_t end, uint64_t* damaged) {
    MemoryPeekable peekable(file);
    BlockScanner scanner(&peekable, begin, end);
    Records records;
    while (*scanner.Next()) {
      std::string large;
      std::string_view rest;
      if (scanner.IsLarge()) {
        for (std::string_view part; !(part = *scanner.ReadPart()).empty();) large += part;
        if (scanner.part_is_right()) {
          rest = large;
        } else {
          scanner.GiveUp();
        }
      } else {
        rest = *scanner.Read();
      }
      std::string_view key;
      std::string_view value;
      while (TakeRecord(&rest, &key, &value)) records.emplace_back(key, value);
    }
    *damaged += scanner.damaged();
    return records;
  }
  Records ReadAll(const std::string& file, uint64_t* damaged) {
    return ReadPiece(file, 0, file.size(), damaged);
  }
  Records ReadPieces(const std::string& file, uint64_t size, uint64_t* damaged) {
    Records all;
    for (uint64_t at = 0; at < file.size(); at += size) {
      for (auto& record :
           ReadPiece(file, at, std::min<uint64_t>(at + size, file.size()), damaged)) {
        all.push_back(std::move(record));
      }
    }
    return all;
  }

  std::string SomeBytes(size_t size) {
    std::string bytes;
    const uint64_t letters = OneIn(2) ? 256 : 3;
    while (bytes.size() < size) bytes += static_cast<char>(Below(letters));
    return bytes;
  }
  Records SomeRecords(size_t count) {
    Records records;
    for (size_t i = 0; i < count; ++i) {
      records.emplace_back(SomeBytes(Below(20)), SomeBytes(Below(OneIn(9) ? 90'000 : 300)));
    }
    return records;
  }

  static constexpr RecordCodec kCodecs[] = {RecordCodec::kNone, RecordCodec::kLz4,
                                            RecordCodec::kZstd};
};

TEST_F(RecordFileTest, GivesWhatWasWrittenInPiecesOfAnySize) {
  for (const RecordCodec codec : kCodecs) {
    const Records records = SomeRecords(200);
    const std::string file = Write(records, codec);
    for (const uint64_t size : {file.size(), 1 + Below(5000), 10'000 + Below(200'000)}) {
      uint64_t damaged = 0;
      ASSERT_EQ(ReadPieces(file, size, &damaged), records) << size;
      EXPECT_EQ(damaged, 0u);
    }
  }
}

// The builder's memory is used again as it is.
TEST_F(RecordFileTest, ABlockDoesNotDependOnThoseBefore) {
  for (const RecordCodec codec : kCodecs) {
    RecordBlockBuilder used(codec);
    for (int i = 0; i < 6; ++i) {
      RecordBlockBuilder fresh(codec);
      // Large ones, and some that are filled up with zeros.
      const bool filled = i % 2 == 1;
      const std::string value = filled ? "" : SomeBytes(20'000) + std::string(30'000, 'x');
      for (int n = 0; n < (filled ? 4'000 : 2); ++n) {
        ASSERT_OK(used.Add("", value));
        ASSERT_OK(fresh.Add("", value));
      }
      EXPECT_EQ(std::string(*used.Finish()), std::string(*fresh.Finish())) << i;
    }
  }
}

TEST_F(RecordFileTest, EachRecordHasAPositionOfItsOwn) {
  // Records that shrink to next to nothing.
  const Records records(30'000, {"", "x"});
  for (const RecordCodec codec : kCodecs) {
    const std::string file = Write(records, codec);
    EXPECT_GE(file.size(), records.size());
    MemoryPeekable peekable(file);
    BlockScanner scanner(&peekable, 0, file.size());
    uint64_t last = 0;
    while (*scanner.Next()) {
      EXPECT_GE(scanner.block_offset(), last);
      last = scanner.block_offset() + scanner.header().records;
    }
  }
}

TEST_F(RecordFileTest, TheMarkOfABlockStandsNowhereElse) {
  Records records;
  for (int mask = 0; mask < 3; ++mask) {
    std::string value;
    for (const char c : kRecordMark) value += static_cast<char>(c ^ mask);
    records.emplace_back(value, value + value);
  }
  const std::string inner = Write(records, RecordCodec::kNone);
  records.emplace_back("file", inner + inner);  // a record file within a record
  records.emplace_back("large", inner + std::string(kMaxPackedBytes, 'x'));
  for (const RecordCodec codec : kCodecs) {
    const std::string file = Write(records, codec);
    size_t marks = 0;
    for (size_t at = 0; (at = file.find(kRecordMark, at)) != std::string::npos; ++at) ++marks;
    EXPECT_EQ(marks, 2u);
    for (const uint64_t size : {uint64_t{50}, uint64_t{1000}, uint64_t{file.size()}}) {
      uint64_t damaged = 0;
      ASSERT_EQ(ReadPieces(file, std::max<uint64_t>(size, file.size() / 500), &damaged), records);
      EXPECT_EQ(damaged, 0u);
    }
  }
}

// Whoever reads the piece before a mark that is lost, or the one that it stands in: one of them
// counts it.
TEST_F(RecordFileTest, ALostMarkIsCountedOnceWhereverTheFileIsCut) {
  std::string file;
  std::vector<size_t> starts;
  for (const char* key : {"a", "b", "c"}) {
    starts.push_back(file.size());
    file += Write({{key, "value"}}, RecordCodec::kNone);
  }
  for (const size_t start : starts) {
    for (size_t byte = 0; byte < kRecordMark.size(); ++byte) {
      std::string damaged_file = file;
      damaged_file[start + byte] = static_cast<char>(damaged_file[start + byte] ^ 1);
      uint64_t whole = 0;
      const Records want = ReadAll(damaged_file, &whole);
      ASSERT_EQ(want.size(), 2u);
      ASSERT_EQ(whole, 1u);
      for (uint64_t size = 1; size <= file.size(); ++size) {
        uint64_t damaged = 0;
        ASSERT_EQ(ReadPieces(damaged_file, size, &damaged), want) << size;
        ASSERT_EQ(damaged, 1u) << "mark at " << start << ", byte " << byte << ", pieces " << size;
      }
    }
  }
}

TEST_F(RecordFileTest, FilesOneAfterAnotherAreAFile) {
  const Records a = SomeRecords(10);
  const Records b = SomeRecords(10);
  Records both = a;
  both.insert(both.end(), b.begin(), b.end());
  uint64_t damaged = 0;
  EXPECT_EQ(ReadAll(Write(a, RecordCodec::kZstd) + Write(b, RecordCodec::kNone), &damaged), both);
  EXPECT_EQ(damaged, 0u);
}

TEST_F(RecordFileTest, ADamagedBlockIsLostAlone) {
  Records records;
  for (int i = 0; i < 5; ++i) records.emplace_back("key", SomeBytes(kRecordBlockBytes));
  for (const RecordCodec codec : kCodecs) {
    const std::string file = Write(records, codec);
    const size_t second = file.find(kRecordMark, 1);
    for (size_t at = second; at < second + 200; ++at) {
      std::string bad = file;
      bad[at] ^= static_cast<char>(1 + Below(255));
      uint64_t damaged = 0;
      EXPECT_EQ(ReadAll(bad, &damaged).size(), 4u) << at - second;
      EXPECT_EQ(damaged, 1u) << at - second;
    }
  }
}

TEST_F(RecordFileTest, PiecesOfDamagedFilesAgree) {
  for (int round = 0; round < 30; ++round) {
    std::string file = Write(SomeRecords(60), kCodecs[Below(3)]);
    for (uint64_t i = Below(6); i > 0; --i) {
      const size_t at = Below(file.size());
      if (OneIn(3)) file.insert(at, SomeBytes(Below(50)));
      if (OneIn(3)) file.erase(at, Below(5000));
      if (at < file.size()) file[at] = static_cast<char>(file[at] ^ 1);
    }
    uint64_t damaged = 0;
    const Records all = ReadAll(file, &damaged);
    for (int sizes = 0; sizes < 4; ++sizes) {
      uint64_t in_pieces = 0;
      const uint64_t size = 1 + Below(file.size()) / (1 + Below(100)) + file.size() / 500;
      ASSERT_EQ(ReadPieces(file, size, &in_pieces), all) << size;
      // What stands before the first block of a piece is counted by whoever comes from before it.
      EXPECT_LE(in_pieces, damaged + 1);
    }
  }
}

TEST_F(RecordFileTest, HeadersOfOtherSizesAreNone) {
  const std::string file = Write({{"k", "v"}}, RecordCodec::kNone);
  ASSERT_TRUE(ParseRecordBlockHeader(file).has_value());
  EXPECT_FALSE(ParseRecordBlockHeader(file.substr(0, kRecordHeaderBytes - 1)).has_value());
  for (size_t at = 0; at < kRecordHeaderBytes; ++at) {
    std::string bad = file;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_FALSE(ParseRecordBlockHeader(bad).has_value()) << at;
  }
}

}  // namespace
}  // namespace quern
