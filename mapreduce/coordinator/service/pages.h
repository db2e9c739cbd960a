// The coordinator's pages: jobs and workers, one job, its tasks.
#pragma once

#include <vector>

#include "common/http_server.h"
#include "common/metrics.h"
#include "mapreduce/coordinator/service/coordinator.h"

namespace quern::mr {

// "/", "/job?id=JOB", "/tasks?job=JOB&order=slowest|failed". All borrow the coordinator.
std::vector<HttpPage> CoordinatorPages(Coordinator* coordinator);

// quern_mr_*: jobs, attempts, workers.
void AddCoordinatorMetrics(Coordinator* coordinator, Metrics* metrics);

}  // namespace quern::mr
