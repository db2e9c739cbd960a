#include "mapreduce/cli/explain.h"

#include <algorithm>
#include <set>
#include <thread>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/job_explainer.h"
#include "mapreduce/cli/missing_servers.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/cli/plugin_upload.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

constexpr size_t kFewSplits = 5;

// Files, and how many tasks run at once.
struct Surroundings {
  std::unique_ptr<client::FileSystem> dfs;
  uint32_t slots = 0;
  std::string problem;  // of whoever would run it
};

absl::StatusOr<Surroundings> LookAround(Session* session, const ExplainOptions& options) {
  Surroundings found;
  client::ClientOptions dfs;
  ASSIGN_OR_RETURN(dfs.masters, session->masters());
  dfs.clock = session->clock;
  found.dfs = client::FileSystem::Create(dfs);
  if (options.local) {
    const uint32_t cores = std::max(std::thread::hardware_concurrency(), 1u);
    found.slots = static_cast<uint32_t>(options.threads.value_or(cores));
    return found;
  }
  ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
  const absl::StatusOr<pb::GetWorkersResponse> workers = coordinator->GetWorkers();
  if (!workers.ok()) {
    found.problem = std::string(Message(workers.status()));
    return found;
  }
  for (const auto& worker : workers->workers()) {
    if (worker.alive() && worker.unhealthy().empty()) found.slots += worker.slots();
  }
  if (found.slots == 0) found.problem = "no worker takes tasks. Try: mr workers";
  return found;
}

int Show(const Session& session, const std::vector<JobExplanation>& plans,
         const ExplainOptions& options) {
  size_t problems = 0;
  for (const JobExplanation& plan : plans) {
    problems += plan.problems.size();
    if (session.json) {
      Out().Format("{}\n", ExplanationJson(plan).ToString());
    } else {
      Out().Print(ExplanationText(plan, options.all_splits ? plan.splits.size() : kFewSplits));
    }
  }
  if (!session.json && problems == 0) Err().Format("nothing was run\n");
  if (!session.json && problems > 0) {
    Err().Format("it would be refused: {} problem{}; nothing was run\n", problems,
                 problems == 1 ? "" : "s");
  }
  return problems == 0 ? kExitOk : kExitRejected;
}

// What the coordinator would take from earlier runs: of a pipeline whose plugins and side files it
// has seen. A stage with a new one runs anyway, and nobody knows of the others.
absl::Status FindStates(Session* session, client::FileSystem* dfs, pb::PipelineSpec spec,
                        const std::vector<StageToExplain>& stages,
                        std::vector<JobExplanation>* plans) {
  bool all = true;
  for (size_t i = 0; i < stages.size(); ++i) {
    pb::JobSpec* const job = spec.mutable_stages(static_cast<int>(i))->mutable_job();
    ASSIGN_OR_RETURN(const bool there, FindUploaded(dfs, stages[i].plugin, job));
    (*plans)[i].state = there ? "" : "runs, since its plugin or a file is new";
    all = all && there;
  }
  if (!all) return absl::OkStatus();
  ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
  pb::SubmitPipelineRequest request;
  *request.mutable_spec() = std::move(spec);
  request.set_dry_run(true);
  ASSIGN_OR_RETURN(const pb::SubmitPipelineResponse response,
                   coordinator->SubmitPipeline(std::move(request)));
  for (int i = 0; i < response.stages_size() && static_cast<size_t>(i) < plans->size(); ++i) {
    using Stage = pb::JobStatus::Stage;
    const Stage::State state = response.stages(i).state();
    (*plans)[static_cast<size_t>(i)].state =
        state == Stage::STATE_WAITING      ? "runs"
        : state == Stage::STATE_REUSED     ? "does not run: its output is taken from an earlier run"
        : state == Stage::STATE_NOT_NEEDED ? "does not run: nobody has to read its output"
                                           : StateName(state);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> ExplainJob(Session* session, const SpecFile& file, const PluginInfo& plugin,
                               const ExplainOptions& options) {
  ASSIGN_OR_RETURN(const Surroundings around, LookAround(session, options));
  JobExplainer explainer(around.dfs.get(), around.slots, options.local, options.said);
  JobExplanation plan = explainer.Explain(file.spec, plugin);
  plan.parameters = file.parameters;
  if (!around.problem.empty()) plan.problems.push_back(around.problem);
  if (plan.problems.empty()) WarnOfMissingServers(*session, options.command, MostCopies(plan.spec));
  return Show(*session, {std::move(plan)}, options);
}

absl::StatusOr<int> ExplainPipeline(Session* session, const pb::PipelineSpec& spec,
                                    const std::vector<StageToExplain>& stages,
                                    const ExplainOptions& options) {
  ASSIGN_OR_RETURN(const Surroundings around, LookAround(session, options));
  JobExplainer explainer(around.dfs.get(), around.slots, options.local, options.said);
  std::vector<JobExplanation> plans;
  for (size_t i = 0; i < stages.size(); ++i) {
    JobExplanation& plan = plans.emplace_back(
        explainer.ExplainStage(spec.stages(static_cast<int>(i)), stages[i].plugin));
    plan.parameters = stages[i].parameters;
  }
  std::set<std::string> seen;  // OUT may be that of several stages
  for (JobExplanation& plan : plans) {
    for (const std::string& path : PublishTargets(spec, plan.spec)) {
      if (seen.insert(path).second) {
        explainer.CheckOutput(path, spec.overwrite(), explainer.inputs(), &plan);
      }
    }
  }
  if (const absl::Status whole = CheckNewPipelineSpec(spec).status(); !whole.ok()) {
    plans[0].problems.emplace_back(Message(whole));
  }
  if (!around.problem.empty()) plans[0].problems.push_back(around.problem);
  const bool good = std::all_of(plans.begin(), plans.end(),
                                [](const JobExplanation& plan) { return plan.problems.empty(); });
  if (good) WarnOfMissingServers(*session, options.command, MostCopies(spec));
  if (good && !options.local) {
    const absl::Status found = FindStates(session, around.dfs.get(), spec, stages, &plans);
    if (!found.ok()) plans[0].problems.emplace_back(Message(found));
  }
  return Show(*session, plans, options);
}

}  // namespace quern::mr
