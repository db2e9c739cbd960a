#include "mapreduce/formats/parquet/module/file_reader.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/util/utf8.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <utility>

#include "mapreduce/formats/parquet/module/trouble.h"

namespace quern::mr::parquet {

namespace {

// Of the rows that are decoded at a time.
constexpr int64_t kBatchBytes = 4 << 20;
constexpr int64_t kMaxBatchRows = 4096;
// What is fetched ahead of all columns together, and of one.
constexpr int64_t kFetchBytes = 8 << 20;
constexpr int64_t kMinColumnFetchBytes = 64 << 10;
constexpr int64_t kMaxColumnFetchBytes = 1 << 20;

class SourceFile final : public arrow::io::RandomAccessFile {
 public:
  SourceFile(const Source& source, arrow::MemoryPool* pool) : source_(source), pool_(pool) {}

  arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(source_.length); }
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t bytes, void* to) override {
    if (position < 0 || bytes < 0) return arrow::Status::IOError("a negative place in the file");
    const size_t got = source_.read(source_.self, static_cast<uint64_t>(position),
                                    static_cast<size_t>(bytes), static_cast<char*>(to));
    if (got == Source::kFailed) return Stopped();
    return static_cast<int64_t>(got);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(bytes, pool_));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, bytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return buffer;
  }
  arrow::Result<int64_t> Read(int64_t bytes, void* to) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, bytes, to));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, bytes));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

 private:
  const Source source_;
  arrow::MemoryPool* const pool_;
  int64_t position_ = 0;
};

// The leaves below a field, which may be nested.
void CollectLeaves(const ::parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.is_leaf()) leaves->push_back(field.column_index);
  for (const auto& child : field.children) CollectLeaves(child, leaves);
}

}  // namespace

arrow::Result<std::unique_ptr<FileReader>> FileReader::Open(const ReadRequest& request) {
  arrow::util::InitializeUTF8();
  std::unique_ptr<FileReader> reader(new FileReader(request.memory_bytes));
  arrow::Status status = reader->ReadFooter(request);
  if (status.ok()) status = reader->ChooseColumns(request);
  if (status.ok()) status = reader->Reopen(request);
  // Types that Arrow itself does not know.
  if (status.IsNotImplemented()) return Wrong(status.message());
  ARROW_RETURN_NOT_OK(status);
  reader->MeasureGroups();
  return reader;
}

arrow::Status FileReader::Build(const ReadRequest& request, int64_t fetch_bytes,
                                std::shared_ptr<::parquet::FileMetaData> footer) {
  ::parquet::ReaderProperties properties(&pool_);
  properties.enable_buffered_stream();
  properties.set_buffer_size(fetch_bytes);
  properties.set_page_checksum_verification(true);
  ::parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_pre_buffer(false);
  ::parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::make_shared<SourceFile>(request.source, &pool_), properties,
                                   std::move(footer)));
  return builder.memory_pool(&pool_)->properties(arrow_properties)->Build().Value(&file_);
}

arrow::Status FileReader::ReadFooter(const ReadRequest& request) {
  return Build(request, kMinColumnFetchBytes, nullptr);
}

// How much is fetched at a time depends on how many columns there are.
arrow::Status FileReader::Reopen(const ReadRequest& request) {
  const auto columns = static_cast<int64_t>(std::max<size_t>(leaves_.size(), 1));
  return Build(request,
               std::clamp(kFetchBytes / columns, kMinColumnFetchBytes, kMaxColumnFetchBytes),
               file_->parquet_reader()->metadata());
}

arrow::Status FileReader::ChooseColumns(const ReadRequest& request) {
  const auto& fields = file_->manifest().schema_fields;
  std::vector<const ::parquet::arrow::SchemaField*> chosen;
  for (size_t i = 0; i < request.column_count; ++i) {
    const std::string_view name(request.columns[i].data, request.columns[i].size);
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& field) { return field.field->name() == name; });
    if (found == fields.end()) return Wrong("has no column '" + std::string(name) + "'");
    chosen.push_back(&*found);
  }
  if (request.column_count == 0) {
    for (const auto& field : fields) chosen.push_back(&field);
  }
  // Arrow gives the columns in the order of the file.
  std::sort(chosen.begin(), chosen.end());
  arrow::FieldVector types;
  for (const auto* field : chosen) {
    const auto readable = MakeColumnText(*field->field->type());
    if (!readable.ok()) {
      return Wrong("column '" + field->field->name() + "' " + readable.status().message());
    }
    CollectLeaves(*field, &leaves_);
    types.push_back(field->field);
  }
  return MakeColumnText(*arrow::struct_(types)).Value(&text_);
}

void FileReader::MeasureGroups() {
  const auto metadata = file_->parquet_reader()->metadata();
  for (int i = 0; i < metadata->num_row_groups(); ++i) {
    const auto group = metadata->RowGroup(i);
    int64_t begin = group->file_offset();
    if (group->num_columns() > 0) {
      const auto column = group->ColumnChunk(0);
      begin = column->data_page_offset();
      if (column->has_dictionary_page()) {
        begin = std::min(begin, column->dictionary_page_offset());
      }
    }
    int64_t bytes = group->total_compressed_size();
    if (bytes <= 0) bytes = group->total_byte_size();  // older writers say only this
    groups_.push_back({static_cast<uint64_t>(std::max<int64_t>(begin, 0)),
                       static_cast<uint64_t>(std::max<int64_t>(bytes, 0)),
                       static_cast<uint64_t>(std::max<int64_t>(group->num_rows(), 0))});
  }
}

arrow::Status FileReader::Start(size_t index) {
  batch_.reset();
  batches_.reset();
  const auto group = file_->parquet_reader()->metadata()->RowGroup(static_cast<int>(index));
  const int64_t rows = std::max<int64_t>(group->num_rows(), 1);
  const int64_t row_bytes = std::max<int64_t>(group->total_byte_size() / rows, 1);
  file_->set_batch_size(std::clamp<int64_t>(kBatchBytes / row_bytes, 1, kMaxBatchRows));
  return file_->GetRecordBatchReader({static_cast<int>(index)}, leaves_).Value(&batches_);
}

arrow::Result<bool> FileReader::NextBatch() {
  std::shared_ptr<arrow::RecordBatch> batch;
  batch_.reset();  // its memory before the next one's
  do {
    ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
  } while (batch != nullptr && batch->num_rows() == 0);
  if (batch == nullptr) return false;
  // Offsets and indices come from the file.
  ARROW_RETURN_NOT_OK(batch->Validate());
  ARROW_ASSIGN_OR_RAISE(batch_, batch->ToStructArray());
  text_->Bind(*batch_);
  row_ = 0;
  return true;
}

arrow::Result<std::string_view> FileReader::Next() {
  if (batch_ == nullptr || row_ == batch_->length()) {
    ARROW_ASSIGN_OR_RAISE(const bool more, NextBatch());
    if (!more) return std::string_view();
  }
  json_.clear();
  text_->Append(row_++, &json_);
  return std::string_view(json_);
}

}  // namespace quern::mr::parquet
