// Feeds the records of a split to a mapper.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/status.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/engine/memory_plan.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/task/record_batch.h"
#include "mapreduce/task/skipped_records.h"
#include "mapreduce/task/task_environment.h"
#include "mapreduce/task/user_context.h"
#include "mapreduce/task/user_object.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Used by one thread.
class SplitRunner {
 public:
  // Borrowed. `context` is told whom to ask for headers. With a limit, only so many bytes from the
  // start of each piece are read.
  SplitRunner(const pb::TaskSpec& spec, const TaskEnvironment& environment, const MemoryPlan& plan,
              UserContext* context, uint64_t bytes_per_piece = UINT64_MAX);

  // Start must have been called; Finish is left to the caller. A UserError when Map failed.
  absl::Status Run(UserObject* mapper);

  uint64_t records() const { return records_; }
  // Records that user code set aside, and those that were to be stepped over.
  SkippedRecords& skipped() { return skipped_; }
  uint64_t bytes() const { return bytes_; }
  // Reason -> records that were passed over because their bytes are no record.
  const std::map<std::string, uint64_t>& set_aside() const { return set_aside_; }

 private:
  absl::Status RunPiece(const pb::InputPiece& piece, UserObject* mapper);
  absl::Status OpenFile(const std::string& path);
  absl::StatusOr<uint64_t> LengthToRead(const pb::InputPiece& piece, const InputFormat& format,
                                        ReadableFile* file);
  absl::Status MapRecords(const pb::InputPiece& piece, RecordReader* reader, UserObject* mapper);
  absl::Status MapBatches(const pb::InputPiece& piece, RecordReader* reader, UserObject* mapper);
  absl::Status MapBatch(const pb::InputPiece& piece, uint64_t read, RecordBatch* batch,
                        UserObject* mapper);
  // Sets the present record aside when attempts have died on it.
  absl::StatusOr<bool> StepOver(const pb::InputPiece& piece, const RecordReader& reader);

  const pb::TaskSpec& spec_;
  const TaskEnvironment& environment_;
  UserContext* const context_;
  const uint64_t bytes_per_piece_;
  ReadOptions read_options_;
  // Of the last piece: the windows of a sample are many in one file.
  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  std::optional<bool> splittable_;
  // (piece, position) -> how attempts died there.
  std::map<std::pair<uint32_t, uint64_t>, std::string> bad_;
  uint32_t piece_ = 0;  // number of the present one
  bool one_by_one_ = false;
  uint64_t records_ = 0;
  SkippedRecords skipped_;
  uint64_t bytes_ = 0;
  std::map<std::string, uint64_t> set_aside_;
};

// Bytes of all pieces.
uint64_t SplitBytes(const pb::Split& split);

}  // namespace quern::mr
