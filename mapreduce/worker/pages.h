// The worker's pages and metrics.
#pragma once

#include <cstdint>
#include <vector>

#include "common/http_server.h"
#include "common/metrics.h"

namespace quern::mr {

class CoordinatorSession;
class Scratch;
class TaskPool;
class Worker;

// What they show, all of it borrowed.
struct WorkerView {
  Scratch* scratch = nullptr;
  TaskPool* processes = nullptr;
  Worker* worker = nullptr;
  CoordinatorSession* session = nullptr;
  uint32_t slots = 0;
};

// "/": the worker and the attempts that run on it.
std::vector<HttpPage> WorkerPages(const WorkerView& view);

// quern_mr_worker_*: attempts, slots.
void AddWorkerMetrics(const WorkerView& view, Metrics* metrics);

}  // namespace quern::mr
