// A whole pipeline in one process, stage after stage: `mr run --local` of a pipeline.
//
// What lies between the stages, and what is published at the end, is made in a hidden directory
// beside the first published output, so that all outputs appear by renames at the end, or none.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/stage_job.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/leftovers.h"
#include "mapreduce/task/lent_memory.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

struct LocalPipelineOptions {
  uint32_t threads = 1;
  client::ClientOptions dfs;
  Leftovers* leftovers = nullptr;         // borrowed: notes what it makes and removes again
  LentMemory* lent_memory = nullptr;      // borrowed; null: user code is not checked
  const HeldDescriptors* held = nullptr;  // borrowed; null: nobody looks whether they are closed
  bool quiet = false;                     // else a line for each round; warnings in any case
  bool json = false;                      // neither: its counters say it
};

// Used by one thread.
class LocalPipeline {
 public:
  // The plugins of the stages are files of this machine; paths may be file:///...
  LocalPipeline(pb::PipelineSpec spec, LocalPipelineOptions options);
  ~LocalPipeline();

  // An error means that it is rejected; nothing has happened then.
  absl::Status Prepare();
  // Runs every stage and publishes. After an error nothing is left behind.
  absl::Status Run();
  // After Run: outputs and stages, as of one that has ended in a cluster.
  void Describe(pb::JobStatus* status) const;

 private:
  // Looks at what is there: the inputs, and where the outputs are to go.
  absl::Status CheckFiles(const std::set<std::string>& targets);
  absl::Status RunStage(const pb::PipelineStage& stage);
  using Counters = google::protobuf::RepeatedPtrField<pb::Counter>;
  void SayRoundDone(const pb::PipelineStage& stage, uint32_t round, const Counters& counters) const;
  absl::StatusOr<pb::StageOutput> RunRound(const pb::PipelineStage& stage, uint32_t round);
  absl::Status Publish();
  // Each output, whose place below OUT is the second, in one directory.
  absl::Status PutTogether(Storage::Moves moves, const std::string& directory);
  absl::StatusOr<std::string> ReadFile(const std::string& path);
  absl::Status WriteFile(const std::string& path, const std::string& contents);

  const pb::PipelineSpec spec_;
  const LocalPipelineOptions options_;
  const std::unique_ptr<Storage> storage_;
  std::vector<size_t> order_;  // of the stages: what each reads comes before it
  std::string work_dir_;       // hidden
  StageOutputs outputs_;
  std::string failed_;  // the stage
  bool published_ = false;
};

}  // namespace quern::mr
