// Puts JSON values into a column of Arrow.
#pragma once

#include <arrow/builder.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>
#include <vector>

#include "mapreduce/formats/parquet/column_type.h"
#include "mapreduce/formats/parquet/module/json_value.h"

namespace quern::mr::parquet {

// For one column, or one level of a nested one. Used by one thread; after an error it is over.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(arrow::ArrayBuilder* builder) : builder_(builder) {}
  virtual ~ColumnBuilder() = default;

  // No value stands for null. Wrong (trouble.h) for one that the type cannot hold.
  arrow::Status Append(const JsonValue* value) {
    const bool null = value == nullptr || value->kind == JsonValue::Kind::kNull;
    return null ? builder_->AppendNull() : AppendValue(*value);
  }

 protected:
  virtual arrow::Status AppendValue(const JsonValue& value) = 0;

 private:
  arrow::ArrayBuilder* const builder_;
};

std::shared_ptr<arrow::DataType> ArrowType(const ColumnType& type);
std::shared_ptr<arrow::Schema> ArrowSchema(const std::vector<Column>& columns);

// `builder` is of ArrowType(type) and is borrowed.
std::unique_ptr<ColumnBuilder> MakeColumnBuilder(const ColumnType& type,
                                                 arrow::ArrayBuilder* builder);

// Appends each column's field of an object; fields that no column is named after are Wrong.
arrow::Status AppendFields(const JsonValue& object, const std::vector<Column>& columns,
                           const std::vector<std::unique_ptr<ColumnBuilder>>& builders);

}  // namespace quern::mr::parquet
