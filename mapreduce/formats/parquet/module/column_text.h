// The values of a column of Arrow as JSON.
#pragma once

#include <arrow/array.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>
#include <string>

namespace quern::mr::parquet {

// For one column, or one level of a nested one. Used by one thread.
class ColumnText {
 public:
  virtual ~ColumnText() = default;
  // The values that Append shows from now on; of the type that the object was made for. Kept alive
  // by the caller.
  virtual void Bind(const arrow::Array& values) = 0;
  virtual void Append(int64_t row, std::string* out) const = 0;
};

// Wrong (trouble.h) for a type that has no form in JSON here.
arrow::Result<std::unique_ptr<ColumnText>> MakeColumnText(const arrow::DataType& type);

}  // namespace quern::mr::parquet
