#include "mapreduce/formats/parquet/module/schema_guess.h"

#include <algorithm>

namespace quern::mr::parquet {

namespace {

using Kind = ColumnType::Kind;

// Records with names of their own making would have a column each.
constexpr size_t kMaxFields = 2'000;

bool IsNumber(Kind kind) { return kind == Kind::kInt64 || kind == Kind::kDouble; }

Kind KindOf(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return Kind::kNull;
    case JsonValue::Kind::kBool:
      return Kind::kBool;
    case JsonValue::Kind::kNumber:
      return value.IsInteger() ? Kind::kInt64 : Kind::kDouble;
    case JsonValue::Kind::kText:
      return Kind::kString;
    case JsonValue::Kind::kArray:
      return Kind::kList;
    case JsonValue::Kind::kObject:
      return Kind::kStruct;
  }
  return Kind::kNull;
}

bool Widen(const JsonValue& value, const std::string& path, ColumnType* type, std::string* error);

bool WidenStruct(const JsonValue& value, const std::string& path, ColumnType* type,
                 std::string* error) {
  for (size_t i = 0; i < value.fields.size(); ++i) {
    const JsonField& field = value.fields[i];
    std::vector<Column>& known = type->children;
    const std::string below = path.empty() ? field.name : path + "." + field.name;
    // Records have their fields in the same order, as a rule.
    auto found = i < known.size() && known[i].name == field.name
                     ? known.begin() + static_cast<std::ptrdiff_t>(i)
                     : std::find_if(known.begin(), known.end(), [&](const Column& column) {
                         return column.name == field.name;
                       });
    if (found == known.end()) {
      if (known.size() == kMaxFields) {
        *error = "more than 2000 fields. Try: output.schema, with a map<string>";
        return false;
      }
      found = known.insert(found, {field.name, {}});
    }
    if (!Widen(field.value, below, &found->type, error)) return false;
  }
  return true;
}

// Until `type` can hold `value` as well.
bool Widen(const JsonValue& value, const std::string& path, ColumnType* type, std::string* error) {
  const Kind kind = KindOf(value);
  if (kind == Kind::kNull) return true;
  if (type->kind == Kind::kNull) {
    type->kind = kind;
  } else if (IsNumber(type->kind) && IsNumber(kind)) {
    if (kind == Kind::kDouble) type->kind = kind;
  } else if (type->kind != kind) {
    *error = "field " + path + " is " + std::string(value.KindName()) +
             ", in records before it is " + TypeName(*type) + ". Try: output.schema = \"..., " +
             path + " string\"";
    return false;
  }
  if (kind == Kind::kStruct) return WidenStruct(value, path, type, error);
  if (kind != Kind::kList) return true;
  if (type->children.empty()) type->children.emplace_back();
  return std::all_of(value.items.begin(), value.items.end(), [&](const JsonValue& item) {
    return Widen(item, path + "[]", &type->children[0].type, error);
  });
}

void Complete(ColumnType* type) {
  for (Column& child : type->children) Complete(&child.type);
  const bool empty = type->kind == Kind::kStruct && type->children.empty();
  if (type->kind == Kind::kNull || empty) type->kind = Kind::kString;
}

}  // namespace

bool SchemaGuess::Add(const JsonValue& record, std::string* error) {
  return Widen(record, "", &record_, error);
}

std::vector<Column> SchemaGuess::Columns() const {
  std::vector<Column> columns = record_.children;
  for (Column& column : columns) Complete(&column.type);
  return columns;
}

}  // namespace quern::mr::parquet
