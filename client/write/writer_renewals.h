// Tells the master now and then that files are still being written, also while their callers have
// nothing to write: it gives up a file that it hears nothing of for an hour.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "client/write/writer_identity.h"
#include "common/mutex.h"
#include "common/periodic_thread.h"

namespace quern::client {

// Thread-safe. One thread for all writers, which the first one starts; nobody waits for it but the
// destructor, for the call that is under way.
class WriterRenewals {
 public:
  // A brief call of the master, which may fail: there are many within an hour.
  using Renew = std::function<void(const WriterIdentity&)>;
  WriterRenewals(absl::Duration every, Renew renew) : every_(every), renew_(std::move(renew)) {}
  ~WriterRenewals();

  void Add(const WriterIdentity& writer);
  void Remove(InodeId inode);

 private:
  void RenewAll();
  // The one after `last`; nothing: that was the last, or all is over.
  std::optional<WriterIdentity> Next(InodeId last);

  const absl::Duration every_;
  const Renew renew_;
  Mutex mutex_;
  std::map<InodeId, WriterIdentity> open_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<PeriodicThread> thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::client
