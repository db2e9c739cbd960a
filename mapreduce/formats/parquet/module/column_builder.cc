#include "mapreduce/formats/parquet/module/column_builder.h"

#include <arrow/util/decimal.h>
#include <arrow/util/utf8.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "mapreduce/formats/parquet/module/calendar.h"
#include "mapreduce/formats/parquet/module/json_text.h"
#include "mapreduce/formats/parquet/module/trouble.h"

namespace quern::mr::parquet {

namespace {

using Kind = ColumnType::Kind;
using JsonKind = JsonValue::Kind;

constexpr size_t kShownBytes = 60;

arrow::Status Misfit(const JsonValue& value, const ColumnType& type) {
  std::string shown(value.raw.substr(0, kShownBytes));
  if (shown.size() < value.raw.size()) shown += "...";
  return Wrong(shown + " is no " + TypeName(type));
}

// Of a type whose values `put` appends: arrow::Status(Builder*, const JsonValue&).
template <typename Builder, typename Put>
class Values final : public ColumnBuilder {
 public:
  Values(arrow::ArrayBuilder* builder, Put put)
      : ColumnBuilder(builder), builder_(static_cast<Builder*>(builder)), put_(std::move(put)) {}

 private:
  arrow::Status AppendValue(const JsonValue& value) override { return put_(builder_, value); }

  Builder* const builder_;
  Put put_;
};

template <typename Builder, typename Put>
std::unique_ptr<ColumnBuilder> Make(arrow::ArrayBuilder* builder, Put put) {
  return std::make_unique<Values<Builder, Put>>(builder, std::move(put));
}

template <typename Builder>
std::unique_ptr<ColumnBuilder> Integers(const ColumnType& type, arrow::ArrayBuilder* builder) {
  return Make<Builder>(builder, [type](Builder* to, const JsonValue& value) {
    typename Builder::value_type number = 0;
    const char* const end = value.raw.data() + value.raw.size();
    const auto [behind, error] = std::from_chars(value.raw.data(), end, number);
    if (value.kind != JsonKind::kNumber || behind != end || error != std::errc()) {
      return Misfit(value, type);
    }
    return to->Append(number);
  });
}

// "NaN" and the infinities stand as texts, as they are read.
std::optional<double> NumberOf(const JsonValue& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (value.kind == JsonKind::kText) {
    if (value.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (value.text == "Infinity") return kInfinity;
    if (value.text == "-Infinity") return -kInfinity;
  }
  if (value.kind != JsonKind::kNumber) return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(value.raw.data(), value.raw.data() + value.raw.size(), number);
  if (error == std::errc::result_out_of_range) return std::nullopt;
  return number;
}

template <typename Builder>
std::unique_ptr<ColumnBuilder> Floats(const ColumnType& type, arrow::ArrayBuilder* builder) {
  return Make<Builder>(builder, [type](Builder* to, const JsonValue& value) {
    const std::optional<double> number = NumberOf(value);
    if (!number) return Misfit(value, type);
    const auto stored = static_cast<typename Builder::value_type>(*number);
    // A number that only a wider type holds.
    if (std::isinf(stored) && !std::isinf(*number)) return Misfit(value, type);
    return to->Append(stored);
  });
}

// Any value: what is no text stands there as JSON.
std::unique_ptr<ColumnBuilder> Strings(arrow::ArrayBuilder* builder) {
  return Make<arrow::StringBuilder>(builder, [](arrow::StringBuilder* to, const JsonValue& value) {
    const std::string_view text = value.kind == JsonKind::kText ? value.text : value.raw;
    if (!arrow::util::ValidateUTF8(text)) return Wrong("is not UTF-8");
    return to->Append(text);
  });
}

std::unique_ptr<ColumnBuilder> Binaries(const ColumnType& type, arrow::ArrayBuilder* builder) {
  return Make<arrow::BinaryBuilder>(
      builder,
      [type, bytes = std::string()](arrow::BinaryBuilder* to, const JsonValue& value) mutable {
        if (value.kind != JsonKind::kText || !DecodeBase64(value.text, &bytes)) {
          return Misfit(value, type);
        }
        return to->Append(bytes);
      });
}

std::unique_ptr<ColumnBuilder> Truths(const ColumnType& type, arrow::ArrayBuilder* builder) {
  return Make<arrow::BooleanBuilder>(builder,
                                     [type](arrow::BooleanBuilder* to, const JsonValue& value) {
                                       if (value.kind != JsonKind::kBool)
                                         return Misfit(value, type);
                                       return to->Append(value.truth);
                                     });
}

// Of a text that `parse` makes a number of: std::optional<int64_t>(std::string_view).
template <typename Builder, typename Parse>
std::unique_ptr<ColumnBuilder> Times(const ColumnType& type, arrow::ArrayBuilder* builder,
                                     Parse parse) {
  return Make<Builder>(builder, [type, parse](Builder* to, const JsonValue& value) {
    const std::optional<int64_t> units =
        value.kind == JsonKind::kText ? parse(value.text) : std::nullopt;
    if (!units) return Misfit(value, type);
    return to->Append(static_cast<typename Builder::value_type>(*units));
  });
}

// A text or a number, whose digits are taken as they stand.
std::unique_ptr<ColumnBuilder> Decimals(const ColumnType& type, arrow::ArrayBuilder* builder) {
  return Make<arrow::Decimal128Builder>(
      builder, [type](arrow::Decimal128Builder* to, const JsonValue& value) -> arrow::Status {
        const bool number = value.kind == JsonKind::kNumber;
        if (!number && value.kind != JsonKind::kText) return Misfit(value, type);
        arrow::Decimal128 decimal;
        int32_t precision = 0;
        int32_t scale = 0;
        const std::string digits(number ? value.raw : std::string_view(value.text));
        if (!arrow::Decimal128::FromString(digits, &decimal, &precision, &scale).ok()) {
          return Misfit(value, type);
        }
        const auto rescaled = decimal.Rescale(scale, type.scale);
        if (!rescaled.ok() || !rescaled->FitsInPrecision(type.precision)) {
          return Misfit(value, type);
        }
        return to->Append(*rescaled);
      });
}

class Lists final : public ColumnBuilder {
 public:
  Lists(const ColumnType& type, arrow::ArrayBuilder* builder)
      : ColumnBuilder(builder),
        type_(type),
        builder_(static_cast<arrow::ListBuilder*>(builder)),
        items_(MakeColumnBuilder(type.children[0].type, builder_->value_builder())) {}

 private:
  arrow::Status AppendValue(const JsonValue& value) override {
    if (value.kind != JsonKind::kArray) return Misfit(value, type_);
    ARROW_RETURN_NOT_OK(builder_->Append());
    for (const JsonValue& item : value.items) ARROW_RETURN_NOT_OK(items_->Append(&item));
    return arrow::Status::OK();
  }

  const ColumnType type_;
  arrow::ListBuilder* const builder_;
  const std::unique_ptr<ColumnBuilder> items_;
};

class Maps final : public ColumnBuilder {
 public:
  Maps(const ColumnType& type, arrow::ArrayBuilder* builder)
      : ColumnBuilder(builder),
        type_(type),
        builder_(static_cast<arrow::MapBuilder*>(builder)),
        keys_(static_cast<arrow::StringBuilder*>(builder_->key_builder())),
        items_(MakeColumnBuilder(type.children[0].type, builder_->item_builder())) {}

 private:
  arrow::Status AppendValue(const JsonValue& value) override {
    if (value.kind != JsonKind::kObject) return Misfit(value, type_);
    ARROW_RETURN_NOT_OK(builder_->Append());
    for (const JsonField& field : value.fields) {
      if (!arrow::util::ValidateUTF8(field.name)) return Wrong("has a key that is not UTF-8");
      ARROW_RETURN_NOT_OK(keys_->Append(field.name));
      ARROW_RETURN_NOT_OK(items_->Append(&field.value));
    }
    return arrow::Status::OK();
  }

  const ColumnType type_;
  arrow::MapBuilder* const builder_;
  arrow::StringBuilder* const keys_;
  const std::unique_ptr<ColumnBuilder> items_;
};

class Structs final : public ColumnBuilder {
 public:
  Structs(const ColumnType& type, arrow::ArrayBuilder* builder)
      : ColumnBuilder(builder), type_(type), builder_(static_cast<arrow::StructBuilder*>(builder)) {
    for (size_t i = 0; i < type.children.size(); ++i) {
      fields_.push_back(
          MakeColumnBuilder(type.children[i].type, builder_->field_builder(static_cast<int>(i))));
    }
  }

 private:
  arrow::Status AppendValue(const JsonValue& value) override {
    if (value.kind != JsonKind::kObject) return Misfit(value, type_);
    ARROW_RETURN_NOT_OK(builder_->Append());
    return AppendFields(value, type_.children, fields_);
  }

  const ColumnType type_;
  arrow::StructBuilder* const builder_;
  std::vector<std::unique_ptr<ColumnBuilder>> fields_;
};

// The field of that name; `likely` is where it stands if all columns have one, in their order.
const JsonField* FindField(const JsonValue& object, size_t likely, const std::string& name) {
  const std::vector<JsonField>& fields = object.fields;
  if (likely < fields.size() && fields[likely].name == name) return &fields[likely];
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const JsonField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

// Why an object has more fields than columns took.
arrow::Status UnknownField(const JsonValue& object, const std::vector<Column>& columns) {
  for (const JsonField& field : object.fields) {
    const bool known = std::any_of(columns.begin(), columns.end(),
                                   [&](const Column& column) { return column.name == field.name; });
    if (!known) {
      return Wrong("field '" + field.name + "' has no column. Try: output.schema with it");
    }
  }
  return Wrong("a field comes twice");
}

}  // namespace

std::shared_ptr<arrow::DataType> ArrowType(const ColumnType& type) {
  switch (type.kind) {
    case Kind::kBool:
      return arrow::boolean();
    case Kind::kInt8:
      return arrow::int8();
    case Kind::kInt16:
      return arrow::int16();
    case Kind::kInt32:
      return arrow::int32();
    case Kind::kInt64:
      return arrow::int64();
    case Kind::kUint8:
      return arrow::uint8();
    case Kind::kUint16:
      return arrow::uint16();
    case Kind::kUint32:
      return arrow::uint32();
    case Kind::kUint64:
      return arrow::uint64();
    case Kind::kFloat:
      return arrow::float32();
    case Kind::kDouble:
      return arrow::float64();
    case Kind::kNull:
    case Kind::kString:
      return arrow::utf8();
    case Kind::kBinary:
      return arrow::binary();
    case Kind::kDate:
      return arrow::date32();
    case Kind::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case Kind::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case Kind::kDatetime:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case Kind::kDecimal:
      return arrow::decimal128(type.precision, type.scale);
    case Kind::kList:
      return arrow::list(ArrowType(type.children[0].type));
    case Kind::kMap:
      return arrow::map(arrow::utf8(), ArrowType(type.children[0].type));
    case Kind::kStruct:
      return arrow::struct_(ArrowSchema(type.children)->fields());
  }
  return arrow::null();
}

std::shared_ptr<arrow::Schema> ArrowSchema(const std::vector<Column>& columns) {
  arrow::FieldVector fields;
  for (const Column& column : columns) {
    fields.push_back(arrow::field(column.name, ArrowType(column.type)));
  }
  return arrow::schema(fields);
}

std::unique_ptr<ColumnBuilder> MakeColumnBuilder(const ColumnType& type,
                                                 arrow::ArrayBuilder* builder) {
  switch (type.kind) {
    case Kind::kBool:
      return Truths(type, builder);
    case Kind::kInt8:
      return Integers<arrow::Int8Builder>(type, builder);
    case Kind::kInt16:
      return Integers<arrow::Int16Builder>(type, builder);
    case Kind::kInt32:
      return Integers<arrow::Int32Builder>(type, builder);
    case Kind::kInt64:
      return Integers<arrow::Int64Builder>(type, builder);
    case Kind::kUint8:
      return Integers<arrow::UInt8Builder>(type, builder);
    case Kind::kUint16:
      return Integers<arrow::UInt16Builder>(type, builder);
    case Kind::kUint32:
      return Integers<arrow::UInt32Builder>(type, builder);
    case Kind::kUint64:
      return Integers<arrow::UInt64Builder>(type, builder);
    case Kind::kFloat:
      return Floats<arrow::FloatBuilder>(type, builder);
    case Kind::kDouble:
      return Floats<arrow::DoubleBuilder>(type, builder);
    case Kind::kNull:
    case Kind::kString:
      return Strings(builder);
    case Kind::kBinary:
      return Binaries(type, builder);
    case Kind::kDate:
      return Times<arrow::Date32Builder>(type, builder, ParseDate);
    case Kind::kTime:
      return Times<arrow::Time64Builder>(type, builder, ParseTime);
    case Kind::kTimestamp:
    case Kind::kDatetime:
      return Times<arrow::TimestampBuilder>(
          type, builder, [zone = type.kind == Kind::kTimestamp](std::string_view text) {
            return ParseDateTime(text, zone);
          });
    case Kind::kDecimal:
      return Decimals(type, builder);
    case Kind::kList:
      return std::make_unique<Lists>(type, builder);
    case Kind::kMap:
      return std::make_unique<Maps>(type, builder);
    case Kind::kStruct:
      return std::make_unique<Structs>(type, builder);
  }
  return nullptr;
}

arrow::Status AppendFields(const JsonValue& object, const std::vector<Column>& columns,
                           const std::vector<std::unique_ptr<ColumnBuilder>>& builders) {
  size_t taken = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const JsonField* const field = FindField(object, i, columns[i].name);
    if (field != nullptr) ++taken;
    const arrow::Status status = builders[i]->Append(field == nullptr ? nullptr : &field->value);
    if (!status.ok()) return status.WithMessage(columns[i].name, ": ", status.message());
  }
  return taken == object.fields.size() ? arrow::Status::OK() : UnknownField(object, columns);
}

}  // namespace quern::mr::parquet
