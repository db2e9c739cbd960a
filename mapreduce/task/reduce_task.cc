#include "mapreduce/task/reduce_task.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mapreduce/engine/group_reader.h"
#include "mapreduce/engine/memory_plan.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/merger.h"
#include "mapreduce/task/progress_news.h"
#include "mapreduce/task/shuffle.h"
#include "mapreduce/task/skipped_records.h"
#include "mapreduce/task/task_output.h"
#include "mapreduce/task/user_code.h"
#include "mapreduce/task/user_context.h"
#include "mapreduce/task/user_fold.h"
#include "mapreduce/task/user_object.h"

namespace quern::mr {

namespace {

class ReduceTask {
 public:
  ReduceTask(const pb::TaskSpec& spec, const TaskEnvironment& environment)
      : spec_(spec),
        environment_(environment),
        plan_(MemoryPlan::For(spec.job().limits().memory_bytes(), false)),
        outputs_(spec, environment),
        context_(spec, environment.progress, &environment.files),
        skipped_(spec, environment) {
    context_.SetOutputs(&outputs_);
    context_.SetLentMemory(environment.lent_memory);
    for (const pb::BadRecord& bad : spec.bad_records()) bad_[bad.position()] = bad.reason();
  }

  absl::StatusOr<pb::AttemptResult> Run(MapOutputFeed* feed) {
    // A process that ran map attempts before needs the memory of their buffers now.
    environment_.sort_buffers->reset();
    ShuffleOptions shuffle;
    shuffle.job_id = spec_.id().job_id();
    shuffle.partition = spec_.id().task();
    shuffle.map_tasks = spec_.map_tasks();
    shuffle.scratch_dir = environment_.scratch_dir;
    shuffle.memory_bytes = plan_.fetched_bytes;
    shuffle.max_streams = plan_.fetch_streams;
    shuffle.merge_fan_in = plan_.merge_fan_in;
    shuffle.progress = environment_.progress;
    // Waiting for others is progress, also under a short timeout.
    const absl::Duration timeout = absl::Milliseconds(spec_.job().limits().timeout_ms());
    shuffle.wait_step = WaitStep(timeout);
    shuffle.clock = environment_.clock;
    feed_ = feed;
    absl::StatusOr<std::vector<SortedRun>> runs = GatherRuns(shuffle, feed);
    RETURN_IF_ERROR(DamageIsEnvironment(runs.status()));
    RETURN_IF_ERROR(DamageIsEnvironment(MergeAndReduce(&*runs)));
    RETURN_IF_ERROR(context_.FinishOutputs(&result_));
    RETURN_IF_ERROR(context_.ExportCounters(&result_));
    return std::move(result_);
  }

 private:
  absl::Status MergeAndReduce(std::vector<SortedRun>* runs) {
    environment_.progress->StartPhase({"merge", 0.33, 0.5}, 1);
    SortedRun failed;
    const absl::Status merged = MergeToFanIn(plan_.merge_fan_in, environment_.scratch_dir, runs,
                                             &failed, &environment_.progress->steps);
    RETURN_IF_ERROR(feed_->ReportDamage(failed, merged));
    uint64_t bytes = 0;
    for (const SortedRun& run : *runs) bytes += run.bytes;
    environment_.progress->StartPhase({"reduce", 0.5, 1}, bytes);
    return Reduce(*runs);
  }

  absl::Status Reduce(const std::vector<SortedRun>& runs) {
    ASSIGN_OR_RETURN(const auto sink, CreateTaskOutput(spec_, environment_));
    environment_.position->SetSource("");
    environment_.position->SetPhase(RecordPhase::kCallback);
    const std::string& name = spec_.job().reduce().reducer();
    std::unique_ptr<UserObject> reducer;
    std::unique_ptr<UserFold> fold;
    if (const quern_class* const user = environment_.plugin->FindIfThere(ClassKind::kFold, name)) {
      ASSIGN_OR_RETURN(fold, UserFold::Create(*user, &context_, sink.get()));
    } else {
      ASSIGN_OR_RETURN(const quern_class* const other,
                       environment_.plugin->Find(ClassKind::kReducer, name));
      ASSIGN_OR_RETURN(reducer, UserObject::Create(*other, "", &context_, sink.get()));
      RETURN_IF_ERROR(reducer->Start());
    }
    Merger merger(runs, &environment_.progress->steps);
    GroupReader groups(&merger, environment_.scratch_dir, spec_.job().reduce().group());
    absl::Status damage;
    groups.OnFailure([&] {
      // At once: user code that dies of what it misses is not to die of it again.
      damage = feed_->ReportDamage(runs[merger.failed_run()], merger.status());
      environment_.position->SetPhase(RecordPhase::kReading);
    });
    environment_.position->SetPosition(0);
    environment_.position->SetPhase(RecordPhase::kReading);
    const absl::Status reduced = fold != nullptr ? ReduceGroups(&groups, fold.get(), *sink)
                                                 : ReduceGroups(&groups, reducer.get(), *sink);
    // What user code said of a key some of whose values it was not shown is not believed.
    RETURN_IF_ERROR(damage);
    RETURN_IF_ERROR(groups.status());
    RETURN_IF_ERROR(reduced);
    environment_.position->SetPhase(RecordPhase::kCallback);
    if (reducer != nullptr) RETURN_IF_ERROR(reducer->Finish());
    environment_.position->SetPhase(RecordPhase::kNone);
    RETURN_IF_ERROR(FinishTaskOutput(spec_, sink.get(), &result_));
    context_.SetEngineCounter("reduce_input_groups", groups.groups());
    context_.SetEngineCounter("reduce_input_records", groups.records());
    context_.SetEngineCounter("reduce_output_records", sink->records());
    skipped_.reasons().Export("reduce_skipped_groups", &context_);
    RETURN_IF_ERROR(skipped_.Finish(&result_));
    return absl::OkStatus();
  }

  static absl::Status FailureOf(const UserObject& reducer, int result) {
    return reducer.Failure(result, "Reduce");
  }
  static absl::Status FailureOf(const UserFold& fold, int result) { return fold.Failure(result); }

  // A group on which attempts died: each of its values is kept.
  absl::Status StepOver(const std::string& how, GroupReader* groups) {
    skipped_.Count(SkippedRecords::kDeaths);
    for (quern_group* const group = groups->group(); group->repeats > 0; quern_next_value(group)) {
      RETURN_IF_ERROR(skipped_.KeepValue(how, {group->record_key.data, group->record_key.size},
                                         {group->value.data, group->value.size}));
    }
    return absl::OkStatus();
  }

  // One that user code has left: some of its values have gone by.
  absl::Status SetAside(const std::string& reason, GroupReader* groups) {
    skipped_.Count(reason);
    quern_group* const group = groups->group();
    while (group->repeats > 0) quern_next_value(group);
    return skipped_.KeepGroup(reason, groups->key(), groups->values());
  }

  // The inner loop of every reduce task.
  template <typename UserReducer>
  absl::Status ReduceGroups(GroupReader* groups, UserReducer* reducer, const OutputSink& sink) {
    TaskProgress* const progress = environment_.progress;
    RecordPositionWriter* const at = environment_.position;
    while (groups->NextGroup()) {
      const uint64_t number = groups->groups() - 1;
      if (!bad_.empty() && bad_.contains(number)) [[unlikely]] {
        RETURN_IF_ERROR(StepOver(bad_.at(number), groups));
        continue;
      }
      at->SetPosition(number);
      at->SetPhase(RecordPhase::kReduce);
      if (const int result = reducer->Reduce(groups->group()); result != QUERN_OK) [[unlikely]] {
        if (result != QUERN_SKIPPED) return FailureOf(*reducer, result);
        RETURN_IF_ERROR(SetAside(reducer->TakeReason(), groups));
      }
      at->SetPhase(RecordPhase::kReading);
      progress->input_records.Set(groups->records());
      progress->output_records.Set(sink.records());
      progress->output_bytes.Set(sink.bytes());
      progress->phase_done.Set(groups->bytes());
    }
    // Reported, and then swallowed by user code.
    return reducer->failed() ? FailureOf(*reducer, QUERN_FAILED) : absl::OkStatus();
  }

  const pb::TaskSpec& spec_;
  const TaskEnvironment& environment_;
  const MemoryPlan plan_;
  NamedOutputs outputs_;
  UserContext context_;
  SkippedRecords skipped_;               // groups
  std::map<uint64_t, std::string> bad_;  // number of a group -> how attempts died there
  MapOutputFeed* feed_ = nullptr;
  pb::AttemptResult result_;
};

}  // namespace

absl::StatusOr<pb::AttemptResult> RunReduceTask(const pb::TaskSpec& spec,
                                                const TaskEnvironment& environment,
                                                MapOutputFeed* feed) {
  return ReduceTask(spec, environment).Run(feed);
}

}  // namespace quern::mr
