// Counts words: maximal runs of bytes that are not white space.
//
// Input: text. Output: word<TAB>count. The parts merged by key equal
//   export LC_ALL=C; tr -s '[:space:]' '\n' < FILE | sed '/^$/d' | sort | uniq -c
#include "mapreduce/api/mapreduce.h"

namespace {

class WordCountMapper : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    for (const std::string_view word : quern::text::Words(in.value())) Emit(word, "1");
  }
};
QUERN_REGISTER_MAPPER(WordCountMapper);

class SumReducer : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    int64_t total = 0;
    for (const std::string_view value : in->values()) total += quern::ParseInt(value);
    Emit(total);
  }
};
QUERN_REGISTER_REDUCER(SumReducer);
QUERN_REGISTER_COMBINER(SumReducer);

}  // namespace
