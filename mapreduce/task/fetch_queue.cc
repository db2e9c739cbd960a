#include "mapreduce/task/fetch_queue.h"

#include <algorithm>

namespace quern::mr {

uint32_t FetchQueue::WorkerOf(const std::string& address) {
  const auto [found, added] =
      worker_by_address_.emplace(address, static_cast<uint32_t>(workers_.size()));
  if (added) workers_.emplace_back().address = address;
  return found->second;
}

void FetchQueue::ListIfFree(uint32_t worker) {
  Worker& w = workers_[worker];
  if (w.asked || w.listed || w.ready.empty()) return;
  w.listed = true;
  turn_.push_back(worker);
}

void FetchQueue::MakeReady(uint32_t output) {
  Output& o = outputs_[output];
  o.state = State::kReady;
  workers_[o.worker].ready.push_back({output, ++o.version});
  ListIfFree(o.worker);
}

void FetchQueue::Announce(uint32_t output, const std::string& address) {
  Output& o = outputs_[output];
  if (o.state == State::kDone) return;
  o.worker = WorkerOf(address);
  o.failures = 0;
  if (o.state != State::kAsked) MakeReady(output);
}

void FetchQueue::WakeWaiting(absl::Time now) {
  while (!waiting_.empty() && waiting_.top().first <= now) {
    const Entry entry = waiting_.top().second;
    waiting_.pop();
    ++steps_;
    const Output& o = outputs_[entry.output];
    if (o.state == State::kWaiting && o.version == entry.version) MakeReady(entry.output);
  }
}

std::optional<FetchQueue::Batch> FetchQueue::NextBatch(absl::Time now) {
  WakeWaiting(now);
  while (batches_ < options_.max_batches && !turn_.empty()) {
    Worker& worker = workers_[turn_.front()];
    turn_.pop_front();
    ++steps_;
    worker.listed = false;
    Batch batch = {worker.address, {}};
    while (!worker.ready.empty() && batch.outputs.size() < options_.batch_outputs) {
      const Entry entry = worker.ready.front();
      worker.ready.pop_front();
      ++steps_;
      if (!IsCurrent(entry)) continue;
      outputs_[entry.output].state = State::kAsked;
      batch.outputs.push_back(entry.output);
    }
    if (batch.outputs.empty()) continue;
    worker.asked = true;
    ++batches_;
    return batch;
  }
  return std::nullopt;
}

void FetchQueue::EndBatch(const std::string& address) {
  const uint32_t worker = WorkerOf(address);
  workers_[worker].asked = false;
  --batches_;
  ListIfFree(worker);
}

void FetchQueue::Done(uint32_t output) { outputs_[output].state = State::kDone; }

int FetchQueue::Failed(uint32_t output, absl::Time now) {
  Output& o = outputs_[output];
  const absl::Duration pause = options_.first_pause * (1 << std::min(o.failures, 6u));
  o.state = State::kWaiting;
  waiting_.push({now + std::min(pause, options_.longest_pause), {output, ++o.version}});
  return static_cast<int>(++o.failures);
}

void FetchQueue::Release(uint32_t output) {
  if (outputs_[output].state == State::kAsked) MakeReady(output);
}

}  // namespace quern::mr
