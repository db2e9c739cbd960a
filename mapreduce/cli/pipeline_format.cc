#include "mapreduce/cli/pipeline_format.h"

#include "common/cli/table.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/engine/state_name.h"

namespace quern::mr {
namespace {

using Stage = pb::JobStatus::Stage;

bool IsDone(Stage::State state) {
  return state == Stage::STATE_DONE || state == Stage::STATE_REUSED ||
         state == Stage::STATE_NOT_NEEDED;
}

int CountDone(const pb::JobStatus& status) {
  int done = 0;
  for (const Stage& stage : status.stages()) done += IsDone(stage.state()) ? 1 : 0;
  return done;
}

}  // namespace

std::string StagesDone(const pb::JobStatus& status) {
  return fmt::format("{}/{}", CountDone(status), status.stages_size());
}

std::vector<StageJob> JobsOf(const pb::JobStatus& status) {
  std::vector<StageJob> jobs;
  for (const Stage& stage : status.stages()) {
    const bool own = stage.state() != Stage::STATE_REUSED && !stage.job_id().empty();
    if (own) jobs.push_back({stage.name(), stage.job_id()});
  }
  return jobs;
}

std::string PipelineProgressLine(const pb::JobStatus& status) {
  std::string text =
      fmt::format("{} {}: {}, {} of {} stages", status.job_id(), OneLine(status.name()),
                  StateName(status.state()), CountDone(status), status.stages_size());
  for (const Stage& stage : status.stages()) {
    if (stage.state() != Stage::STATE_RUNNING) continue;
    text += fmt::format(", {}", stage.name());
    if (stage.max_rounds() > 1) text += fmt::format(" round {}", stage.rounds() + 1);
    if (stage.map().total() > 0) text += fmt::format(" map {}", PercentDone(stage.map()));
    if (stage.reduce().total() > 0) text += fmt::format(" reduce {}", PercentDone(stage.reduce()));
  }
  return text + WaitText(status);
}

std::string StageTable(const pb::JobStatus& status, absl::Time now) {
  Table table({{"STAGE"},
               {"STATE"},
               {"ROUNDS", Table::Align::kRight},
               {"TIME", Table::Align::kRight},
               {"JOB"},
               {"OUTPUT"}});
  for (const Stage& stage : status.stages()) {
    table.AddRow({stage.name(), StateName(stage.state()),
                  stage.max_rounds() > 1 ? std::to_string(stage.rounds()) : "",
                  LengthText(stage.started_ms(), stage.finished_ms(), now), stage.job_id(),
                  OneLine(stage.output_path())});
  }
  return table.ToString();
}

}  // namespace quern::mr
