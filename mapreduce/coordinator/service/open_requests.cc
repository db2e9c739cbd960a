#include "mapreduce/coordinator/service/open_requests.h"

#include "mapreduce/plan/job_spec_rules.h"

namespace quern::mr {

absl::StatusOr<OpenRequests::Turn> OpenRequests::Begin(uint64_t client_id, uint64_t request_id) {
  if (client_id == 0) return Turn();
  MutexLock lock(&mutex_);
  const auto [key, added] = open_.emplace(client_id, request_id);
  if (!added) return UnavailableError("{}", kBeingAccepted);
  return Turn(&*key, Close{this});
}

void OpenRequests::Remove(const Key* key) {
  MutexLock lock(&mutex_);
  open_.erase(open_.find(*key));
}

}  // namespace quern::mr
