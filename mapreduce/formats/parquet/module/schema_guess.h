// The columns that records could have, from the first of them.
#pragma once

#include <string>
#include <vector>

#include "mapreduce/formats/parquet/column_type.h"
#include "mapreduce/formats/parquet/module/json_value.h"

namespace quern::mr::parquet {

// Whole numbers are int64, whole and others together double; objects are structs, arrays lists. A
// field that was null in all records is a string, and so is an object without fields.
class SchemaGuess {
 public:
  // False for a record that contradicts those before; *error names the field and both types.
  bool Add(const JsonValue& record, std::string* error);
  // Columns in the order in which they were first seen.
  std::vector<Column> Columns() const;

 private:
  ColumnType record_ = {ColumnType::Kind::kStruct, 0, 0, {}};
};

}  // namespace quern::mr::parquet
