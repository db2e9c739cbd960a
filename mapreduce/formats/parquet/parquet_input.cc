#include <algorithm>
#include <cstring>
#include <vector>

#include "common/log.h"
#include "mapreduce/formats/parquet/column_type.h"
#include "mapreduce/formats/parquet/module_library.h"
#include "mapreduce/formats/parquet/parquet_format.h"

namespace quern::mr {

namespace {

// Every Parquet file begins and ends with it; it ends with kHiddenMark when its footer is
// encrypted.
constexpr std::string_view kMark = "PAR1";
constexpr std::string_view kHiddenMark = "PARE";
// Pages have a MiB as a rule, several are decoded at a time.
constexpr uint64_t kLeastMemoryBytes = 32 << 20;

// A file of ours as the module reads it. Keeps the first error.
class FileSource {
 public:
  explicit FileSource(ReadableFile* file) : file_(file) {}

  parquet::Source source() { return {this, file_->length(), Read}; }
  const absl::Status& status() const { return status_; }

 private:
  static size_t Read(void* self, uint64_t offset, size_t size, char* to) {
    auto* const source = static_cast<FileSource*>(self);
    const auto stream = source->file_->Stream(offset, size);
    size_t got = 0;
    while (got < size) {
      const auto piece = stream->Next();
      if (!piece.ok()) {
        source->status_ = piece.status();
        return parquet::Source::kFailed;
      }
      if (piece->empty()) break;
      const size_t taken = std::min(piece->size(), size - got);
      std::memcpy(to + got, piece->data(), taken);
      got += taken;
    }
    return got;
  }

  ReadableFile* const file_;
  absl::Status status_;
};

// Row groups belong to the piece in which their middle lies. `place` never falls from one to the
// next, whatever the footer says, so that the pieces one after another give the rows in order.
struct Placed {
  size_t index = 0;
  uint64_t place = 0;
  uint64_t bytes = 0;
  uint64_t rows = 0;
  uint64_t first_row = 0;  // of the file
};

class ParquetFile {
 public:
  static absl::StatusOr<std::unique_ptr<ParquetFile>> Open(const ReadOptions& options,
                                                           ReadableFile* file) {
    ASSIGN_OR_RETURN(const parquet::Module* const module, parquet::LoadModule());
    std::unique_ptr<ParquetFile> opened(new ParquetFile(module, file));
    RETURN_IF_ERROR(opened->ReadFooter(options, file->length()));
    return opened;
  }
  ~ParquetFile() {
    if (reader_ != nullptr) module_->close(reader_);
  }
  ParquetFile(const ParquetFile&) = delete;
  ParquetFile& operator=(const ParquetFile&) = delete;

  const std::vector<Placed>& groups() const { return groups_; }
  absl::Status Start(size_t index) {
    parquet::Trouble trouble;
    module_->start(reader_, index, &trouble);
    return ToStatus(trouble, source_.status());
  }
  // Empty at the end of the row group; a row is never empty.
  absl::StatusOr<std::string_view> Next() {
    parquet::Trouble trouble;
    parquet::Text row;
    if (module_->next(reader_, &row, &trouble)) return std::string_view(row.data, row.size);
    RETURN_IF_ERROR(ToStatus(trouble, source_.status()));
    return std::string_view();
  }

 private:
  ParquetFile(const parquet::Module* module, ReadableFile* file) : module_(module), source_(file) {}

  absl::Status ReadFooter(const ReadOptions& options, uint64_t length) {
    std::string error;
    std::vector<std::string> names;
    if (!options.settings.columns.empty()) {
      // They were checked when the job was.
      names = parquet::ParseColumnNames(options.settings.columns, &error)
                  .value_or(std::vector<std::string>());
    }
    std::vector<parquet::Text> columns;
    for (const std::string& name : names) columns.push_back({name.data(), name.size()});
    parquet::ReadRequest request;
    request.source = source_.source();
    request.columns = columns.data();
    request.column_count = columns.size();
    request.memory_bytes = std::max<uint64_t>(options.memory_bytes, kLeastMemoryBytes);
    parquet::Trouble trouble;
    reader_ = module_->open(request, &trouble);
    if (reader_ == nullptr) return ToStatus(trouble, source_.status());
    PlaceGroups(length);
    return absl::OkStatus();
  }

  void PlaceGroups(uint64_t length) {
    uint64_t last = 0;
    uint64_t rows = 0;
    for (size_t i = 0; i < module_->row_groups(reader_); ++i) {
      const parquet::RowGroup group = module_->row_group(reader_, i);
      const uint64_t begin = std::min(group.begin, length - 1);
      const uint64_t bytes = std::min(group.bytes, length - begin);
      last = std::max(last, std::min(begin + bytes / 2, length - 1));
      groups_.push_back({i, last, bytes, group.rows, rows});
      rows += group.rows;
    }
  }

  const parquet::Module* const module_;
  FileSource source_;
  parquet::Reader* reader_ = nullptr;
  std::vector<Placed> groups_;
};

class ParquetReader final : public RecordReader {
 public:
  // `file` is null when the footer is damaged.
  ParquetReader(const ReadOptions& options, std::unique_ptr<ParquetFile> file, uint64_t offset,
                uint64_t length)
      : path_(options.path), end_(offset + length), position_(offset), file_(std::move(file)) {
    if (file_ == nullptr) return;
    for (const Placed& group : file_->groups()) {
      if (group.place >= offset && group.place < end_) mine_.push_back(group);
    }
  }

  bool Next() override {
    while (at_ < mine_.size()) {
      const Placed& group = mine_[at_];
      absl::StatusOr<std::string_view> row = NextOf(group);
      if (row.status().code() == absl::StatusCode::kDataLoss) {
        GiveUp(group, row.status());
      } else if (!row.ok()) {
        return Fail(Annotate(row.status(), fmt::format("row group {}", group.index)));
      } else if (!row->empty()) {
        offset_ = group.first_row + row_++;
        const uint64_t read = group.rows == 0 ? 0 : group.bytes / 2 * row_ / group.rows;
        position_ = std::min(group.place + read, end_ - 1);
        value_ = *row;
        return true;
      } else {
        LeaveGroup();
      }
    }
    return false;
  }
  uint64_t position() const override { return position_; }

  void SetFooterAside() { SetAside("bad_footer"); }

 private:
  absl::StatusOr<std::string_view> NextOf(const Placed& group) {
    if (!started_) {
      started_ = true;
      position_ = group.place;
      RETURN_IF_ERROR(file_->Start(group.index));
    }
    // A group that holds more rows than it says would give them numbers of the next one.
    if (row_ == group.rows) return std::string_view();
    ASSIGN_OR_RETURN(const std::string_view row, file_->Next());
    if (row.empty()) return DataLossError("has {} rows of {}", row_, group.rows);
    return row;
  }

  // What was read before the damage was right.
  void GiveUp(const Placed& group, const absl::Status& status) {
    LogWarning("parquet_damaged", {{"path", path_},
                                   {"row_group", group.index},
                                   {"row", group.first_row + row_},
                                   {"error", Message(status)}});
    SetAside("bad_row_group");
    LeaveGroup();
  }

  void LeaveGroup() {
    ++at_;
    row_ = 0;
    started_ = false;
  }

  const std::string path_;
  const uint64_t end_;
  uint64_t position_;
  const std::unique_ptr<ParquetFile> file_;
  std::vector<Placed> mine_;
  size_t at_ = 0;
  uint64_t row_ = 0;  // of the row group: the next one
  bool started_ = false;
};

class ParquetInput final : public InputFormat {
 public:
  std::string_view name() const override { return "parquet"; }
  std::string_view record_form() const override { return "jsonl"; }
  absl::Status Installed() const override { return parquet::CheckModule(parquet::ModulePath()); }
  absl::Status Check(const InputSettings& settings) const override {
    RETURN_IF_ERROR(InputFormat::Check({.record_bytes = settings.record_bytes, .columns = {}}));
    if (settings.columns.empty()) return absl::OkStatus();
    std::string error;
    if (parquet::ParseColumnNames(settings.columns, &error)) return absl::OkStatus();
    return InvalidArgumentError("columns: {}. Try: columns = \"id, text\"", error);
  }
  bool Splittable(std::string_view first_bytes) const override {
    return first_bytes.starts_with(kMark);
  }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    absl::StatusOr<std::unique_ptr<ParquetFile>> opened = OpenFile(options, file);
    if (opened.ok()) {
      return std::make_unique<ParquetReader>(options, *std::move(opened), offset, length);
    }
    if (opened.status().code() != absl::StatusCode::kDataLoss) return opened.status();
    auto nothing = std::make_unique<ParquetReader>(options, nullptr, offset, length);
    // All pieces of the file see it, one counts it.
    if (offset == 0) {
      LogWarning("parquet_damaged", {{"path", options.path}, {"error", Message(opened.status())}});
      nothing->SetFooterAside();
    }
    return nothing;
  }

  absl::StatusOr<uint64_t> Resync(const ReadOptions& options, ReadableFile* file,
                                  uint64_t offset) const override {
    ASSIGN_OR_RETURN(const auto opened, OpenFile(options, file));
    for (const Placed& group : opened->groups()) {
      if (group.place >= offset && group.rows > 0) return group.place;
    }
    return file->length();
  }

 private:
  // DataLoss for what was a Parquet file once.
  static absl::StatusOr<std::unique_ptr<ParquetFile>> OpenFile(const ReadOptions& options,
                                                               ReadableFile* file) {
    auto opened = ParquetFile::Open(options, file);
    if (opened.status().code() != absl::StatusCode::kDataLoss) return opened;
    ASSIGN_OR_RETURN(const std::string first, ReadFirstBytes(file, kMark.size()));
    if (first == kHiddenMark) return InvalidArgumentError("is encrypted, which is not read");
    if (first != kMark) return InvalidArgumentError("is no Parquet file: does not begin with PAR1");
    return opened;
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeParquetInput() { return std::make_unique<ParquetInput>(); }

}  // namespace quern::mr
