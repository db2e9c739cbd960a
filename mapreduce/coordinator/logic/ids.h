// How the coordinator's logic names things: dense keys instead of the strings that users see.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "common/ids.h"

namespace quern::mr {

namespace id_tags {
struct Job {
  static std::string Format(uint32_t v) { return fmt::format("j{}", v); }
};
struct Worker {
  static std::string Format(uint32_t v) { return fmt::format("w{}", v); }
};
struct Place {
  static std::string Format(uint32_t v) { return fmt::format("p{}", v); }
};
}  // namespace id_tags

// 0 is "none" in each of them. Jobs are numbered in the order in which they were submitted.
using JobKey = StrongId<id_tags::Job, uint32_t>;
using WorkerKey = StrongId<id_tags::Worker, uint32_t>;
// A machine or a rack.
using PlaceId = StrongId<id_tags::Place, uint32_t>;

// In the order in which a job runs them.
enum class TaskKind : uint8_t { kSample, kMap, kReduce };
inline constexpr int kTaskKinds = 3;

// Where an attempt runs, seen from its data.
enum class Locality : uint8_t { kNode, kRack, kAny };

// One attempt of one task of one job: job-20261122-0001 m-00017.1.
struct AttemptRef {
  JobKey job;
  TaskKind kind = TaskKind::kMap;
  uint32_t task = 0;
  uint32_t number = 0;
  auto operator<=>(const AttemptRef&) const = default;
};

}  // namespace quern::mr
