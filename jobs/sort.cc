// Sorts lines by their bytes: with the range partitioner the parts one after another equal
// `LC_ALL=C sort`.
//
// The whole line is the key and the value is empty, so that each line travels once. Equal lines are
// values of one key; the reducer writes the line once for each.
#include "mapreduce/api/mapreduce.h"

namespace {

class SortMapper : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override { Emit(in.value(), ""); }
};
QUERN_REGISTER_MAPPER(SortMapper);

class SortReducer : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    for ([[maybe_unused]] const std::string_view value : in->values()) Emit(in->key(), "");
  }
};
QUERN_REGISTER_REDUCER(SortReducer);

}  // namespace
