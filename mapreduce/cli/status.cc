#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/cli/watch.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

void PrintPhase(const std::string& name, const pb::JobStatus::Phase& phase) {
  if (phase.total() == 0) return;
  Out().Format("{:<10} {} of {} done, {} running, {} failed attempt{}, {} run again\n", name + ":",
               phase.done(), phase.total(), phase.running(), phase.failed_attempts(),
               phase.failed_attempts() == 1 ? "" : "s", phase.rerun());
  Out().Format("{:<10} {} on the data's machine, {} on its rack, {} elsewhere\n", "",
               phase.node_local(), phase.rack_local(), phase.remote());
}

void PrintSetAside(const pb::JobStatus& job) {
  const std::string line = SetAsideLine(job);
  if (!line.empty()) Out().Format("set aside: {}\n", line);
  const std::string nothing = NothingReadText(job);
  if (!nothing.empty()) Out().Format("{}\n", OneLine(nothing));
}

void PrintWait(const pb::JobStatus& job) {
  if (!job.waits().empty()) Out().Format("waits:     {}\n", OneLine(job.waits()));
}

class Status final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&jobs_, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    for (const std::string& job_id : jobs_) {
      ASSIGN_OR_RETURN(const pb::JobStatus job, coordinator->GetJob(job_id));
      if (session->json) {
        Out().Format("{}\n", JobEndJson(job).ToString());
      } else {
        Print(job, session->clock->TimeNow());
      }
    }
    return kExitOk;
  }

 private:
  static void PrintPipeline(const pb::JobStatus& job, absl::Time now) {
    Out().Format("output:    {}\ncommand:   {}\n", OneLine(job.output_path()),
                 OneLine(job.command()));
    PrintSetAside(job);
    PrintWait(job);
    if (!job.reason().empty()) Out().Format("reason:    {}", FailureText(job));
    Out().Format("{}", StageTable(job, now));
  }
  static void Print(const pb::JobStatus& job, absl::Time now) {
    Out().Format("job:       {}\nname:      {}\nuser:      {}\nstate:     {}\n", job.job_id(),
                 OneLine(job.name()), OneLine(job.user()), StateName(job.state()));
    Out().Format("submitted: {}\ntime:      {}\n", TimeText(job.submitted_ms()),
                 LengthText(job.started_ms(), job.finished_ms(), now));
    if (IsPipeline(job)) return PrintPipeline(job, now);
    PrintPhase("map", job.map());
    PrintPhase("reduce", job.reduce());
    Out().Format("input:     {}\nshuffled:  {}\noutput:    {} in {}\ncommand:   {}\n",
                 FormatBinarySize(job.input_bytes()), FormatBinarySize(job.shuffle_bytes()),
                 FormatBinarySize(job.output_bytes()), OneLine(job.output_path()),
                 OneLine(job.command()));
    for (const pb::JobStatus::NamedOutput& output : job.named_outputs()) {
      Out().Format("{:<10} {}\n", output.name() + ":", OneLine(output.path()));
    }
    PrintSetAside(job);
    PrintWait(job);
    if (!job.reason().empty()) Out().Format("reason:    {}", FailureText(job));
  }

  std::vector<std::string> jobs_;
};

class Watch final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&jobs_, 1, 1); }
  absl::StatusOr<int> Run(Session* session) override { return WatchToTheEnd(session, jobs_[0]); }

 private:
  std::vector<std::string> jobs_;
};

class Counters final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&jobs_, 1, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    ASSIGN_OR_RETURN(const pb::JobStatus job, coordinator->GetJob(jobs_[0]));
    Table table({{"GROUP"}, {"NAME"}, {"VALUE", Table::Align::kRight}});
    google::protobuf::RepeatedPtrField<pb::Counter> counters = job.counters();
    for (const pb::JobStatus::Stage& stage : job.stages()) {
      for (pb::Counter counter : stage.counters()) {
        counter.set_group(fmt::format("{}: {}", stage.name(), counter.group()));
        *counters.Add() = std::move(counter);
      }
    }
    for (const pb::Counter& counter : counters) {
      if (session->json) {
        Out().Format("{}\n", JsonLine()
                                 .Add("group", counter.group())
                                 .Add("name", counter.name())
                                 .Add("value", counter.value())
                                 .ToString());
      }
      table.AddRow({counter.group(), counter.name(), std::to_string(counter.value())});
    }
    if (!session->json) Out().Format("{}", table.ToString());
    return kExitOk;
  }

 private:
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec StatusCommand() {
  return {.name = "status",
          .aliases = {},
          .usage = "JOB...",
          .summary = "how far a job is, and why it failed",
          .examples = {"mr status job-20261122-0001"},
          .make = Maker<Status>("status")};
}

CommandSpec WatchCommand() {
  return {.name = "watch",
          .aliases = {},
          .usage = "JOB",
          .summary = "follow a job to its end; the exit code is the job's",
          .examples = {"mr watch job-20261122-0001"},
          .make = Maker<Watch>("watch")};
}

CommandSpec CountersCommand() {
  return {.name = "counters",
          .aliases = {},
          .usage = "JOB",
          .summary = "sums of the counters over all tasks",
          .examples = {"mr counters job-20261122-0001"},
          .make = Maker<Counters>("counters")};
}

}  // namespace quern::mr
