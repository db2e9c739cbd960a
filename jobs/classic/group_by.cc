// Aggregates over groups of JSON lines: SELECT by..., aggregates FROM lines GROUP BY by.
//
// Input: JSON lines (format jsonl). Params: by: names of fields, commas between them (none: one
// group); aggregates (count): count, sum(FIELD), min(FIELD), max(FIELD), mean(FIELD), none of them
// twice or called like a field of `by`. Numbers are added up in the order of the input, so that
// sums of fractions come out the same however it is split; whole numbers of up to 64 bits exactly,
// however many they are. What is no number is passed over, as null is in SQL; an aggregate of
// nothing is null, and so is a sum or mean that a double cannot hold. Lines are of one group when
// their fields are equal, whatever escapes and blanks they are written with; numbers as they are
// spelt and members of objects in their order, as in the job join. Output (raw): JSON lines, the
// fields of `by`, then an aggregate each.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/params.h"
#include "jobs/text/json.h"
#include "jobs/text/json_normal.h"
#include "mapreduce/api/mapreduce.h"

namespace {

struct Aggregate {
  enum class Kind { kCount, kSum, kMin, kMax, kMean };
  Kind kind = Kind::kCount;
  std::string name;   // as it was written
  std::string field;  // empty: the lines themselves
};

std::optional<Aggregate::Kind> KindOf(std::string_view function) {
  if (function == "count") return Aggregate::Kind::kCount;
  if (function == "sum") return Aggregate::Kind::kSum;
  if (function == "min") return Aggregate::Kind::kMin;
  if (function == "max") return Aggregate::Kind::kMax;
  if (function == "mean") return Aggregate::Kind::kMean;
  return std::nullopt;
}

std::vector<Aggregate> AggregatesParam(quern::TaskContext& context) {
  std::vector<Aggregate> aggregates;
  for (const std::string& text : ListParam(context, "aggregates", "count")) {
    const size_t open = text.find('(');
    const bool has_field = open != std::string::npos;
    const auto kind = KindOf(text.substr(0, open));
    const std::string field =
        has_field && text.ends_with(')') ? text.substr(open + 1, text.size() - open - 2) : "";
    if (!kind || field.empty() != (*kind == Aggregate::Kind::kCount && !has_field)) {
      context.Fail("params.aggregates: '" + text +
                   "': must be count, count(FIELD), sum(FIELD), min(FIELD), max(FIELD) or "
                   "mean(FIELD)");
    }
    aggregates.push_back({*kind, text, field});
  }
  return aggregates;
}

// What the fields of an output line are made of.
struct Columns {
  std::vector<std::string> by;
  std::vector<Aggregate> aggregates;
};

// An object with two fields of one name would say one of them only.
Columns ColumnsParam(quern::TaskContext& context) {
  Columns columns{ListParam(context, "by", ""), AggregatesParam(context)};
  std::set<std::string_view> names;
  for (const std::string& name : columns.by) {
    if (name.empty()) context.Fail("params.by: there is a name missing beside a comma");
    if (!names.insert(name).second) context.Fail("params.by: '" + name + "' stands there twice");
  }
  for (const Aggregate& aggregate : columns.aggregates) {
    if (names.insert(aggregate.name).second) continue;
    context.Fail("params.aggregates: '" + aggregate.name +
                 "' stands there twice, or in params.by too: an output line can have it once");
  }
  return columns;
}

// Hands on, for each aggregate, the number of its field; a count of a field is of what is there.
class GroupMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { columns_ = ColumnsParam(context); }
  void Map(const quern::MapInput& in) override {
    if (in.value().find_first_not_of(" \t\r") == std::string_view::npos) return;
    const auto fields = quern::text::ReadJsonObject(in.value());
    if (!fields) context().SkipRecord("no JSON object");
    key_.clear();
    for (const std::string& name : columns_.by) {
      const auto value = quern::text::NormalJson(Value(*fields, name));
      if (!value) context().SkipRecord("a field of the group holds no JSON");
      key_.emplace_back(name, *value);
    }
    for (const auto& [name, value] : key_) writer_.AddRaw(name, value);
    numbers_.clear();
    for (const Aggregate& aggregate : columns_.aggregates) {
      if (&aggregate != &columns_.aggregates.front()) numbers_ += '\t';
      if (aggregate.field.empty()) continue;
      const std::string_view value = Value(*fields, aggregate.field);
      if (aggregate.kind == Aggregate::Kind::kCount) {
        numbers_ += value == "null" ? "" : "1";
      } else if (quern::text::IsJsonNumber(value)) {
        numbers_ += value;
      }
    }
    Emit(writer_.Take(), numbers_);
  }

 private:
  static std::string_view Value(const std::vector<quern::text::JsonField>& fields,
                                std::string_view name) {
    const auto* const field = quern::text::FindField(fields, name);
    return field == nullptr ? "null" : field->value;
  }

  Columns columns_;
  std::vector<std::pair<std::string, std::string>> key_;
  std::string numbers_;
  quern::text::JsonObjectWriter writer_;
};
QUERN_REGISTER_MAPPER(GroupMapper);

// What has been added up so far.
class Tally {
 public:
  void Add(std::string_view number) {
    double fraction = 0;
    // Wide enough to tell any two whole numbers of 64 bits apart.
    long double exact = 0;
    if (const auto whole = ReadWhole(number)) {
      whole_ += *whole;
      fraction = static_cast<double>(*whole);
      exact = static_cast<long double>(*whole);
    } else {
      fraction = Real<double>(number, std::strtod);
      exact = Real<long double>(number, std::strtold);
      all_whole_ = false;
    }
    sum_ += fraction;
    if (count_ == 0 || exact < min_) min_ = exact, min_text_ = number;
    if (count_ == 0 || exact > max_) max_ = exact, max_text_ = number;
    ++count_;
  }

  std::string Result(Aggregate::Kind kind, int64_t lines, bool of_lines) const {
    if (kind == Aggregate::Kind::kCount) return std::to_string(of_lines ? lines : count_);
    if (count_ == 0) return "null";
    switch (kind) {
      case Aggregate::Kind::kMin:
        return min_text_;
      case Aggregate::Kind::kMax:
        return max_text_;
      case Aggregate::Kind::kMean:
        return Text((all_whole_ ? static_cast<double>(whole_) : sum_) /
                    static_cast<double>(count_));
      default:
        return all_whole_ ? Digits(whole_) : Text(sum_);
    }
  }

 private:
  // Holds the sum of as many numbers of 64 bits as there may be.
  __extension__ using Whole = __int128;

  // A whole number of up to 64 bits and a sign.
  static std::optional<Whole> ReadWhole(std::string_view number) {
    const bool is_negative = number.starts_with('-');
    if (is_negative) number.remove_prefix(1);
    uint64_t digits = 0;
    const char* const end = number.data() + number.size();
    const auto read = std::from_chars(number.data(), end, digits);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return is_negative ? -static_cast<Whole>(digits) : static_cast<Whole>(digits);
  }

  // One that is too large becomes infinite, one that is too small 0: from_chars does not tell them
  // apart, and `convert` does.
  template <typename Number>
  static Number Real(std::string_view text, Number (*convert)(const char*, char**)) {
    Number number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec == std::errc() ? number : convert(std::string(text).c_str(), nullptr);
  }
  static std::string Digits(Whole number) {
    const bool is_negative = number < 0;
    std::string digits;
    do {
      const auto digit = static_cast<int>(number % 10);
      digits += static_cast<char>('0' + (is_negative ? -digit : digit));
      number /= 10;
    } while (number != 0);
    if (is_negative) digits += '-';
    std::reverse(digits.begin(), digits.end());
    return digits;
  }
  // JSON has no number for what is not finite.
  static std::string Text(double number) {
    if (!std::isfinite(number)) return "null";
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof(digits), number).ptr};
  }

  Whole whole_ = 0;
  bool all_whole_ = true;
  double sum_ = 0;
  long double min_ = 0;
  long double max_ = 0;
  std::string min_text_;
  std::string max_text_;
  int64_t count_ = 0;
};

class GroupReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    aggregates_ = ColumnsParam(context).aggregates;
    groups_ = context.counter("groups");
  }
  void Reduce(quern::ReduceInput* in) override {
    std::vector<Tally> tallies(aggregates_.size());
    int64_t lines = 0;
    for (const std::string_view value : in->values()) {
      ++lines;
      size_t i = 0;
      for (const std::string_view number : quern::text::Split(value, '\t')) {
        if (!number.empty()) tallies[i].Add(number);
        ++i;
      }
    }
    groups_->Increment();
    Emit("", Line(in->key(), tallies, lines));
  }

 private:
  std::string Line(std::string_view by, const std::vector<Tally>& tallies, int64_t lines) {
    const auto fields = quern::text::ReadJsonObject(by);
    for (const auto& field : *fields) writer_.AddRaw(field.name, field.value);
    for (size_t i = 0; i < aggregates_.size(); ++i) {
      const Aggregate& aggregate = aggregates_[i];
      writer_.AddRaw(aggregate.name,
                     tallies[i].Result(aggregate.kind, lines, aggregate.field.empty()));
    }
    return writer_.Take();
  }

  std::vector<Aggregate> aggregates_;
  quern::text::JsonObjectWriter writer_;
  quern::Counter* groups_ = nullptr;
};
QUERN_REGISTER_REDUCER(GroupReducer);

}  // namespace
