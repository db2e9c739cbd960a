// Makes the orders for workers: what to run, to stop and to drop, and where map outputs lie. Each
// order says from whom it is, and has a number that grows. No locks.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/logic/output_table.h"
#include "mapreduce/coordinator/logic/task_scheduler.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class OrderMaker {
 public:
  using Orders = std::vector<std::pair<WorkerKey, pb::WorkerOrder>>;

  OrderMaker(std::string cluster_id, uint64_t term)
      : cluster_id_(std::move(cluster_id)), term_(term) {}

  // With a briefing, when this worker has had none of the job. The number of the order;
  // ResourceExhausted when it is too long to be sent: the job cannot run.
  absl::StatusOr<uint64_t> Launch(const Job& job, const Placed& placed);
  // A new session of the worker: it needs briefings anew.
  void BeginSession(WorkerKey worker) { briefed_.erase(worker); }
  // What a briefing says of the job has changed.
  void BriefAgain(JobKey job);
  void Kill(WorkerKey worker, std::string_view job_id, const AttemptRef& attempt,
            std::string_view reason);
  void Forget(WorkerKey worker, std::string_view job_id);
  // The same piece may go to many.
  static pb::WorkerOrder::OutputDelta MakeDelta(const Job& job, const OutputTable::Piece& piece);
  void Outputs(WorkerKey worker, const pb::WorkerOrder::OutputDelta& delta);

  // Those made since the last call, in their order.
  Orders Take() { return std::exchange(orders_, {}); }
  const std::string& cluster_id() const { return cluster_id_; }
  uint64_t term() const { return term_; }

 private:
  static pb::WorkerOrder MakeBriefing(const Job& job);
  static pb::TaskSpec MakeTaskSpec(const Job& job, const AttemptRef& attempt);
  uint64_t Add(WorkerKey worker, pb::WorkerOrder order);

  const std::string cluster_id_;
  const uint64_t term_;
  uint64_t last_number_ = 0;
  std::map<WorkerKey, std::set<JobKey>> briefed_;
  Orders orders_;
};

}  // namespace quern::mr
