#include "mapreduce/formats/table_format.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <optional>

#include "common/clean_text.h"
#include "mapreduce/formats/sorted_table.h"
#include "mapreduce/formats/sst_file_system.h"

namespace quern::mr {

namespace {

constexpr size_t kBlockSize = 16 << 10;
constexpr int kFilterBitsPerKey = 10;
// A block holds at least one record, and is put together in memory.
constexpr uint64_t kMaxTableRecordBytes = uint64_t{64} << 20;
constexpr size_t kShownKeyBytes = 100;

absl::StatusOr<rocksdb::CompressionType> CompressionOf(std::string_view codec) {
  if (codec == "none") return rocksdb::kNoCompression;
  if (codec == "lz4") return rocksdb::kLZ4Compression;
  if (codec == "zstd") return rocksdb::kZSTD;
  return InvalidArgumentError("codec '{}': is none of none, lz4, zstd", codec);
}

rocksdb::Options WriterOptions(rocksdb::CompressionType compression, rocksdb::Env* env) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = kBlockSize;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  // Index and filter in parts: neither has to be in memory as a whole to be read.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  rocksdb::Options options;
  options.env = env;
  options.compression = compression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class TableWriter final : public RecordWriter {
 public:
  TableWriter(rocksdb::CompressionType compression, OutputFile* file)
      : compression_(compression), env_(MakeSstWriteEnv(file)) {}

  absl::Status Append(std::string_view key, std::string_view value) override {
    if (uint64_t{key.size()} + value.size() > kMaxTableRecordBytes) {
      return InvalidArgumentError("a record has {} bytes, the limit of sorted tables is {}",
                                  key.size() + value.size(), kMaxTableRecordBytes);
    }
    if (writer_ == nullptr) RETURN_IF_ERROR(Start());
    if (last_key_.has_value() && key <= *last_key_) return OutOfOrder(key);
    last_key_ = key;
    return Check(writer_->Put({key.data(), key.size()}, {value.data(), value.size()}));
  }

  // A table without records is an empty file.
  absl::Status Close() override {
    return writer_ == nullptr ? absl::OkStatus() : Check(writer_->Finish());
  }

 private:
  absl::Status Start() {
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(),
                                                       WriterOptions(compression_, env_.get()));
    return Check(writer_->Open(kSstName));
  }

  absl::Status OutOfOrder(std::string_view key) const {
    return InvalidArgumentError(
        "sorted table: key '{}' {}. Try: emit each key once, under its group, in Reduce; or the "
        "output format record",
        CleanLine(key, kShownKeyBytes),
        key == *last_key_
            ? "comes twice"
            : fmt::format("comes behind '{}'", CleanLine(*last_key_, kShownKeyBytes)));
  }

  static absl::Status Check(const rocksdb::Status& status) {
    if (status.ok()) return absl::OkStatus();
    return UnavailableError("sorted table: {}", status.ToString());
  }

  const rocksdb::CompressionType compression_;
  const std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::optional<std::string> last_key_;
};

class TableOutput final : public OutputFormat {
 public:
  std::string_view name() const override { return "table"; }
  std::string_view default_codec() const override { return "zstd"; }
  const std::vector<std::string>& codecs() const override {
    static const std::vector<std::string> codecs = {"none", "lz4", "zstd"};
    return codecs;
  }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings& settings,
                                                     OutputFile* file) const override {
    ASSIGN_OR_RETURN(const rocksdb::CompressionType compression,
                     CompressionOf(settings.codec.empty() ? default_codec() : settings.codec));
    return std::make_unique<TableWriter>(compression, file);
  }
};

class TableReader final : public RecordReader {
 public:
  TableReader(std::unique_ptr<SortedTable> table, uint64_t length)
      : length_(length), table_(std::move(table)), cursor_(table_->NewCursor()) {}

  bool Next() override {
    const bool more = started_ ? cursor_->Next() : cursor_->Seek("");
    if (!more) return Fail(cursor_->status());
    if (started_) ++offset_;
    started_ = true;
    SetKey(cursor_->key());
    value_ = cursor_->value();
    passed_bytes_ += key().size() + value_.size();
    return true;
  }
  // Records are larger than their blocks: what is known is that it is no more than the file.
  uint64_t position() const override { return std::min(passed_bytes_, length_); }

 private:
  const uint64_t length_;
  const std::unique_ptr<SortedTable> table_;
  const std::unique_ptr<TableCursor> cursor_;
  bool started_ = false;
  uint64_t passed_bytes_ = 0;
};

class TableInput final : public InputFormat {
 public:
  std::string_view name() const override { return "table"; }
  bool Splittable(std::string_view) const override { return false; }
  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions&, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    if (offset > 0 || length < file->length()) {
      return InvalidArgumentError("the format table does not cut files");
    }
    ASSIGN_OR_RETURN(auto table, SortedTable::Open(file));
    return std::make_unique<TableReader>(std::move(table), length);
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeTableInput() { return std::make_unique<TableInput>(); }
std::unique_ptr<const OutputFormat> MakeTableOutput() { return std::make_unique<TableOutput>(); }

}  // namespace quern::mr
