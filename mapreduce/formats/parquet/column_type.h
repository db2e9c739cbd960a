// The columns of a Parquet file as a job names them: "id string, tags list<string>". Knows nothing
// of Arrow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::mr::parquet {

struct Column;

struct ColumnType {
  enum class Kind {
    kNull,  // nothing is known of it: only of a guess
    kBool,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kUint8,
    kUint16,
    kUint32,
    kUint64,
    kFloat,
    kDouble,
    kString,
    kBinary,
    kDate,
    kTime,
    kTimestamp,
    kDatetime,
    kDecimal,
    kList,    // of children[0]
    kMap,     // of text to children[0]
    kStruct,  // of children, by their names
  };
  Kind kind = Kind::kNull;
  int32_t precision = 0;  // of a decimal: digits in all
  int32_t scale = 0;      // ... and those behind the point
  std::vector<Column> children;
};

struct Column {
  std::string name;
  ColumnType type;
};

// Nothing, and *error, for a text that names no columns: what is wrong, and where.
std::optional<std::vector<Column>> ParseColumns(std::string_view text, std::string* error);

// "list<string>", as ParseColumns reads it.
std::string TypeName(const ColumnType& type);

// The names in a list "id, text, \"odd, name\"". Nothing, and *error, when there is none.
std::optional<std::vector<std::string>> ParseColumnNames(std::string_view text, std::string* error);

}  // namespace quern::mr::parquet
