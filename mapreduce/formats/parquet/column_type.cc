#include "mapreduce/formats/parquet/column_type.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

namespace quern::mr::parquet {

namespace {

using Kind = ColumnType::Kind;

constexpr int kMaxDepth = 20;
constexpr size_t kMaxColumns = 10'000;
constexpr int32_t kMaxPrecision = 38;  // of 128 bits

struct SimpleType {
  std::string_view name;
  Kind kind;
};
constexpr SimpleType kSimpleTypes[] = {
    {"bool", Kind::kBool},           {"int8", Kind::kInt8},         {"int16", Kind::kInt16},
    {"int32", Kind::kInt32},         {"int64", Kind::kInt64},       {"uint8", Kind::kUint8},
    {"uint16", Kind::kUint16},       {"uint32", Kind::kUint32},     {"uint64", Kind::kUint64},
    {"float", Kind::kFloat},         {"double", Kind::kDouble},     {"string", Kind::kString},
    {"binary", Kind::kBinary},       {"date", Kind::kDate},         {"time", Kind::kTime},
    {"timestamp", Kind::kTimestamp}, {"datetime", Kind::kDatetime},
};

// Reads from the left; the first error stays.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  const std::string& error() const { return error_; }
  bool AtEnd() {
    SkipBlanks();
    return rest_.empty();
  }

  // Names with types, up to the end or a ">".
  bool Columns(int depth, std::vector<Column>* columns) {
    std::set<std::string> names;
    do {
      Column& column = columns->emplace_back();
      if (!Name(&column.name) || !Type(depth, &column.type)) return false;
      if (!names.insert(column.name).second) return Fail("two are called '" + column.name + "'");
      if (++columns_ > kMaxColumns) return Fail("more than 10000 columns");
    } while (Take(','));
    return true;
  }

  bool Name(std::string* name) {
    SkipBlanks();
    if (Take('"')) {
      const size_t end = rest_.find('"');
      if (end == std::string_view::npos) return Fail("a quote is not closed");
      *name = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
    } else {
      *name = Word();
    }
    return !name->empty() || Fail("a name is missing");
  }

  bool Take(char c) {
    SkipBlanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool Fail(const std::string& what) {
    if (error_.empty()) {
      error_ = what;
      if (!rest_.empty()) error_ += " before '" + std::string(rest_.substr(0, 20)) + "'";
    }
    return false;
  }

 private:
  bool Type(int depth, ColumnType* type) {
    if (depth > kMaxDepth) return Fail("types are nested too deeply");
    const std::string name = Word();
    for (const SimpleType& simple : kSimpleTypes) {
      if (name != simple.name) continue;
      type->kind = simple.kind;
      return true;
    }
    if (name == "decimal") return Decimal(type);
    if (name == "list") return Nested(Kind::kList, depth, type);
    if (name == "map") return Nested(Kind::kMap, depth, type);
    if (name == "struct") return Nested(Kind::kStruct, depth, type);
    if (name.empty()) return Fail("a type is missing");
    return Fail("'" + name +
                "' is no type. Try: string, int64, double, bool, timestamp, list<string>");
  }

  bool Nested(Kind kind, int depth, ColumnType* type) {
    type->kind = kind;
    if (!Take('<')) return Fail("'<' is missing");
    if (kind == Kind::kStruct) {
      if (!Columns(depth + 1, &type->children)) return false;
    } else if (!Type(depth + 1, &type->children.emplace_back().type)) {
      return false;
    }
    return Take('>') || Fail("'>' is missing");
  }

  bool Decimal(ColumnType* type) {
    type->kind = Kind::kDecimal;
    const bool right = Take('(') && Number(&type->precision) &&
                       (!Take(',') || Number(&type->scale)) && Take(')') && type->precision >= 1 &&
                       type->precision <= kMaxPrecision && type->scale <= type->precision;
    return right || Fail("decimal has two numbers, as decimal(10,2), of at most 38 digits");
  }

  bool Number(int32_t* number) {
    const std::string word = Word();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *number);
    return error == std::errc() && end == word.data() + word.size() && *number >= 0;
  }

  // Everything up to a mark of this language.
  std::string Word() {
    SkipBlanks();
    const size_t end = std::min(rest_.find_first_of(" \t\n,<>()\""), rest_.size());
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return word;
  }

  void SkipBlanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }

  std::string_view rest_;
  std::string error_;
  size_t columns_ = 0;
};

}  // namespace

std::optional<std::vector<Column>> ParseColumns(std::string_view text, std::string* error) {
  Parser parser(text);
  std::vector<Column> columns;
  if (parser.Columns(0, &columns) && (parser.AtEnd() || parser.Fail("',' is missing"))) {
    return columns;
  }
  *error = parser.error();
  return std::nullopt;
}

std::string TypeName(const ColumnType& type) {
  const auto* const simple =
      std::find_if(std::begin(kSimpleTypes), std::end(kSimpleTypes),
                   [&](const SimpleType& each) { return each.kind == type.kind; });
  if (simple != std::end(kSimpleTypes)) return std::string(simple->name);
  if (type.kind == Kind::kNull) return "null";
  if (type.kind == Kind::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  if (type.kind != Kind::kStruct) {
    return (type.kind == Kind::kList ? "list<" : "map<") + TypeName(type.children[0].type) + ">";
  }
  std::string name = "struct<";
  for (const Column& field : type.children) {
    if (name.back() != '<') name += ", ";
    name += field.name + " " + TypeName(field.type);
  }
  return name + ">";
}

std::optional<std::vector<std::string>> ParseColumnNames(std::string_view text,
                                                         std::string* error) {
  Parser parser(text);
  std::vector<std::string> names;
  do {
    if (!parser.Name(&names.emplace_back())) break;
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      parser.Fail("'" + names.back() + "' comes twice");
    }
  } while (parser.Take(','));
  if (parser.error().empty() && !parser.AtEnd()) parser.Fail("',' is missing");
  if (parser.error().empty()) return names;
  *error = parser.error();
  return std::nullopt;
}

}  // namespace quern::mr::parquet
