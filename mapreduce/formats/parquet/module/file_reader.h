// A Parquet file, row by row as JSON. Errors as in trouble.h.
#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <parquet/arrow/reader.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/formats/parquet/module/column_text.h"
#include "mapreduce/formats/parquet/module/limited_pool.h"
#include "mapreduce/formats/parquet/module_interface.h"

namespace quern::mr::parquet {

// Used by one thread.
class FileReader {
 public:
  static arrow::Result<std::unique_ptr<FileReader>> Open(const ReadRequest& request);

  size_t row_groups() const { return groups_.size(); }
  RowGroup row_group(size_t index) const { return groups_[index]; }
  arrow::Status Start(size_t index);
  // The next row of the group; empty at its end.
  arrow::Result<std::string_view> Next();

 private:
  explicit FileReader(uint64_t memory_bytes) : pool_(memory_bytes) {}
  arrow::Status Build(const ReadRequest& request, int64_t fetch_bytes,
                      std::shared_ptr<::parquet::FileMetaData> footer);
  arrow::Status ReadFooter(const ReadRequest& request);
  arrow::Status ChooseColumns(const ReadRequest& request);
  arrow::Status Reopen(const ReadRequest& request);
  void MeasureGroups();
  arrow::Result<bool> NextBatch();

  LimitedPool pool_;
  std::unique_ptr<::parquet::arrow::FileReader> file_;
  std::vector<RowGroup> groups_;
  std::vector<int> leaves_;  // of the columns that are read
  std::unique_ptr<ColumnText> text_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::StructArray> batch_;
  int64_t row_ = 0;
  std::string json_;
};

}  // namespace quern::mr::parquet
