// Records of the sort benchmark, as `gensort -a` makes them.
//
// Input: lines FIRST COUNT (blank between them): the numbers of the records to make. Output (raw):
// the records, 100 bytes each, CR LF at their ends.
#include <charconv>
#include <cstdint>
#include <string_view>

#include "jobs/classic/sort_record.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class SortGenerateMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { records_ = context.counter("records"); }
  void Map(const quern::MapInput& in) override {
    const auto numbers = quern::text::Split(in.value(), ' ');
    if (numbers.size() != 2) context().SkipRecord("no FIRST COUNT");
    const int64_t first = Number(numbers[0]);
    const int64_t count = Number(numbers[1]);
    if (first < 0 || count < 0) context().SkipRecord("FIRST and COUNT cannot be negative");
    quern::classic::SortRecordGenerator generator(static_cast<uint64_t>(first));
    for (int64_t i = 0; i < count; ++i) {
      // The line feed is the output format's.
      Emit("", generator.Next().substr(0, quern::classic::kSortRecordBytes - 1));
    }
    records_->Increment(count);
  }

 private:
  int64_t Number(std::string_view text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
    if (error != std::errc() || end != text.end()) context().SkipRecord("no whole number");
    return number;
  }

  quern::Counter* records_ = nullptr;
};
QUERN_REGISTER_MAPPER(SortGenerateMapper);

}  // namespace
