#include "mapreduce/coordinator/logic/fair_share.h"

#include <algorithm>
#include <tuple>

namespace quern::mr {

void FairShare::AddJob(JobKey job, const std::string& user) {
  owner_[job] = user;
  users_[user].running[job] = 0;
}

void FairShare::RemoveJob(JobKey job) {
  const auto owner = owner_.find(job);
  if (owner == owner_.end()) return;
  const auto user = users_.find(owner->second);
  user->second.total -= user->second.running[job];
  user->second.running.erase(job);
  if (user->second.running.empty()) users_.erase(user);
  owner_.erase(owner);
}

void FairShare::Started(JobKey job) {
  User& user = users_[owner_.at(job)];
  ++user.running[job];
  ++user.total;
}

void FairShare::Stopped(JobKey job) {
  const auto owner = owner_.find(job);
  if (owner == owner_.end()) return;
  User& user = users_[owner->second];
  --user.running[job];
  --user.total;
}

std::vector<JobKey> FairShare::Order() const {
  std::vector<const User*> users;
  users.reserve(users_.size());
  for (const auto& [name, user] : users_) users.push_back(&user);
  std::sort(users.begin(), users.end(), [](const User* a, const User* b) {
    return std::make_tuple(a->total, a->running.begin()->first) <
           std::make_tuple(b->total, b->running.begin()->first);
  });
  std::vector<JobKey> order;
  for (const User* user : users) {
    for (const auto& [job, running] : user->running) order.push_back(job);
  }
  return order;
}

}  // namespace quern::mr
