// The C functions of a user's C++ class.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "mapreduce/api/batch_mapper.h"
#include "mapreduce/api/boundary.h"
#include "mapreduce/api/combiner.h"
#include "mapreduce/api/mapper.h"
#include "mapreduce/api/partitioner.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/api/reducer.h"

namespace quern::internal {

// Of the class `Class`, whose objects are handled as `Base` (Mapper, Reducer, Combiner,
// Partitioner).
template <typename Class, typename Base>
struct Functions {
  static_assert(std::is_base_of_v<Base, Class>);
  static constexpr bool kBatches = std::is_base_of_v<BatchMapper, Class>;

  static int Create(quern_task* task, void** self) noexcept {
    return Guard(task, [&] {
      std::unique_ptr<Base> made = std::make_unique<Class>();
      made->Connect(task);
      *self = made.release();
    });
  }
  static void Destroy(void* self) noexcept { delete Of(self); }
  static int Start(void* self, quern_task* task) noexcept {
    return Guard(task, [self] { Of(self)->Start(Of(self)->context()); });
  }
  static int Map(void* self, quern_task* task, const quern_record* record) noexcept {
    return Guard(task, [=] { Of(self)->Map(MapInput(task, record)); });
  }
  static int MapBatch(void* self, quern_task* task, quern_batch* batch) noexcept {
    return Guard(task, [=] {
      quern::MapBatch in(task, batch);
      static_cast<BatchMapper*>(Of(self))->MapBatch(in);
    });
  }
  static int Reduce(void* self, quern_task* task, quern_group* group) noexcept {
    return Guard(task, [=] { Of(self)->ReduceGroup(group); });
  }
  static int Finish(void* self, quern_task* task) noexcept {
    return Guard(task, [self] { Of(self)->Finish(); });
  }
  static uint32_t Partition(void* self, quern_task* task, const char* key, size_t size,
                            uint32_t partitions) noexcept {
    uint32_t partition = UINT32_MAX;
    Guard(task, [&] { partition = Of(self)->Partition({key, size}, partitions); });
    return partition;
  }

 private:
  static Base* Of(void* self) { return static_cast<Base*>(self); }
};

template <typename Class, typename Base>
quern_class MakeClass(uint32_t kind, const char* name) {
  using F = Functions<Class, Base>;
  quern_class made = {};
  made.size = sizeof(made);
  made.api = QUERN_API_VERSION;
  made.kind = kind;
  made.name = name;
  made.create = F::Create;
  made.destroy = F::Destroy;
  made.start = F::Start;
  if constexpr (std::is_same_v<Base, Mapper>) made.map = F::Map;
  if constexpr (F::kBatches) made.map_batch = F::MapBatch;
  if constexpr (std::is_same_v<Base, Reducer> || std::is_same_v<Base, Combiner>) {
    made.reduce = F::Reduce;
  }
  if constexpr (std::is_same_v<Base, Partitioner>) {
    made.partition = F::Partition;
  } else {
    made.finish = F::Finish;
  }
  return made;
}

// A class of its own kind, or a reducer that combines as well.
template <typename Class>
using CombinerBase = std::conditional_t<std::is_base_of_v<Combiner, Class>, Combiner, Reducer>;

}  // namespace quern::internal
