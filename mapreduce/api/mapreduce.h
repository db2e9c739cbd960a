// Everything a job needs: include this one header. It shows std types only.
//
//   class WordCount : public quern::Mapper {
//    public:
//     void Map(const quern::MapInput& in) override {
//       for (std::string_view word : quern::text::Words(in.value())) Emit(word, 1);
//     }
//   };
//   QUERN_REGISTER_MAPPER(WordCount);
//
//   class Longest : public quern::Reducer {
//    public:
//     void Reduce(quern::ReduceInput* in) override {
//       std::string longest;
//       for (std::string_view value : in->values()) {
//         if (value.size() > longest.size()) longest = value;
//       }
//       Emit(longest);
//     }
//   };
//   QUERN_REGISTER_REDUCER(Longest);
//   QUERN_REGISTER_COMBINER(Longest);
//
// or, shorter and faster where one state a key is enough: QUERN_REGISTER_FOLD (fold.h).
#pragma once

#include "mapreduce/api/batch_mapper.h"
#include "mapreduce/api/combiner.h"
#include "mapreduce/api/fold.h"
#include "mapreduce/api/map_input.h"
#include "mapreduce/api/mapper.h"
#include "mapreduce/api/ordered.h"
#include "mapreduce/api/parse.h"
#include "mapreduce/api/partitioner.h"
#include "mapreduce/api/reduce_input.h"
#include "mapreduce/api/reducer.h"
#include "mapreduce/api/register.h"
#include "mapreduce/api/task_context.h"
#include "mapreduce/api/words.h"
