// Serves readers on the same machine: hands them the open file of a sealed replica and the
// checksums of its blocks, so that its bytes need not pass through this process and a connection.
// The reader checks every block itself, and has the master told of what is wrong as for any read.
//
// A sealed replica never changes; one that is removed stays readable for who has it open. What
// cannot be handed out (a replica that is not sealed, or so small that it has no file) is refused,
// and the reader comes by the usual way.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "chunkserver/service/services.h"
#include "common/fd.h"
#include "common/mutex.h"
#include "common/thread.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

class LocalReads {
 public:
  // `address` is the one that readers know this server by.
  static absl::StatusOr<std::unique_ptr<LocalReads>> Start(const Services& services,
                                                           std::string_view address);
  ~LocalReads();

 private:
  LocalReads(const Services& services, UniqueFd listener)
      : services_(services), listener_(std::move(listener)) {}
  void Run();
  // After an error, so that it does not come without end; the destructor need not wait for it.
  void Pause();
  void Serve(int socket);
  // False when too many of this disk's are at it.
  bool BeginOpening(const Disk* disk);
  void EndOpening(const Disk* disk);
  // The answer to a request; `file` when it is a good one.
  absl::StatusOr<pb::OpenLocalResponse> Open(std::string_view request, std::unique_ptr<File>* file);
  static absl::StatusOr<pb::OpenLocalResponse> OpenFile(Replica& replica,
                                                        std::unique_ptr<File>* file);

  const Services& services_;
  const UniqueFd listener_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Threads that look for a replica on a disk: a few each, so that one that hangs leaves others.
  std::map<const Disk*, int> opening_ ABSL_GUARDED_BY(mutex_);
  std::vector<Thread> threads_;
};

}  // namespace quern::chunkserver
