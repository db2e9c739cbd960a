// A Parquet file made of JSON objects. Errors as in trouble.h.
#pragma once

#include <arrow/array/builder_nested.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <parquet/arrow/writer.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/formats/parquet/column_type.h"
#include "mapreduce/formats/parquet/module/column_builder.h"
#include "mapreduce/formats/parquet/module/json_value.h"
#include "mapreduce/formats/parquet/module/schema_guess.h"
#include "mapreduce/formats/parquet/module_interface.h"

namespace quern::mr::parquet {

// Used by one thread; after an error it is over.
class FileWriter {
 public:
  static arrow::Result<std::unique_ptr<FileWriter>> Create(const WriteRequest& request);
  ~FileWriter();

  arrow::Status Append(std::string_view json);
  arrow::Status Finish();

 private:
  class SinkFile;

  FileWriter();
  // From here on records become rows; until then they wait for more of them to be guessed from.
  arrow::Status Begin(std::vector<Column> columns);
  arrow::Status BeginFromGuess();
  arrow::Status AppendRow(const JsonValue& record);
  arrow::Status FlushRows();

  uint64_t row_group_bytes_;
  std::shared_ptr<SinkFile> sink_;
  std::shared_ptr<::parquet::WriterProperties> properties_;
  SchemaGuess guess_;
  std::vector<std::string> waiting_;
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> arrays_;
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  std::unique_ptr<::parquet::arrow::FileWriter> file_;  // null before Begin
  int64_t rows_ = 0;                                    // in the builders
  uint64_t bytes_ = 0;
};

}  // namespace quern::mr::parquet
