#include "mapreduce/engine/report_limits.h"

#include <utility>

#include "common/clean_text.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxPhaseBytes = 50;

size_t SampleBytes(const pb::AttemptResult& result) {
  size_t bytes = 0;
  for (const std::string& key : result.sample_keys()) bytes += key.size() + 4;
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> CleanCounterName(std::string_view name) {
  if (name.size() > kMaxCounterNameBytes) {
    return InvalidArgumentError("the name of a counter has {} bytes, the limit is {}: {}",
                                name.size(), kMaxCounterNameBytes, CleanLine(name, 100));
  }
  // Escapes make it longer; they are no reason to refuse it.
  return CleanLine(name, 4 * kMaxCounterNameBytes);
}

void LimitTexts(pb::AttemptFailure* failure) {
  failure->set_message(CleanLine(failure->message(), kMaxFailureBytes));
  failure->set_record_source(CleanLine(failure->record_source(), kMaxSourceBytes));
  failure->set_log_tail(CleanTail(failure->log_tail(), kMaxLogTailBytes));
}

void LimitTexts(pb::AttemptProgress* progress) {
  progress->set_phase(CleanLine(progress->phase(), kMaxPhaseBytes));
  progress->set_status(CleanLine(progress->status(), kMaxStatusBytes));
}

void ThinSample(pb::AttemptResult* result) {
  while (result->sample_keys_size() > 1 && SampleBytes(*result) > kMaxSampleBytes) {
    google::protobuf::RepeatedPtrField<std::string> kept;
    for (int i = 0; i < result->sample_keys_size(); i += 2) {
      *kept.Add() = std::move(*result->mutable_sample_keys(i));
    }
    result->mutable_sample_keys()->Swap(&kept);
  }
}

absl::Status CheckResult(const pb::AttemptResult& result) {
  size_t user = 0;
  for (const pb::Counter& counter : result.counters()) user += counter.group() == "user" ? 1 : 0;
  if (user > kMaxCounters) {
    return InvalidArgumentError("the task has {} counters, the limit is {}", user, kMaxCounters);
  }
  const size_t bytes = result.ByteSizeLong();
  if (bytes > kMaxResultBytes) {
    return InvalidArgumentError("the result of the task has {} bytes, the limit is {}", bytes,
                                kMaxResultBytes);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
