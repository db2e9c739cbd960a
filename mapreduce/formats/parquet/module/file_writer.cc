#include "mapreduce/formats/parquet/module/file_writer.h"

#include <arrow/table.h>
#include <arrow/util/utf8.h>
#include <parquet/properties.h>

#include <utility>

#include "mapreduce/formats/parquet/module/trouble.h"

namespace quern::mr::parquet {

namespace {

// Of JSON text. A task holds a row group while it grows, so it is smaller than elsewhere.
constexpr uint64_t kDefaultRowGroupBytes = 32 << 20;
// What the columns are guessed from.
constexpr size_t kGuessedRecords = 1'000;
constexpr uint64_t kGuessedBytes = 4 << 20;

arrow::Compression::type CodecOf(std::string_view codec) {
  if (codec == "snappy") return arrow::Compression::SNAPPY;
  if (codec == "lz4") return arrow::Compression::LZ4;
  if (codec == "gzip") return arrow::Compression::GZIP;
  return codec == "zstd" ? arrow::Compression::ZSTD : arrow::Compression::UNCOMPRESSED;
}

}  // namespace

class FileWriter::SinkFile final : public arrow::io::OutputStream {
 public:
  explicit SinkFile(const Sink& sink) : sink_(sink) {}

  // Nothing is written from here on: Arrow's objects would write a footer when they are destroyed.
  void Cut() { cut_ = true; }

  arrow::Status Write(const void* data, int64_t bytes) override {
    const auto size = static_cast<size_t>(bytes);
    if (cut_ || !sink_.append(sink_.self, static_cast<const char*>(data), size)) return Stopped();
    position_ += bytes;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

 private:
  const Sink sink_;
  int64_t position_ = 0;
  bool cut_ = false;
};

arrow::Result<std::unique_ptr<FileWriter>> FileWriter::Create(const WriteRequest& request) {
  arrow::util::InitializeUTF8();
  std::unique_ptr<FileWriter> writer(new FileWriter);
  if (request.row_group_bytes > 0) writer->row_group_bytes_ = request.row_group_bytes;
  writer->sink_ = std::make_shared<SinkFile>(request.sink);
  writer->properties_ = ::parquet::WriterProperties::Builder()
                            .compression(CodecOf({request.codec.data, request.codec.size}))
                            ->enable_page_checksum()
                            ->build();
  if (request.schema.size == 0) return writer;
  std::string error;
  auto columns = ParseColumns({request.schema.data, request.schema.size}, &error);
  if (!columns) return Wrong("schema: " + error);
  ARROW_RETURN_NOT_OK(writer->Begin(*std::move(columns)));
  return writer;
}

FileWriter::FileWriter() : row_group_bytes_(kDefaultRowGroupBytes) {}

FileWriter::~FileWriter() {
  if (sink_ != nullptr) sink_->Cut();
}

arrow::Status FileWriter::Begin(std::vector<Column> columns) {
  columns_ = std::move(columns);
  schema_ = ArrowSchema(columns_);
  for (size_t i = 0; i < columns_.size(); ++i) {
    arrays_.emplace_back();
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(),
                                           schema_->field(static_cast<int>(i))->type(),
                                           &arrays_.back()));
    builders_.push_back(MakeColumnBuilder(columns_[i].type, arrays_.back().get()));
  }
  return ::parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), sink_,
                                            properties_)
      .Value(&file_);
}

arrow::Status FileWriter::BeginFromGuess() {
  ARROW_RETURN_NOT_OK(Begin(guess_.Columns()));
  bytes_ = 0;  // they are counted again
  for (const std::string& json : std::exchange(waiting_, {})) ARROW_RETURN_NOT_OK(Append(json));
  return arrow::Status::OK();
}

arrow::Status FileWriter::Append(std::string_view json) {
  JsonValue record;
  std::string error;
  if (!ParseJson(json, &record, &error)) return Wrong("is no JSON: " + error);
  if (record.kind != JsonValue::Kind::kObject) {
    return Wrong("is " + std::string(record.KindName()) + ", must be a JSON object");
  }
  bytes_ += json.size();
  if (file_ != nullptr) return AppendRow(record);
  if (!guess_.Add(record, &error)) return Wrong(error);
  waiting_.emplace_back(json);
  if (waiting_.size() < kGuessedRecords && bytes_ < kGuessedBytes) return arrow::Status::OK();
  return BeginFromGuess();
}

arrow::Status FileWriter::AppendRow(const JsonValue& record) {
  ARROW_RETURN_NOT_OK(AppendFields(record, columns_, builders_));
  ++rows_;
  return bytes_ < row_group_bytes_ ? arrow::Status::OK() : FlushRows();
}

arrow::Status FileWriter::FlushRows() {
  arrow::ArrayVector columns;
  for (const auto& builder : arrays_) {
    ARROW_RETURN_NOT_OK(builder->Finish(&columns.emplace_back()));
  }
  const auto table = arrow::Table::Make(schema_, columns, rows_);
  ARROW_RETURN_NOT_OK(file_->WriteTable(*table, std::max<int64_t>(rows_, 1)));
  rows_ = 0;
  bytes_ = 0;
  return arrow::Status::OK();
}

arrow::Status FileWriter::Finish() {
  if (file_ == nullptr) ARROW_RETURN_NOT_OK(BeginFromGuess());
  if (rows_ > 0) ARROW_RETURN_NOT_OK(FlushRows());
  return file_->Close();
}

}  // namespace quern::mr::parquet
