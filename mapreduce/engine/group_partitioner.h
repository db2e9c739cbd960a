// Keeps the records of a group together: asks another partitioner about the group's parts of a key.
#pragma once

#include <cstdint>
#include <string_view>

#include "mapreduce/api/ordered.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/no_record.h"
#include "mapreduce/engine/partitioner.h"

namespace quern::mr {

// The first `parts` parts of an ordered key. InvalidArgument for a key that is none.
inline absl::StatusOr<std::string_view> GroupPartOf(std::string_view key, uint32_t parts) {
  const size_t bytes = OrderedPrefix(key, parts);
  if (bytes != kNotOrdered) return key.substr(0, bytes);
  return InvalidArgumentError(
      "reduce.group = {}: a key that is not made of parts. Try: Emit(quern::Ordered(a, b), value)",
      parts);
}

class GroupPartitioner final : public Partitioner {
 public:
  // Borrowed.
  GroupPartitioner(const Partitioner* of, uint32_t parts) : of_(of), parts_(parts) {}
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    const auto group = GroupPartOf(key, parts_);
    if (!group.ok()) throw EngineError(OfNoRecord(group.status()));
    return of_->Partition(*group, partitions);
  }

 private:
  const Partitioner* const of_;
  const uint32_t parts_;
};

}  // namespace quern::mr
