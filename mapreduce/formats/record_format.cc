#include "mapreduce/formats/record_format.h"

#include "common/records/block_scanner.h"
#include "common/records/record_block.h"
#include "mapreduce/engine/scratch_buffer.h"
#include "mapreduce/formats/file_cursor.h"

namespace quern::mr {

namespace {

class RecordFileReader final : public RecordReader {
 public:
  RecordFileReader(const ReadOptions& options, ReadableFile* file, uint64_t offset, uint64_t length)
      : cursor_(file, offset + length),
        scanner_(&cursor_, offset, offset + length),
        large_(options.scratch_dir, options.memory_bytes) {}

  bool Next() override {
    std::string_view key;
    while (!TakeRecord(&rest_, &key, &value_)) {
      // What is left of a block with the right checksum was never a record.
      if (!std::exchange(rest_, {}).empty()) SetAside("bad_block");
      const auto more = LoadBlock();
      if (!more.ok()) return Fail(more.status());
      if (!*more) return false;
    }
    SetKey(key);
    offset_ = scanner_.block_offset() + index_++;
    return true;
  }
  uint64_t position() const override { return scanner_.block_offset(); }

 private:
  absl::StatusOr<bool> LoadBlock() {
    ASSIGN_OR_RETURN(const bool more, scanner_.Next());
    if (more) {
      ASSIGN_OR_RETURN(rest_, scanner_.IsLarge() ? ReadLarge() : scanner_.Read());
    }
    index_ = 0;
    for (; damaged_ < scanner_.damaged(); ++damaged_) SetAside("bad_block");
    return more;
  }

  absl::StatusOr<std::string_view> ReadLarge() {
    large_.Clear();
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view part, scanner_.ReadPart());
      if (part.empty()) break;
      RETURN_IF_ERROR(large_.Append(part));
    }
    if (scanner_.part_is_right()) return large_.View();
    scanner_.GiveUp();
    return std::string_view();
  }

  FileCursor cursor_;
  BlockScanner scanner_;
  ScratchBuffer large_;
  std::string_view rest_;  // records of the present block
  uint64_t index_ = 0;
  uint64_t damaged_ = 0;
};

class RecordInput final : public InputFormat {
 public:
  std::string_view name() const override { return "record"; }
  bool Splittable(std::string_view) const override { return true; }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    ASSIGN_OR_RETURN(const std::string first, ReadFirstBytes(file, kSearchedBytes));
    // Damage may have hit the first block; that it is so many bytes is not believed.
    if (file->length() > 0 && first.find(kRecordMark) == std::string::npos) {
      return InvalidArgumentError("is no record file: no block begins in its first {} bytes",
                                  first.size());
    }
    return std::make_unique<RecordFileReader>(options, file, offset, length);
  }

  absl::StatusOr<uint64_t> Resync(const ReadOptions&, ReadableFile* file,
                                  uint64_t offset) const override {
    FileCursor cursor(file);
    BlockScanner scanner(&cursor, offset, file->length());
    ASSIGN_OR_RETURN(const bool found, scanner.Next());
    return found ? scanner.block_offset() : file->length();
  }

 private:
  // Two blocks, as a rule.
  static constexpr size_t kSearchedBytes = 2 * kRecordBlockBytes + (16 << 10);
};

class RecordFileWriter final : public RecordWriter {
 public:
  RecordFileWriter(RecordCodec codec, OutputFile* file) : file_(file), block_(codec) {}

  absl::Status Append(std::string_view key, std::string_view value) override {
    if (block_.IsFullFor(key.size() + value.size())) RETURN_IF_ERROR(Flush());
    return block_.Add(key, value);
  }
  absl::Status Close() override { return block_.empty() ? absl::OkStatus() : Flush(); }

 private:
  absl::Status Flush() {
    ASSIGN_OR_RETURN(const std::string_view block, block_.Finish());
    return file_->Append(block);
  }

  OutputFile* const file_;
  RecordBlockBuilder block_;
};

class RecordOutput final : public OutputFormat {
 public:
  std::string_view name() const override { return "record"; }
  std::string_view default_codec() const override { return "zstd"; }
  const std::vector<std::string>& codecs() const override {
    static const std::vector<std::string> codecs = {"none", "lz4", "zstd"};
    return codecs;
  }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings& settings,
                                                     OutputFile* file) const override {
    ASSIGN_OR_RETURN(const RecordCodec codec,
                     ParseRecordCodec(settings.codec.empty() ? default_codec() : settings.codec));
    return std::make_unique<RecordFileWriter>(codec, file);
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeRecordInput() { return std::make_unique<RecordInput>(); }
std::unique_ptr<const OutputFormat> MakeRecordOutput() { return std::make_unique<RecordOutput>(); }

}  // namespace quern::mr
