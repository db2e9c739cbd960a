#include "client/master/change_batch.h"

#include <utility>

namespace quern::client {
namespace {

// One is decided while the other waits for the master's disk.
constexpr size_t kMaxUnderWay = 2;
constexpr size_t kMaxChanges = 256;

}  // namespace

absl::StatusOr<std::string> AnswerBytes(const pb::ChangeManyResponse::Answer& answer) {
  if (answer.code() == 0) return answer.response();
  return MakeStatus(static_cast<absl::StatusCode>(answer.code()), answer.message());
}

std::vector<ChangeBatch::Waiting*> ChangeBatch::AwaitTurn(Waiting* self) {
  std::vector<Waiting*> batch;
  MutexLock lock(&mutex_);
  queue_.push_back(self);
  while (!self->done && (under_way_ >= kMaxUnderWay || queue_.front() != self)) {
    self->wake.Wait(&mutex_);
  }
  if (self->done) return batch;
  ++under_way_;
  while (!queue_.empty() && batch.size() < kMaxChanges) {
    batch.push_back(queue_.front());
    queue_.pop_front();
  }
  return batch;
}

void ChangeBatch::SendAll(const std::vector<Waiting*>& batch) {
  pb::ChangeManyRequest request;
  // They wait until they are told, so nobody else looks at their changes.
  for (Waiting* waiting : batch) *request.add_changes() = std::move(waiting->change);
  const auto response = send_(request);
  if (!response.ok() || static_cast<size_t>(response->answers_size()) != batch.size()) return;
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i]->answer = AnswerBytes(response->answers(static_cast<int>(i)));
  }
}

void ChangeBatch::TurnIsOver(const std::vector<Waiting*>& batch) {
  MutexLock lock(&mutex_);
  --under_way_;
  for (Waiting* waiting : batch) {
    waiting->done = true;
    waiting->wake.Signal();
  }
  if (!queue_.empty()) queue_.front()->wake.Signal();
}

std::optional<absl::StatusOr<std::string>> ChangeBatch::Make(pb::Change change,
                                                             const std::function<void()>& alone) {
  Waiting self{.change = std::move(change)};
  const std::vector<Waiting*> batch = AwaitTurn(&self);
  const bool is_alone = batch.size() == 1;
  if (is_alone) {
    alone();
  } else if (!batch.empty()) {
    SendAll(batch);
  }
  if (!batch.empty()) TurnIsOver(batch);
  // What became of the call is not known, or it has to be made again: the same request, repeated.
  if (!is_alone && !self.answer.has_value()) alone();
  return std::move(self.answer);
}

}  // namespace quern::client
