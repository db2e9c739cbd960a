#include "mapreduce/formats/parquet/column_type.h"
#include "mapreduce/formats/parquet/module_library.h"
#include "mapreduce/formats/parquet/parquet_format.h"

namespace quern::mr {

namespace {

class ParquetWriter final : public RecordWriter {
 public:
  explicit ParquetWriter(OutputFile* file) : file_(file) {}
  ~ParquetWriter() override {
    if (writer_ != nullptr) module_->release(writer_);
  }

  absl::Status Start(const OutputSettings& settings, std::string_view codec) {
    ASSIGN_OR_RETURN(module_, parquet::LoadModule());
    parquet::WriteRequest request;
    request.sink = {this, AppendToFile};
    request.schema = {settings.schema.data(), settings.schema.size()};
    request.codec = {codec.data(), codec.size()};
    parquet::Trouble trouble;
    writer_ = module_->create(request, &trouble);
    return ToStatus(trouble, status_);
  }

  absl::Status Append(std::string_view key, std::string_view value) override {
    // A command's line without a TAB is a key; nothing is no object.
    const std::string_view row = value.empty() ? key : value;
    parquet::Trouble trouble;
    ++records_;
    if (module_->append(writer_, {row.data(), row.size()}, &trouble)) return absl::OkStatus();
    return Annotate(ToStatus(trouble, status_), fmt::format("parquet: record {}", records_));
  }

  absl::Status Close() override {
    parquet::Trouble trouble;
    if (module_->finish(writer_, &trouble)) return absl::OkStatus();
    return Annotate(ToStatus(trouble, status_), "parquet");
  }

 private:
  static bool AppendToFile(void* self, const char* data, size_t size) {
    auto* const writer = static_cast<ParquetWriter*>(self);
    writer->status_ = writer->file_->Append({data, size});
    return writer->status_.ok();
  }

  OutputFile* const file_;
  const parquet::Module* module_ = nullptr;
  parquet::Writer* writer_ = nullptr;
  uint64_t records_ = 0;
  absl::Status status_;  // of the file
};

class ParquetOutput final : public OutputFormat {
 public:
  std::string_view name() const override { return "parquet"; }
  std::string_view default_codec() const override { return "zstd"; }
  const std::vector<std::string>& codecs() const override {
    static const std::vector<std::string> codecs = {"none", "snappy", "lz4", "zstd", "gzip"};
    return codecs;
  }
  absl::Status Installed() const override { return parquet::CheckModule(parquet::ModulePath()); }
  absl::Status Check(const OutputSettings& settings) const override {
    if (settings.schema.empty()) return absl::OkStatus();
    std::string error;
    if (parquet::ParseColumns(settings.schema, &error)) return absl::OkStatus();
    return InvalidArgumentError("schema: {}. Try: schema = \"id string, words int64\"", error);
  }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings& settings,
                                                     OutputFile* file) const override {
    auto writer = std::make_unique<ParquetWriter>(file);
    RETURN_IF_ERROR(
        writer->Start(settings, settings.codec.empty() ? default_codec() : settings.codec));
    return writer;
  }
};

}  // namespace

std::unique_ptr<const OutputFormat> MakeParquetOutput() {
  return std::make_unique<ParquetOutput>();
}

}  // namespace quern::mr
