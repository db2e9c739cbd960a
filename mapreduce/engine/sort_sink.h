// Takes the records of a map task and leaves one sorted, partitioned file.
//
// Records go straight into a sort buffer. When it is full it is sorted and written as a spill by a
// second thread while the mapper goes on filling another. At the end the spills are merged; a task
// that never spilled writes its output at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/thread.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/combiner.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/partitioner.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/sort_buffer.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

// The two buffers, kept from one task to the next: fresh memory costs more than sorting it.
struct SortBuffers {
  explicit SortBuffers(size_t bytes_each) : first(bytes_each), second(bytes_each) {}
  SortBuffer first;
  SortBuffer second;
};

struct SortSinkOptions {
  MapOutputIdentity identity;
  uint32_t partitions = 1;
  Codec codec = Codec::kNone;
  std::string scratch_dir;  // for spills
  size_t merge_fan_in = 64;
  WorkSteps* steps = nullptr;  // of sorting, spilling and merging
  // Told what goes on instead of the user's Map, if anybody: nothing, or the user's partitioner.
  RecordPositionWriter* position = nullptr;
  RecordPhase partition_phase = RecordPhase::kNone;
};

// Used by one thread. Errors are thrown as EngineError out of Append and returned by Finish.
class SortSink final : public EmitBuffer {
 public:
  // All borrowed.
  SortSink(SortSinkOptions options, const Partitioner* partitioner, SortBuffers* buffers);
  // Waits for the spill under way.
  ~SortSink() override;

  // Writes the output to `path`; bytes of the file. With a combiner, equal keys of
  // different spills are combined once more.
  absl::StatusOr<uint64_t> Finish(const std::string& path, Combiner* combiner);

  // Records that were written to spills on their way.
  uint64_t spilled_records() const { return spilled_records_; }
  // All records; complete after Finish.
  uint64_t records() const { return records_; }

 private:
  void AppendSlow(std::string_view key, std::string_view value) override;
  absl::Status MakeRoom(size_t need);
  absl::Status TakeWindow();
  absl::Status StartSpill();
  absl::Status WaitForSpill();
  uint32_t PartitionOf(std::string_view key) const;
  absl::Status SpillLargeRecord(std::string_view key, std::string_view value);
  absl::Status WriteSorted(SortBuffer* buffer, const std::string& path);
  std::string NextSpillPath();

  const SortSinkOptions options_;
  const Partitioner* const partitioner_;
  SortBuffer* filling_;
  SortBuffer* spare_;
  std::vector<std::string> spills_;
  uint64_t spilled_records_ = 0;
  uint64_t records_ = 0;
  absl::Status status_;

  Thread spill_thread_;
  absl::Status spill_status_;  // written by spill_thread_, read after it has been joined
};

}  // namespace quern::mr
