#include "mapreduce/worker/pages.h"

#include "mapreduce/engine/task_id.h"
#include "mapreduce/worker/coordinator_session.h"
#include "mapreduce/worker/scratch.h"
#include "mapreduce/worker/task_pool.h"
#include "mapreduce/worker/worker.h"

namespace quern::mr {
namespace {

PageContent Overview(const WorkerView& view) {
  PageContent page;
  page.title = "Worker";
  const std::string unhealthy = view.worker->unhealthy();
  page.AddFacts("Worker", {{"id", view.scratch->worker_id()},
                           {"slots", view.slots},
                           {"coordinator", view.session->connected() ? "connected" : "away"},
                           {"health", unhealthy.empty() ? "well" : unhealthy},
                           {"tasks run", view.processes->isolation()},
                           {"outputs held", view.scratch->Held().size()},
                           {"directory", view.scratch->main_dir()}});
  PageTable& table = page.AddTable("Running", {"job", "attempt", "progress", "phase", "status"});
  for (const Worker::RunningAttempt& attempt : view.worker->Running()) {
    table.rows.push_back({attempt.id.job_id(), FormatAttempt(attempt.id),
                          PageCell::Percent(attempt.progress.fraction()), attempt.progress.phase(),
                          attempt.progress.status()});
  }
  return page;
}

}  // namespace

std::vector<HttpPage> WorkerPages(const WorkerView& view) {
  return {{"/", "Attempts", [view](const HttpRequest&) { return Overview(view); }}};
}

void AddWorkerMetrics(const WorkerView& view, Metrics* metrics) {
  Gauge& running = metrics->AddGauge("quern_mr_worker_attempts", "Attempts that run here");
  Gauge& slots = metrics->AddGauge("quern_mr_worker_slots", "Attempts that may run at once");
  slots.Set(view.slots);
  metrics->AddRefresh([worker = view.worker, &running] {
    running.Set(static_cast<double>(worker->Running().size()));
  });
}

}  // namespace quern::mr
