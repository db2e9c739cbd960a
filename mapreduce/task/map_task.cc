#include "mapreduce/task/map_task.h"

#include <memory>

#include "mapreduce/engine/combine_sink.h"
#include "mapreduce/engine/group_partitioner.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/engine/partitioners.h"
#include "mapreduce/task/split_runner.h"
#include "mapreduce/task/task_output.h"
#include "mapreduce/task/user_code.h"
#include "mapreduce/task/user_context.h"
#include "mapreduce/task/user_fold.h"
#include "mapreduce/task/user_object.h"

namespace quern::mr {

namespace {

class MapTask {
 public:
  MapTask(const pb::TaskSpec& spec, const TaskEnvironment& environment)
      : spec_(spec),
        environment_(environment),
        plan_(MemoryPlan::For(spec.job().limits().memory_bytes(),
                              !spec.job().reduce().combiner().empty())),
        outputs_(spec, environment),
        context_(spec, environment.progress, &environment.files) {
    context_.SetOutputs(&outputs_);
    context_.SetLentMemory(environment.lent_memory);
  }

  absl::StatusOr<pb::AttemptResult> Run() {
    environment_.progress->StartPhase({"map", 0, 0.9}, SplitBytes(spec_.split()));
    RETURN_IF_ERROR(spec_.job().reduce().tasks() == 0 ? RunMapOnly() : RunSorted());
    RETURN_IF_ERROR(context_.FinishOutputs(&result_));
    RETURN_IF_ERROR(context_.ExportCounters(&result_));
    return std::move(result_);
  }

 private:
  // Start, every record, Finish, into `sink`.
  absl::Status RunMapper(EmitBuffer* sink) {
    RETURN_IF_ERROR(MapSplit(sink));
    return sink->user_status();  // the mapper's destructor may have emitted, too
  }

  absl::Status MapSplit(EmitBuffer* sink) {
    const pb::JobSpec::Input& input = spec_.job().inputs(static_cast<int>(spec_.split().input()));
    ASSIGN_OR_RETURN(const quern_class* const user,
                     environment_.plugin->Find(ClassKind::kMapper, input.mapper()));
    environment_.position->SetPhase(RecordPhase::kCallback);
    ASSIGN_OR_RETURN(const auto mapper, UserObject::Create(*user, "", &context_, sink));
    SplitRunner records(spec_, environment_, plan_, &context_);
    RETURN_IF_ERROR(mapper->Start());
    RETURN_IF_ERROR(records.Run(mapper.get()));
    environment_.position->SetPhase(RecordPhase::kCallback);
    RETURN_IF_ERROR(mapper->Finish());
    environment_.position->SetPhase(RecordPhase::kNone);
    context_.SetEngineCounter("map_input_records", records.records());
    context_.SetEngineCounter("map_input_bytes", records.bytes());
    records.skipped().reasons().Export("map_skipped_records", &context_);
    RETURN_IF_ERROR(records.skipped().Finish(&result_));
    for (const auto& [reason, count] : records.set_aside()) {
      context_.SetEngineCounter("map_set_aside_" + reason, count);
    }
    return absl::OkStatus();
  }

  absl::Status RunMapOnly() {
    ASSIGN_OR_RETURN(const auto sink, CreateTaskOutput(spec_, environment_));
    RETURN_IF_ERROR(RunMapper(sink.get()));
    environment_.progress->StartPhase({"write", 0.9, 1}, 1);
    RETURN_IF_ERROR(FinishTaskOutput(spec_, sink.get(), &result_));
    context_.SetEngineCounter("map_output_records", sink->records());
    return absl::OkStatus();
  }

  absl::Status RunSorted() {
    ASSIGN_OR_RETURN(const Codec codec, ParseCodec(spec_.job().limits().shuffle_codec()));
    RETURN_IF_ERROR(MakePartitioner());
    std::unique_ptr<SortBuffers>& buffers = *environment_.sort_buffers;
    if (buffers == nullptr || buffers->first.capacity() < plan_.sort_buffer_bytes) {
      buffers.reset();
      buffers = std::make_unique<SortBuffers>(plan_.sort_buffer_bytes);
    }
    const SortSinkOptions options = {
        {spec_.id().job_id(), spec_.id().task(), spec_.id().attempt()},
        spec_.job().reduce().tasks(),
        codec,
        environment_.scratch_dir,
        plan_.merge_fan_in,
        &environment_.progress->steps,
        environment_.position,
        user_partitioner_ == nullptr ? RecordPhase::kNone : RecordPhase::kPartition};
    const uint32_t group = spec_.job().reduce().group();
    const GroupPartitioner grouped(partitioner_.get(), group);
    SortSink sink(options, group > 0 ? &grouped : partitioner_.get(), buffers.get());
    Combiner* combiner = nullptr;
    if (spec_.job().reduce().combiner().empty()) {
      RETURN_IF_ERROR(RunMapper(&sink));
    } else {
      RETURN_IF_ERROR(RunCombined(&sink, &combiner));
    }
    RETURN_IF_ERROR(FinishSorted(&sink, combiner));
    const bool combined = combiner_ != nullptr || fold_ != nullptr;
    context_.SetEngineCounter(combined ? "combine_output_records" : "map_output_records",
                              sink.records());
    return absl::OkStatus();
  }

  // Sets *combiner when the last merge should combine once more.
  absl::Status RunCombined(SortSink* sink, Combiner** combiner) {
    const std::string& name = spec_.job().reduce().combiner();
    if (const quern_class* const fold = environment_.plugin->FindIfThere(ClassKind::kFold, name)) {
      ASSIGN_OR_RETURN(fold_, UserFold::Create(*fold, &context_, nullptr));
      CombineSink combine(plan_.combine_table_bytes, static_cast<Fold*>(fold_.get()), sink,
                          environment_.position, &environment_.progress->steps);
      return RunInto(&combine, fold_.get(), combiner);
    }
    ASSIGN_OR_RETURN(const quern_class* const user,
                     environment_.plugin->Find(ClassKind::kCombiner, name));
    ASSIGN_OR_RETURN(combiner_, UserCombiner::Create(*user, &context_));
    RETURN_IF_ERROR(combiner_->Start());
    CombineSink combine(plan_.combine_table_bytes, combiner_.get(), sink, environment_.position,
                        &environment_.progress->steps);
    return RunInto(&combine, combiner_.get(), combiner);
  }

  absl::Status RunInto(CombineSink* combine, Combiner* used, Combiner** again) {
    RETURN_IF_ERROR(RunMapper(combine));
    RETURN_IF_ERROR(CatchEngineError([&] { combine->Finish(); }));
    context_.SetEngineCounter("map_output_records", combine->input_records());
    if (combine->combining()) *again = used;
    return absl::OkStatus();
  }

  absl::Status FinishSorted(SortSink* sink, Combiner* combiner) {
    environment_.progress->StartPhase({"sort", 0.9, 1}, 1);
    const std::string path = fmt::format("{}/{}", environment_.scratch_dir, kMapOutputName);
    absl::StatusOr<uint64_t> bytes = 0;
    environment_.position->SetPhase(combiner == nullptr ? RecordPhase::kNone
                                                        : RecordPhase::kCombine);
    RETURN_IF_ERROR(CatchEngineError([&] { bytes = sink->Finish(path, combiner); }));
    environment_.position->SetPhase(RecordPhase::kNone);
    RETURN_IF_ERROR(DamageIsEnvironment(bytes.status()));
    if (combiner_ != nullptr) RETURN_IF_ERROR(combiner_->Finish());
    // Reported, and then swallowed by user code.
    if (fold_ != nullptr && fold_->failed()) return fold_->Failure(QUERN_FAILED);
    context_.SetEngineCounter("spilled_records", sink->spilled_records());
    pb::MapOutput* output = result_.mutable_map_output();
    output->set_map_task(spec_.id().task());
    output->set_attempt(spec_.id().attempt());
    output->set_node(environment_.node);
    output->set_data_path(path);
    output->set_total_bytes(*bytes);
    return absl::OkStatus();
  }

  absl::Status MakePartitioner() {
    const std::string& name = spec_.job().reduce().partitioner();
    if (name == "range") {
      partitioner_ = std::make_unique<RangePartitioner>(
          std::vector<std::string>(spec_.range_bounds().begin(), spec_.range_bounds().end()));
    } else if (name.empty() || name == "hash") {
      partitioner_ = std::make_unique<HashPartitioner>();
    } else {
      ASSIGN_OR_RETURN(const quern_class* const user,
                       environment_.plugin->Find(ClassKind::kPartitioner, name));
      ASSIGN_OR_RETURN(user_partitioner_,
                       UserObject::Create(*user, "the partitioner's", &context_, nullptr));
      partitioner_ = std::make_unique<UserPartitioner>(user_partitioner_.get());
      return user_partitioner_->Start();
    }
    return absl::OkStatus();
  }

  const pb::TaskSpec& spec_;
  const TaskEnvironment& environment_;
  const MemoryPlan plan_;
  NamedOutputs outputs_;
  UserContext context_;
  std::unique_ptr<UserCombiner> combiner_;  // or
  std::unique_ptr<UserFold> fold_;
  std::unique_ptr<UserObject> user_partitioner_;
  std::unique_ptr<Partitioner> partitioner_;
  pb::AttemptResult result_;
};

}  // namespace

absl::StatusOr<pb::AttemptResult> RunMapTask(const pb::TaskSpec& spec,
                                             const TaskEnvironment& environment) {
  return MapTask(spec, environment).Run();
}

}  // namespace quern::mr
