// What a command that looks at many files knows of the servers, and how long it goes on looking at
// one whose servers are silent. Decisions; who asks and waits is the command.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "client/shell/chunk_presence.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::shell {

// The servers as the master tells them, a second old at most.
class KnownServers {
 public:
  using Ask = std::function<absl::StatusOr<client::ClusterStatus>()>;
  explicit KnownServers(Ask ask) : ask_(std::move(ask)) {}

  // Asks when what is known is too old. To be called after the chunks were listed, so that a server
  // that has gone since is missed: at once for the first file, within a second for the others.
  absl::Status Refresh(absl::Time now);
  // The next Refresh asks.
  void Forget() { asked_at_ = absl::InfinitePast(); }
  const SilentServers& silent() const { return silent_; }
  size_t alive() const { return alive_; }

 private:
  const Ask ask_;
  SilentServers silent_;
  size_t alive_ = 0;
  absl::Time asked_at_ = absl::InfinitePast();
};

// When to look at chunks once more before they are called lacking, since a heartbeat may be late on
// a busy machine, and servers come within a second or two after their master.
class SecondLook {
 public:
  // True when these hang on nothing but servers that may be heard of soon. Late ones are waited for
  // anew after each chunk that does not hang on them; those that the master awaits since its start,
  // a few seconds in all: one that is away for good stays awaited for minutes.
  bool IsWorthwhile(const std::vector<ChunkPresence>& chunks, absl::Time now);

 private:
  absl::Time late_until_ = absl::InfiniteFuture();
  absl::Time awaited_until_ = absl::InfiniteFuture();
};

}  // namespace quern::shell
