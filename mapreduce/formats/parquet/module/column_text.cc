#include "mapreduce/formats/parquet/module/column_text.h"

#include <arrow/extension_type.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>

#include <type_traits>
#include <utility>
#include <vector>

#include "mapreduce/formats/parquet/module/calendar.h"
#include "mapreduce/formats/parquet/module/json_text.h"
#include "mapreduce/formats/parquet/module/trouble.h"

namespace quern::mr::parquet {

namespace {

using arrow::Type;
using Texts = std::vector<std::unique_ptr<ColumnText>>;

// Of an array type whose values `Put` writes: void(const ArrayType&, int64_t row, std::string*).
template <typename ArrayType, typename Put>
class Values final : public ColumnText {
 public:
  explicit Values(Put put) : put_(std::move(put)) {}
  void Bind(const arrow::Array& values) override {
    values_ = static_cast<const ArrayType*>(&values);
  }
  void Append(int64_t row, std::string* out) const override {
    if (values_->IsNull(row)) {
      *out += "null";
    } else {
      put_(*values_, row, out);
    }
  }

 private:
  const Put put_;
  const ArrayType* values_ = nullptr;
};

template <typename ArrayType, typename Put>
std::unique_ptr<ColumnText> Make(Put put) {
  return std::make_unique<Values<ArrayType, Put>>(std::move(put));
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Integers() {
  return Make<ArrayType>([](const ArrayType& values, int64_t row, std::string* out) {
    *out += std::to_string(values.Value(row));
  });
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Floats() {
  return Make<ArrayType>([](const ArrayType& values, int64_t row, std::string* out) {
    AppendJsonNumber(values.Value(row), out);
  });
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Strings() {
  return Make<ArrayType>([](const ArrayType& values, int64_t row, std::string* out) {
    AppendJsonText(values.GetView(row), out);
  });
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Binaries() {
  return Make<ArrayType>([](const ArrayType& values, int64_t row, std::string* out) {
    AppendBase64(values.GetView(row), out);
  });
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Decimals() {
  return Make<ArrayType>([](const ArrayType& values, int64_t row, std::string* out) {
    *out += '"';
    *out += values.FormatValue(row);
    *out += '"';
  });
}

TimeUnit UnitOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return {1, 0};
    case arrow::TimeUnit::MILLI:
      return {1'000, 3};
    case arrow::TimeUnit::MICRO:
      return {1'000'000, 6};
    case arrow::TimeUnit::NANO:
      return {1'000'000'000, 9};
  }
  return {};
}

std::unique_ptr<ColumnText> Timestamps(const arrow::DataType& type) {
  const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
  const TimeUnit unit = UnitOf(timestamp.unit());
  const std::string_view zone = timestamp.timezone().empty() ? "" : "Z";
  return Make<arrow::TimestampArray>(
      [=](const arrow::TimestampArray& values, int64_t row, std::string* out) {
        *out += '"';
        AppendDateTime(values.Value(row), unit, zone, out);
        *out += '"';
      });
}

template <typename ArrayType>
std::unique_ptr<ColumnText> Dates(int64_t units_per_day) {
  return Make<ArrayType>([=](const ArrayType& values, int64_t row, std::string* out) {
    const int64_t units = values.Value(row);
    *out += '"';
    AppendDate(units / units_per_day - (units % units_per_day < 0 ? 1 : 0), out);
    *out += '"';
  });
}

template <typename ArrayType, typename TypeClass>
std::unique_ptr<ColumnText> Times(const arrow::DataType& type) {
  const TimeUnit unit = UnitOf(static_cast<const TypeClass&>(type).unit());
  return Make<ArrayType>([=](const ArrayType& values, int64_t row, std::string* out) {
    *out += '"';
    AppendTime(values.Value(row), unit, out);
    *out += '"';
  });
}

// Lists of any kind: Arrow says where the elements of a row lie.
template <typename ArrayType>
class Lists final : public ColumnText {
 public:
  explicit Lists(std::unique_ptr<ColumnText> elements) : elements_(std::move(elements)) {}
  void Bind(const arrow::Array& values) override {
    values_ = static_cast<const ArrayType*>(&values);
    elements_->Bind(*values_->values());
  }
  void Append(int64_t row, std::string* out) const override {
    if (values_->IsNull(row)) {
      *out += "null";
      return;
    }
    *out += '[';
    const int64_t begin = values_->value_offset(row);
    const int64_t end = begin + values_->value_length(row);
    for (int64_t i = begin; i < end; ++i) {
      if (i > begin) *out += ',';
      elements_->Append(i, out);
    }
    *out += ']';
  }

 private:
  const std::unique_ptr<ColumnText> elements_;
  const ArrayType* values_ = nullptr;
};

class Structs final : public ColumnText {
 public:
  Structs(const arrow::DataType& type, Texts fields) : fields_(std::move(fields)) {
    for (const auto& field : type.fields()) {
      std::string name;
      AppendJsonText(field->name(), &name);
      names_.push_back(name + ":");
    }
  }
  void Bind(const arrow::Array& values) override {
    values_ = static_cast<const arrow::StructArray*>(&values);
    for (size_t i = 0; i < fields_.size(); ++i) {
      fields_[i]->Bind(*values_->field(static_cast<int>(i)));
    }
  }
  void Append(int64_t row, std::string* out) const override {
    if (values_->IsNull(row)) {
      *out += "null";
      return;
    }
    *out += '{';
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) *out += ',';
      *out += names_[i];
      fields_[i]->Append(row, out);
    }
    *out += '}';
  }

 private:
  const Texts fields_;
  std::vector<std::string> names_;  // "name":
  const arrow::StructArray* values_ = nullptr;
};

// An object where keys are text, else an array of pairs.
class Maps final : public ColumnText {
 public:
  Maps(bool text_keys, std::unique_ptr<ColumnText> keys, std::unique_ptr<ColumnText> items)
      : text_keys_(text_keys), keys_(std::move(keys)), items_(std::move(items)) {}
  void Bind(const arrow::Array& values) override {
    values_ = static_cast<const arrow::MapArray*>(&values);
    keys_->Bind(*values_->keys());
    items_->Bind(*values_->items());
  }
  void Append(int64_t row, std::string* out) const override {
    if (values_->IsNull(row)) {
      *out += "null";
      return;
    }
    *out += text_keys_ ? '{' : '[';
    const int64_t begin = values_->value_offset(row);
    const int64_t end = begin + values_->value_length(row);
    for (int64_t i = begin; i < end; ++i) {
      if (i > begin) *out += ',';
      if (!text_keys_) *out += '[';
      keys_->Append(i, out);
      *out += text_keys_ ? ':' : ',';
      items_->Append(i, out);
      if (!text_keys_) *out += ']';
    }
    *out += text_keys_ ? '}' : ']';
  }

 private:
  const bool text_keys_;
  const std::unique_ptr<ColumnText> keys_;
  const std::unique_ptr<ColumnText> items_;
  const arrow::MapArray* values_ = nullptr;
};

class Dictionaries final : public ColumnText {
 public:
  explicit Dictionaries(std::unique_ptr<ColumnText> words) : words_(std::move(words)) {}
  void Bind(const arrow::Array& values) override {
    values_ = static_cast<const arrow::DictionaryArray*>(&values);
    words_->Bind(*values_->dictionary());
  }
  void Append(int64_t row, std::string* out) const override {
    if (values_->IsNull(row)) {
      *out += "null";
    } else {
      words_->Append(values_->GetValueIndex(row), out);
    }
  }

 private:
  const std::unique_ptr<ColumnText> words_;
  const arrow::DictionaryArray* values_ = nullptr;
};

class Extensions final : public ColumnText {
 public:
  explicit Extensions(std::unique_ptr<ColumnText> storage) : storage_(std::move(storage)) {}
  void Bind(const arrow::Array& values) override {
    storage_->Bind(*static_cast<const arrow::ExtensionArray&>(values).storage());
  }
  void Append(int64_t row, std::string* out) const override { storage_->Append(row, out); }

 private:
  const std::unique_ptr<ColumnText> storage_;
};

template <typename ArrayType>
arrow::Result<std::unique_ptr<ColumnText>> MakeLists(const arrow::DataType& type) {
  ARROW_ASSIGN_OR_RAISE(auto elements, MakeColumnText(*type.field(0)->type()));
  return std::make_unique<Lists<ArrayType>>(std::move(elements));
}

arrow::Result<std::unique_ptr<ColumnText>> MakeStructs(const arrow::DataType& type) {
  Texts fields;
  for (const auto& field : type.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto text, MakeColumnText(*field->type()));
    fields.push_back(std::move(text));
  }
  return std::make_unique<Structs>(type, std::move(fields));
}

arrow::Result<std::unique_ptr<ColumnText>> MakeMaps(const arrow::DataType& type) {
  const auto& map = static_cast<const arrow::MapType&>(type);
  ARROW_ASSIGN_OR_RAISE(auto keys, MakeColumnText(*map.key_type()));
  ARROW_ASSIGN_OR_RAISE(auto items, MakeColumnText(*map.item_type()));
  return std::make_unique<Maps>(arrow::is_string(map.key_type()->id()), std::move(keys),
                                std::move(items));
}

// What holds other columns.
arrow::Result<std::unique_ptr<ColumnText>> MakeNested(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::LIST:
      return MakeLists<arrow::ListArray>(type);
    case Type::LARGE_LIST:
      return MakeLists<arrow::LargeListArray>(type);
    case Type::LIST_VIEW:
      return MakeLists<arrow::ListViewArray>(type);
    case Type::LARGE_LIST_VIEW:
      return MakeLists<arrow::LargeListViewArray>(type);
    case Type::FIXED_SIZE_LIST:
      return MakeLists<arrow::FixedSizeListArray>(type);
    case Type::STRUCT:
      return MakeStructs(type);
    case Type::MAP:
      return MakeMaps(type);
    case Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryType&>(type);
      ARROW_ASSIGN_OR_RAISE(auto words, MakeColumnText(*dictionary.value_type()));
      return std::make_unique<Dictionaries>(std::move(words));
    }
    case Type::EXTENSION: {
      const auto& extension = static_cast<const arrow::ExtensionType&>(type);
      ARROW_ASSIGN_OR_RAISE(auto storage, MakeColumnText(*extension.storage_type()));
      return std::make_unique<Extensions>(std::move(storage));
    }
    default:
      return Wrong("has the type " + type.ToString() + ", which is not read");
  }
}

std::unique_ptr<ColumnText> MakeNumbers(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT8:
      return Integers<arrow::Int8Array>();
    case Type::INT16:
      return Integers<arrow::Int16Array>();
    case Type::INT32:
      return Integers<arrow::Int32Array>();
    case Type::INT64:
      return Integers<arrow::Int64Array>();
    case Type::UINT8:
      return Integers<arrow::UInt8Array>();
    case Type::UINT16:
      return Integers<arrow::UInt16Array>();
    case Type::UINT32:
      return Integers<arrow::UInt32Array>();
    case Type::UINT64:
      return Integers<arrow::UInt64Array>();
    case Type::DURATION:
      return Integers<arrow::DurationArray>();
    case Type::FLOAT:
      return Floats<arrow::FloatArray>();
    case Type::DOUBLE:
      return Floats<arrow::DoubleArray>();
    case Type::HALF_FLOAT:
      return Make<arrow::HalfFloatArray>(
          [](const arrow::HalfFloatArray& values, int64_t row, std::string* out) {
            AppendJsonNumber(arrow::util::Float16::FromBits(values.Value(row)).ToFloat(), out);
          });
    case Type::DECIMAL32:
      return Decimals<arrow::Decimal32Array>();
    case Type::DECIMAL64:
      return Decimals<arrow::Decimal64Array>();
    case Type::DECIMAL128:
      return Decimals<arrow::Decimal128Array>();
    case Type::DECIMAL256:
      return Decimals<arrow::Decimal256Array>();
    default:
      return nullptr;
  }
}

std::unique_ptr<ColumnText> MakeTextsAndTimes(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::NA:
      return Make<arrow::NullArray>(
          [](const arrow::NullArray&, int64_t, std::string* out) { *out += "null"; });
    case Type::BOOL:
      return Make<arrow::BooleanArray>(
          [](const arrow::BooleanArray& values, int64_t row, std::string* out) {
            *out += values.Value(row) ? "true" : "false";
          });
    case Type::STRING:
      return Strings<arrow::StringArray>();
    case Type::LARGE_STRING:
      return Strings<arrow::LargeStringArray>();
    case Type::STRING_VIEW:
      return Strings<arrow::StringViewArray>();
    case Type::BINARY:
      return Binaries<arrow::BinaryArray>();
    case Type::LARGE_BINARY:
      return Binaries<arrow::LargeBinaryArray>();
    case Type::BINARY_VIEW:
      return Binaries<arrow::BinaryViewArray>();
    case Type::FIXED_SIZE_BINARY:
      return Binaries<arrow::FixedSizeBinaryArray>();
    case Type::DATE32:
      return Dates<arrow::Date32Array>(1);
    case Type::DATE64:
      return Dates<arrow::Date64Array>(kSecondsPerDay * 1'000);
    case Type::TIME32:
      return Times<arrow::Time32Array, arrow::Time32Type>(type);
    case Type::TIME64:
      return Times<arrow::Time64Array, arrow::Time64Type>(type);
    case Type::TIMESTAMP:
      return Timestamps(type);
    default:
      return nullptr;
  }
}

}  // namespace

arrow::Result<std::unique_ptr<ColumnText>> MakeColumnText(const arrow::DataType& type) {
  if (auto numbers = MakeNumbers(type)) return numbers;
  if (auto others = MakeTextsAndTimes(type)) return others;
  return MakeNested(type);
}

}  // namespace quern::mr::parquet
