// The client's end of the data plane, as bare as the protocol: for tests of chunkservers.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/rpc/bulk.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// One append stream. For one thread.
class AppendClient {
 public:
  struct Options {
    uint64_t producer = 7;
    uint64_t base_seq = 1;
    bool forwarded = false;
    uint32_t position = 0;
  };
  // Opens the stream to chain[position].
  AppendClient(ChunkId chunk, const std::vector<pb::ServerAddress>& chain, const Options& options);
  AppendClient(ChunkId chunk, const std::vector<pb::ServerAddress>& chain)
      : AppendClient(chunk, chain, Options()) {}

  void Send(uint64_t seq, const std::string& payload);
  void SendWithCrc(uint64_t seq, const std::string& payload, uint32_t crc);
  void Sync(uint64_t id);
  void Seal();
  void CloseSend() { stream_->CloseSend(); }

  // Takes events until `done` or the end of the stream; false when the stream ended first or
  // nothing came for long.
  bool Await(const std::function<bool()>& done);
  bool AwaitCommitted(uint64_t offset);
  // The final status of the stream.
  absl::Status AwaitEnd();
  size_t unsent_bytes() const { return stream_->unsent_bytes(); }

  // What was answered so far.
  uint64_t committed = 0;
  uint64_t last_seq = 0;
  std::optional<uint64_t> opened_at;
  uint64_t synced_id = 0;
  std::optional<pb::AppendResponse::Sealed> sealed;
  std::string error;
  uint32_t failed_server = 0;
  std::optional<absl::Status> ended;

 private:
  void SendHeader(const pb::AppendHeader& header, const std::string& payload = "");
  void Take(const rpc::BulkEvent& event);

  rpc::BulkLoop loop_;
  rpc::BulkStream* stream_ = nullptr;
};

// A stream of whole chunks. For one thread.
class WholeClient {
 public:
  struct Chunk {
    ChunkId id;
    std::string bytes = {};
    uint64_t producer = 7;
    uint64_t seq = 1;
    uint32_t crc = 0;                               // 0: the right one
    std::optional<uint64_t> length = std::nullopt;  // what is said; none: the right one
  };
  // To the primary of the chain.
  explicit WholeClient(const std::vector<pb::ServerAddress>& chain);

  // One message, and what comes of it: the answer, or how the stream has ended.
  absl::StatusOr<pb::AppendResponse> Send(const std::vector<pb::ServerAddress>& chain,
                                          const std::vector<Chunk>& chunks);
  // The final status of the stream.
  absl::Status AwaitEnd();

  uint32_t failed_server = 0;  // as it was told when the stream ended

 private:
  rpc::BulkLoop loop_;
  rpc::BulkStream* const stream_;
};

struct ReadAnswer {
  std::string bytes;
};
// Reads and checks every piece.
absl::StatusOr<ReadAnswer> ReadChunk(const std::string& address, const pb::ReadRequest& request);
// `length` 0 = to the end.
// `sealed`: what the reader knows of the chunk's seal.
absl::StatusOr<ReadAnswer> ReadChunk(
    const std::string& address, ChunkId chunk, uint64_t offset = 0, uint64_t length = 0,
    const std::optional<pb::ReadRequest::Sealed>& sealed = std::nullopt);

}  // namespace quern::chunkserver
