// Records and groups that a task sets aside: counted by their reasons, and kept in the directory
// `_skipped` of the main output (docs/formats/job-files.md).
//
// Kept as records: the key is a JSON object with the place and the reason, the value is the
// record's own, byte for byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/record_reader.h"
#include "mapreduce/task/lazy_output.h"
#include "mapreduce/task/skip_reasons.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Used by the task's thread.
class SkippedRecords {
 public:
  // Under which records are counted on which attempts died; each is kept with how they did.
  static constexpr std::string_view kDeaths = "attempts failed on it";

  // Borrowed. Those of a sample attempt are not kept.
  SkippedRecords(const pb::TaskSpec& spec, const TaskEnvironment& environment);

  // Once for a record or group.
  void Count(std::string_view reason) { reasons_.Add(reason); }
  // The present record of a map task.
  absl::Status KeepRecord(std::string_view reason, std::string_view path,
                          const RecordReader& record);
  // A group that user code has left in the middle: its key, and how many values it had.
  absl::Status KeepGroup(std::string_view reason, std::string_view key, uint64_t values);
  // One value of a group that user code has not seen.
  absl::Status KeepValue(std::string_view reason, std::string_view key, std::string_view value);

  const SkipReasons& reasons() const { return reasons_; }
  absl::Status Finish(pb::AttemptResult* result);

 private:
  absl::Status Keep(std::string_view place, std::string_view value);

  const pb::JobSpec::Output output_;
  SkipReasons reasons_;
  LazyOutput file_;
};

}  // namespace quern::mr
