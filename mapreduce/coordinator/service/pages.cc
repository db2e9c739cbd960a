#include "mapreduce/coordinator/service/pages.h"

#include <algorithm>
#include <utility>

#include "common/cli/cli.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

PageCell When(int64_t millis) {
  return millis == 0 ? PageCell("") : PageCell::At(absl::FromUnixMillis(millis));
}

// How long something took, or takes so far; nothing before it has started.
PageCell Length(int64_t started_ms, int64_t finished_ms, absl::Time now) {
  if (started_ms == 0) return "";
  const absl::Time end = finished_ms == 0 ? now : absl::FromUnixMillis(finished_ms);
  return PageCell::Seconds(end - absl::FromUnixMillis(started_ms));
}

PageCell Share(const pb::JobStatus::Phase& phase) {
  return phase.total() == 0 ? PageCell("") : PageCell::Percent(phase.progress() / phase.total());
}

absl::StatusOr<PageContent> Overview(Coordinator* coordinator) {
  PageContent page{.title = "Jobs"};
  const Coordinator::Totals totals = coordinator->GetTotals();
  page.AddFacts("Now", {{"jobs running", totals.running_jobs},
                        {"attempts running", totals.running_attempts},
                        {"slots", totals.slots},
                        {"workers alive", totals.alive_workers},
                        {"cluster id", coordinator->journal().cluster_id()},
                        {"term", coordinator->journal().term()}});
  PageTable& jobs = page.AddTable(
      "Jobs", {"job", "name", "user", "state", "map", "reduce", "submitted", "time", "reason"});
  pb::ListJobsRequest newest;
  newest.set_limit(200);
  ASSIGN_OR_RETURN(const pb::ListJobsResponse listed, ListJobs(coordinator, newest));
  for (const pb::JobStatus& job : listed.jobs()) {
    jobs.rows.push_back({{job.job_id(), "/job?id=" + job.job_id()},
                         job.name(),
                         job.user(),
                         StateName(job.state()),
                         Share(job.map()),
                         Share(job.reduce()),
                         When(job.submitted_ms()),
                         Length(job.started_ms(), job.finished_ms(), coordinator->Now()),
                         job.reason().empty() ? job.waits() : job.reason()});
  }
  PageTable& workers =
      page.AddTable("Workers", {"worker", "node", "rack", "address", "alive", "slots", "running"});
  ASSIGN_OR_RETURN(const pb::GetWorkersResponse known, GetWorkers(coordinator, {}));
  for (const auto& worker : known.workers()) {
    workers.rows.push_back(
        {{worker.worker_id(),
          worker.http_address().empty() ? "" : "http://" + worker.http_address() + "/"},
         worker.node(),
         worker.rack(),
         worker.address(),
         worker.alive(),
         worker.slots(),
         worker.running()});
  }
  return page;
}

void AddPhase(const std::string& name, const pb::JobStatus::Phase& phase, PageTable* table) {
  if (phase.total() == 0) return;
  table->rows.push_back({name, phase.total(), phase.done(), phase.running(), Share(phase),
                         phase.failed_attempts(), phase.rerun(), phase.node_local(),
                         phase.rack_local(), phase.remote()});
}

void AddFailure(const pb::JobStatus& job, PageContent* page) {
  if (!job.has_failure()) return;
  const pb::AttemptFailure& failure = job.failure();
  PageFacts facts = {{"cause", failure.message()}};
  if (failure.in_record()) {
    facts.push_back(
        {"record", fmt::format("{}:{}", failure.record_source(), failure.record_position())});
  }
  if (failure.signal() != 0) facts.push_back({"signal", failure.signal()});
  page->AddFacts("Failure", std::move(facts));
  page->AddText("Last lines of its log", failure.log_tail());
}

std::string OutputsOf(const pb::JobStatus& job) {
  std::string text = job.output_path();
  for (const pb::JobStatus::NamedOutput& output : job.named_outputs()) {
    text += fmt::format(", {} in {}", output.name(), output.path());
  }
  return text;
}

PageContent OnePipeline(const pb::JobStatus& pipeline, absl::Time now) {
  PageContent page{.title = pipeline.job_id()};
  PageFacts facts = {{"name", pipeline.name()},
                     {"user", pipeline.user()},
                     {"state", StateName(pipeline.state())},
                     {"submitted", When(pipeline.submitted_ms())},
                     {"time", Length(pipeline.started_ms(), pipeline.finished_ms(), now)},
                     {"output path", pipeline.output_path()},
                     {"command", pipeline.command()}};
  if (!pipeline.waits().empty()) facts.push_back({"waits", pipeline.waits()});
  if (!pipeline.reason().empty()) facts.push_back({"reason", pipeline.reason()});
  page.AddFacts("Pipeline", std::move(facts));
  PageTable& stages = page.AddTable("Stages", {"stage", "state", "rounds", "at most", "job", "map",
                                               "reduce", "started", "time", "output"});
  for (const pb::JobStatus::Stage& stage : pipeline.stages()) {
    stages.rows.push_back(
        {stage.name(), StateName(stage.state()), stage.rounds(), stage.max_rounds(),
         stage.job_id().empty() ? PageCell("")
                                : PageCell(stage.job_id(), "/job?id=" + stage.job_id()),
         Share(stage.map()), Share(stage.reduce()), When(stage.started_ms()),
         Length(stage.started_ms(), stage.finished_ms(), now), stage.output_path()});
  }
  PageTable& counters = page.AddTable("Counters", {"stage", "group", "name", "value"});
  for (const pb::JobStatus::Stage& stage : pipeline.stages()) {
    for (const pb::Counter& counter : stage.counters()) {
      counters.rows.push_back(
          {stage.name(), counter.group(), counter.name(), PageCell::Count(counter.value())});
    }
  }
  return page;
}

absl::StatusOr<PageContent> OneJob(Coordinator* coordinator, const HttpRequest& request) {
  ASSIGN_OR_RETURN(const pb::JobStatus job, coordinator->GetJob(request.param("id")));
  if (!job.stages().empty()) return OnePipeline(job, coordinator->Now());
  PageContent page{.title = job.job_id()};
  PageFacts facts = {{"name", job.name()},
                     {"user", job.user()},
                     {"state", StateName(job.state())},
                     {"submitted", When(job.submitted_ms())},
                     {"time", Length(job.started_ms(), job.finished_ms(), coordinator->Now())},
                     {"input", PageCell::Bytes(job.input_bytes())},
                     {"shuffled", PageCell::Bytes(job.shuffle_bytes())},
                     {"output", PageCell::Bytes(job.output_bytes())},
                     {"output path", OutputsOf(job)},
                     {"command", job.command()},
                     {"tasks", PageCell("all attempts", "/tasks?job=" + job.job_id())}};
  if (!job.waits().empty()) facts.push_back({"waits", job.waits()});
  if (!job.reason().empty()) facts.push_back({"reason", job.reason()});
  if (!job.pipeline_id().empty()) {
    facts.push_back({"pipeline", PageCell(job.pipeline_id(), "/job?id=" + job.pipeline_id())});
  }
  page.AddFacts("Job", std::move(facts));
  AddFailure(job, &page);
  PageTable& phases =
      page.AddTable("Progress", {"phase", "tasks", "done", "running", "progress", "failed attempts",
                                 "run again", "on the data's machine", "on its rack", "elsewhere"});
  AddPhase("map", job.map(), &phases);
  AddPhase("reduce", job.reduce(), &phases);
  PageTable& counters = page.AddTable("Counters", {"group", "name", "value"});
  for (const pb::Counter& counter : job.counters()) {
    counters.rows.push_back({counter.group(), counter.name(), PageCell::Count(counter.value())});
  }
  return page;
}

absl::StatusOr<PageContent> Tasks(Coordinator* coordinator, const HttpRequest& request) {
  pb::ListTasksRequest list;
  list.set_job_id(request.param("job"));
  const std::string order = request.param("order");
  if (order == "slowest") list.set_order(pb::ListTasksRequest::ORDER_SLOWEST);
  if (order == "failed") list.set_order(pb::ListTasksRequest::ORDER_FAILED);
  ASSIGN_OR_RETURN(const pb::ListTasksResponse tasks, ListTasks(coordinator, list));
  PageContent page{.title = "Tasks of " + list.job_id()};
  const std::string self = "/tasks?job=" + list.job_id();
  page.AddFacts("Order", {{"by task", PageCell("show", self)},
                          {"slowest first", PageCell("show", self + "&order=slowest")},
                          {"failed only", PageCell("show", self + "&order=failed")}});
  // A page that is cut says so, and programs find the table under one name all the same.
  page.AddFacts("Shown", {{"attempts", tasks.attempts_size()}, {"all of them", !tasks.more()}});
  PageTable& table = page.AddTable("Attempts", {"attempt", "state", "node", "locality", "started",
                                                "time", "progress", "phase", "status", "cause"});
  for (const pb::TaskAttemptStatus& attempt : tasks.attempts()) {
    table.rows.push_back({FormatAttempt(attempt.id()), StateName(attempt.state()), attempt.node(),
                          attempt.locality(), When(attempt.started_ms()),
                          Length(attempt.started_ms(), attempt.finished_ms(), coordinator->Now()),
                          PageCell::Percent(attempt.progress().fraction()),
                          attempt.progress().phase(), attempt.progress().status(),
                          DescribeFailure(attempt.failure())});
  }
  return page;
}

}  // namespace

std::vector<HttpPage> CoordinatorPages(Coordinator* coordinator) {
  return {
      {"/", "Jobs", [=](const HttpRequest&) { return Overview(coordinator); }},
      {"/job", "", [=](const HttpRequest& request) { return OneJob(coordinator, request); }},
      {"/tasks", "", [=](const HttpRequest& request) { return Tasks(coordinator, request); }},
  };
}

void AddCoordinatorMetrics(Coordinator* coordinator, Metrics* metrics) {
  Gauge& jobs = metrics->AddGauge("quern_mr_jobs_running", "Jobs that have not ended");
  Gauge& attempts = metrics->AddGauge("quern_mr_attempts_running", "Task attempts that run");
  Gauge& workers = metrics->AddGauge("quern_mr_workers_alive", "Workers with a session");
  Gauge& slots = metrics->AddGauge("quern_mr_slots", "Attempts that may run at once");
  metrics->AddRefresh([=, &jobs, &attempts, &workers, &slots] {
    const Coordinator::Totals totals = coordinator->GetTotals();
    jobs.Set(totals.running_jobs);
    attempts.Set(totals.running_attempts);
    workers.Set(totals.alive_workers);
    slots.Set(totals.slots);
  });
}

}  // namespace quern::mr
