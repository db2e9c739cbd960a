#include "client/write/writer_renewals.h"

#include <utility>

namespace quern::client {

WriterRenewals::~WriterRenewals() {
  std::unique_ptr<PeriodicThread> thread;
  {
    MutexLock lock(&mutex_);
    over_ = true;
    thread = std::move(thread_);
  }
}

void WriterRenewals::Add(const WriterIdentity& writer) {
  MutexLock lock(&mutex_);
  open_.emplace(writer.inode, writer);
  if (thread_ != nullptr) return;
  thread_ = std::make_unique<PeriodicThread>("dfs-renewals", every_, [this] { RenewAll(); });
}

void WriterRenewals::Remove(InodeId inode) {
  MutexLock lock(&mutex_);
  open_.erase(inode);
}

void WriterRenewals::RenewAll() {
  std::optional<WriterIdentity> writer = Next(InodeId());
  while (writer.has_value()) {
    renew_(*writer);
    writer = Next(writer->inode);
  }
}

std::optional<WriterIdentity> WriterRenewals::Next(InodeId last) {
  MutexLock lock(&mutex_);
  const auto next = open_.upper_bound(last);
  if (over_ || next == open_.end()) return std::nullopt;
  return next->second;
}

}  // namespace quern::client
