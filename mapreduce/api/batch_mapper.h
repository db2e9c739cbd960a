// Base class of mappers that take many records at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mapreduce/api/map_input.h"
#include "mapreduce/api/mapper.h"
#include "mapreduce/api/quern.h"

namespace quern {

// At least one record, all of one piece and in its order. Every view lives until MapBatch returns.
class MapBatch {
 public:
  MapBatch(quern_task* task, quern_batch* batch) : task_(task), batch_(batch) {}
  MapBatch(const MapBatch&) = delete;
  MapBatch& operator=(const MapBatch&) = delete;

  size_t size() const { return batch_->count; }
  // Record number i, from 0, which is from now on the one that SkipRecord and exceptions are about.
  MapInput operator[](size_t i) {
    batch_->at = static_cast<uint32_t>(i);
    return {task_, batch_->records[i]};
  }
  // Looks at a record's value and changes nothing else.
  std::string_view value(size_t i) const { return internal::View(batch_->records[i]->value); }

 private:
  quern_task* const task_;
  quern_batch* const batch_;
};

// As Mapper, with MapBatch instead of Map. How many records come together is up to Quern, and so
// the output must not depend on it. SkipRecord leaves MapBatch: the records before the skipped one
// count as done, those behind it come again, so go through them in their order where it is used.
class BatchMapper : public Mapper {
 public:
  virtual void MapBatch(quern::MapBatch& in) = 0;

  // A batch of one, for whoever knows no batches.
  void Map(const MapInput& in) final {
    quern_batch one = {sizeof(one), 1, &in.record_, 0, 0};
    quern::MapBatch batch(in.task_, &one);
    MapBatch(batch);
  }
};

}  // namespace quern
