#include "client/master/change_batch.h"

#include <algorithm>
#include <span>
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
  {
    MutexLock lock(&mutex_);
    queue_.push_back(self);
    if (under_way_ < kMaxUnderWay) {
      ++under_way_;
      return TakeBatch();
    }
  }
  self->woken.Wait();
  return std::move(self->batch);
}

std::vector<ChangeBatch::Waiting*> ChangeBatch::TakeBatch() {
  const size_t count = std::min(queue_.size(), kMaxChanges);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Waiting*> batch(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return batch;
}

bool ChangeBatch::SendAll(const std::vector<Waiting*>& batch) {
  pb::ChangeManyRequest request;
  // They wait until they are told, so nobody else looks at their changes.
  for (Waiting* waiting : batch) *request.add_changes() = std::move(waiting->change);
  const auto response = send_(request);
  if (!response.ok() || static_cast<size_t>(response->answers_size()) != batch.size()) return false;
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i]->answer = AnswerBytes(response->answers(static_cast<int>(i)));
  }
  return true;
}

void ChangeBatch::TurnIsOver(const std::vector<Waiting*>& batch, bool answered) {
  Waiting* next = nullptr;
  std::deque<Waiting*> by_themselves;
  {
    MutexLock lock(&mutex_);
    if (!answered) by_themselves.swap(queue_);
    if (queue_.empty()) {
      --under_way_;
    } else {
      std::vector<Waiting*> those = TakeBatch();
      next = those.front();
      next->batch = std::move(those);
    }
  }
  if (next != nullptr) next->woken.Notify();
  // The first is the caller, which did not sleep or does not any more.
  for (Waiting* waiting : std::span(batch).subspan(1)) waiting->woken.Notify();
  for (Waiting* waiting : by_themselves) waiting->woken.Notify();
}

std::optional<absl::StatusOr<std::string>> ChangeBatch::Make(pb::Change change) {
  Waiting self{.change = std::move(change)};
  const std::vector<Waiting*> batch = AwaitTurn(&self);
  if (!batch.empty()) TurnIsOver(batch, SendAll(batch));
  return std::move(self.answer);
}

}  // namespace quern::client
