// The files of an index, wherever they lie: in the file system of a cluster, or on this machine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/status.h"

namespace quern::search {

// Used by one thread at a time.
class IndexFiles {
 public:
  virtual ~IndexFiles() = default;

  // Something else after each change of the file, cheaply. NotFound when it is not there.
  virtual absl::StatusOr<std::string> Identity(std::string_view name) = 0;
  // A small file.
  virtual absl::StatusOr<std::string> Read(std::string_view name) = 0;
  // The path of a file on this machine with its bytes.
  virtual absl::StatusOr<std::string> Fetch(std::string_view name) = 0;
  // After a Fetch: its bytes are damaged. True when they were an older copy, which is gone now: the
  // next Fetch makes another. False when nothing can be done about it.
  virtual bool Discard(std::string_view name) = 0;
  // Only these, of those that were fetched, will be wanted from now on: copies of others may go.
  // Ends the fetching too. After Release it does nothing while another process fetches.
  virtual void Keep(const std::vector<std::string>& names) = 0;
  // Ends the fetching: other processes need not wait any longer. What was fetched must be open by
  // now, since they may remove it.
  virtual void Release() = 0;
  // What `name` is called in messages.
  virtual std::string Describe(std::string_view name) const = 0;
};

struct IndexFilesOptions {
  std::string master{};  // --master
  // Where copies of a cluster's files are kept; empty: XDG_CACHE_HOME, else ~/.cache.
  std::string cache_dir{};
  // Asked every now and then by a Fetch that takes long; true: it ends, as Cancelled.
  std::function<bool()> stopping = [] { return false; };
  Clock* clock = Clock::Real();
};

// `path`: /index in the cluster, or file:///index. InvalidArgument for anything else.
absl::StatusOr<std::unique_ptr<IndexFiles>> OpenIndexFiles(const std::string& path,
                                                           const IndexFilesOptions& options);

}  // namespace quern::search
