// Serves one read: checked pieces of at most 1 MiB, as fast as the reader takes them.
#pragma once

#include <memory>

#include "chunkserver/service/services.h"
#include "chunkserver/store/replica_reader.h"
#include "common/rpc/bulk.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Lives for one stream, on its thread.
class ReadStream {
 public:
  ReadStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* stream);
  ~ReadStream();
  void Run();

 private:
  absl::Status Serve();
  absl::StatusOr<pb::ReadRequest> AwaitRequest();
  // `header` has what all pieces say. Returns the bytes sent.
  absl::StatusOr<uint64_t> SendPiece(ReplicaReader* reader, uint64_t offset, uint64_t max_bytes,
                                     pb::ReadHeader header);
  // Returns when there is room for another piece. Cancelled: the reader is gone.
  absl::Status AwaitRoom();
  // For one more piece, in the memory of this server's streams.
  bool HasRoom();

  const Services& services_;
  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  std::unique_ptr<StreamMemory::Share> memory_;
};

}  // namespace quern::chunkserver
