// Limits of what a task may say about itself, and the cleaning of its texts.
//
// What user code says travels through worker and coordinator into journals, pages and terminals,
// and shares messages of 8 MiB with what others say. So the task process keeps to these limits
// where the text enters, and the worker, who cannot trust a process that runs user code, applies
// them again.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

// Counters of its own that a task may have, and bytes of the name of one.
inline constexpr size_t kMaxCounters = 1'000;
inline constexpr size_t kMaxCounterNameBytes = 200;
inline constexpr size_t kMaxStatusBytes = 200;
// Texts of a failure.
inline constexpr size_t kMaxFailureBytes = 2'000;
inline constexpr size_t kMaxLogTailBytes = 4'000;
inline constexpr size_t kMaxSourceBytes = 1'000;
// Keys of a sample; more than this are thinned out evenly.
inline constexpr size_t kMaxSampleBytes = size_t{4} << 20;
// A result as a whole: leaves a message room for all else that is in it.
inline constexpr size_t kMaxResultBytes = size_t{6} << 20;

// The name as it is counted under: clean. InvalidArgument when it is too long.
absl::StatusOr<std::string> CleanCounterName(std::string_view name);

// Cleans and cuts every text in it.
void LimitTexts(pb::AttemptFailure* failure);
void LimitTexts(pb::AttemptProgress* progress);

// Keeps every second key until the rest is small enough.
void ThinSample(pb::AttemptResult* result);

// InvalidArgument, with the limit, when the result cannot be sent.
absl::Status CheckResult(const pb::AttemptResult& result);

}  // namespace quern::mr
