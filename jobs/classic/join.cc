// Joins two inputs by a key.
//
// Inputs tagged left and right: lines of columns between tabs (format text), or JSON lines (format
// jsonl), both of one kind. Params: key, left_key, right_key (1): a column's number, or a field's
// name; type (inner): inner, left, semi (lines of the left that have a partner) or anti (that have
// none). Output (raw), by key:
//   text    the left line<TAB>the right line without its key
//   jsonl   the fields of the left, then those of the right without its key; one that the left has
//           too is called right.NAME, or has "right." in front as often as it takes for a name that
//           no other has
// Keys of JSON are equal whatever escapes and blanks they are written with, and a string and a
// number that look the same are one; numbers are as they are spelt (1 is not 1.0), and members of
// objects in their order.
//
// A left line without partner, an empty one too, stands alone in a left join. Lines without the
// key, or with an empty one or null, have no partner: they are counted, and left ones kept by left
// and anti.
//
// Of each key the right lines are held in memory and the left ones streamed past them: let the
// right be the input with few lines of one key.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "jobs/classic/columns.h"
#include "jobs/params.h"
#include "jobs/text/json.h"
#include "jobs/text/json_normal.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::text::JsonField;

// Of the right lines of one key.
constexpr size_t kMaxHeldBytes = size_t{128} << 20;
// The right lines of a key come first. A left line without a key has no right side.
constexpr int64_t kRightSide = 0;
constexpr int64_t kLeftSide = 1;
constexpr int64_t kKeylessSide = 2;

// The first byte of a right line says what it was read as: an object may well stand in a column.
constexpr char kColumns = 'c';
constexpr char kObject = 'o';

enum class JoinType { kInner, kLeft, kSemi, kAnti };

JoinType TypeOf(quern::TaskContext& context) {
  const std::string_view type = context.param("type", "inner");
  if (type == "inner") return JoinType::kInner;
  if (type == "left") return JoinType::kLeft;
  if (type == "semi") return JoinType::kSemi;
  if (type == "anti") return JoinType::kAnti;
  context.Fail("params.type = '" + std::string(type) + "': must be inner, left, semi or anti");
}

class JoinMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    const std::string_view tag = context.input_tag();
    if (tag != "left" && tag != "right") context.Fail("the inputs must be tagged left and right");
    side_ = tag == "left" ? kLeftSide : kRightSide;
    const JoinType type = TypeOf(context);
    keep_unmatched_ = side_ == kLeftSide && (type == JoinType::kLeft || type == JoinType::kAnti);
    keys_only_ = side_ == kRightSide && (type == JoinType::kSemi || type == JoinType::kAnti);
    json_ = context.input_format() == "jsonl";
    const std::string_view own = side_ == kLeftSide ? "left_key" : "right_key";
    const std::string_view name = ParamIfSet(context, own).has_value() ? own : "key";
    if (json_) {
      field_ = context.param(name);
      if (field_.empty()) {
        context.Fail("params." + std::string(name) + ": name the field to join by");
      }
    } else {
      column_ = quern::classic::ColumnParam(context, name, "1");
    }
    without_key_ = context.counter(std::string(tag) + "_without_key");
  }

  void Map(const quern::MapInput& in) override {
    const std::string_view line = in.value();
    if (!json_) return MapColumns(line);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) MapJson(line);
  }

 private:
  void MapColumns(std::string_view line) {
    const auto key = quern::classic::Column(line, column_);
    if (!key || key->empty()) return WithoutKey(line);
    if (side_ == kLeftSide) return Emit(quern::Ordered(*key, side_), line);
    // Without the key and one of the tabs beside it.
    size_t begin = static_cast<size_t>(key->data() - line.data());
    size_t end = begin + key->size();
    if (end < line.size()) {
      ++end;
    } else if (begin > 0) {
      --begin;
    }
    rest_.assign(1, kColumns).append(line.substr(0, begin)).append(line.substr(end));
    Emit(quern::Ordered(*key, side_), keys_only_ ? "" : rest_);
  }

  void MapJson(std::string_view line) {
    const auto fields = quern::text::ReadJsonObject(line);
    if (!fields) context().SkipRecord("no JSON object");
    const JsonField* const field = quern::text::FindField(*fields, field_);
    const std::string key = field == nullptr ? "" : KeyOf(field->value);
    if (key.empty()) return WithoutKey(line);
    if (side_ == kLeftSide) return Emit(quern::Ordered(key, side_), line);
    for (const JsonField& each : *fields) {
      if (each.name != field_) writer_.AddRaw(each.name, each.value);
    }
    rest_.assign(1, kObject).append(writer_.Take());
    Emit(quern::Ordered(key, side_), keys_only_ ? "" : rest_);
  }

  // Empty for what is no JSON.
  static std::string KeyOf(std::string_view value) {
    if (value == "null") return "";
    if (!quern::text::IsJsonString(value)) return quern::text::NormalJson(value).value_or("");
    return quern::text::ReadJsonString(value).value_or("");
  }

  void WithoutKey(std::string_view line) {
    without_key_->Increment();
    if (keep_unmatched_) Emit(quern::Ordered("", kKeylessSide), line);
  }

  int64_t side_ = kLeftSide;
  bool json_ = false;
  bool keep_unmatched_ = false;
  bool keys_only_ = false;
  size_t column_ = 1;
  std::string field_;
  std::string rest_;
  quern::text::JsonObjectWriter writer_;
  quern::Counter* without_key_ = nullptr;
};
QUERN_REGISTER_MAPPER(JoinMapper);

// A left line and what is made of it with each of its partners. It is read once, when the first of
// them is an object.
class LeftLine {
 public:
  explicit LeftLine(std::string_view line) : line_(line) {}

  // `right` as the mapper made it.
  std::string Joined(std::string_view right, quern::text::JsonObjectWriter* writer) {
    const bool is_object = right.starts_with(kObject);
    right.remove_prefix(1);
    if (is_object && IsObject()) {
      const auto fields = quern::text::ReadJsonObject(right);
      if (fields) return JoinedObject(*fields, writer);
    }
    return right.empty() ? std::string(line_) : std::string(line_) + '\t' + std::string(right);
  }

 private:
  bool IsObject() {
    if (!is_read_) Read();
    return fields_.has_value();
  }
  void Read() {
    is_read_ = true;
    fields_ = quern::text::ReadJsonObject(line_);
    if (!fields_) return;
    for (const JsonField& field : *fields_) names_.insert(field.name);
  }

  // Fields of the left, then of the right.
  std::string JoinedObject(const std::vector<JsonField>& right,
                           quern::text::JsonObjectWriter* writer) const {
    const auto new_names = NewNames(right);
    for (const JsonField& field : *fields_) writer->AddRaw(field.name, field.value);
    for (const JsonField& field : right) {
      const auto renamed = new_names.find(field.name);
      writer->AddRaw(renamed == new_names.end() ? field.name : renamed->second, field.value);
    }
    return writer->Take();
  }

  // Of the fields of the right that the left has too: by their own names those that they get.
  std::unordered_map<std::string_view, std::string> NewNames(
      const std::vector<JsonField>& right) const {
    std::unordered_map<std::string_view, std::string> new_names;
    for (const JsonField& field : right) {
      if (names_.contains(field.name)) new_names.try_emplace(field.name);
    }
    if (new_names.empty()) return new_names;
    std::unordered_set<std::string> taken;  // on the right
    for (const JsonField& field : right) taken.insert(field.name);
    for (const JsonField& field : right) {
      const auto renamed = new_names.find(field.name);
      // A field that an object has twice keeps one name.
      if (renamed == new_names.end() || !renamed->second.empty()) continue;
      std::string name = "right." + field.name;
      while (names_.contains(name) || !taken.insert(name).second) name.insert(0, "right.");
      renamed->second = std::move(name);
    }
    return new_names;
  }

  const std::string_view line_;
  bool is_read_ = false;
  std::optional<std::vector<JsonField>> fields_;
  std::unordered_set<std::string_view> names_;  // of the fields
};

// With [reduce] group = 1: one call for each key.
class JoinReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    type_ = TypeOf(context);
    matched_ = context.counter("left_with_partner");
    unmatched_ = context.counter("left_without_partner");
  }

  void Reduce(quern::ReduceInput* in) override {
    right_.clear();
    held_bytes_ = 0;
    for (const auto& [key, value] : in->records()) {
      const auto [text, side] = quern::Decode<std::string, int64_t>(key);
      if (side == kRightSide) {
        Hold(text, value);
      } else {
        JoinLeft(value, side == kLeftSide && !right_.empty());
      }
    }
  }

 private:
  void Hold(const std::string& key, std::string_view line) {
    const bool once = type_ == JoinType::kSemi || type_ == JoinType::kAnti;
    if (once && !right_.empty()) return;
    held_bytes_ += line.size() + sizeof(std::string);
    if (held_bytes_ > kMaxHeldBytes) {
      context().Fail("key '" + key.substr(0, 100) +
                     "': the right has more than 128 MiB of lines with it. Try: the inputs the "
                     "other way round");
    }
    right_.emplace_back(line);
  }

  void JoinLeft(std::string_view line, bool has_partner) {
    (has_partner ? matched_ : unmatched_)->Increment();
    if (type_ == JoinType::kSemi || type_ == JoinType::kAnti) {
      if (has_partner == (type_ == JoinType::kSemi)) Emit("", line);
    } else if (!has_partner) {
      if (type_ == JoinType::kLeft) Emit("", line);
    } else {
      LeftLine left(line);
      for (const std::string& right : right_) Emit("", left.Joined(right, &writer_));
    }
  }

  JoinType type_ = JoinType::kInner;
  std::vector<std::string> right_;
  size_t held_bytes_ = 0;
  quern::text::JsonObjectWriter writer_;
  quern::Counter* matched_ = nullptr;
  quern::Counter* unmatched_ = nullptr;
};
QUERN_REGISTER_REDUCER(JoinReducer);

}  // namespace
