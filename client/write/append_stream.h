// The wire side of writing chunks: frames out, answers in. One chunk at a time; used by the thread
// of its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "client/master/convert.h"
#include "client/types.h"
#include "client/write/append_window.h"
#include "common/rpc/bulk.h"
#include "common/status.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::client {

// A chunk that is being written: its chain, the primary first.
struct OpenChunk {
  ChunkId id;
  uint32_t ordinal = 0;
  std::vector<ServerAddress> chain;
  // Bytes that it takes; 0: as many as any chunk of the file.
  uint64_t capacity = 0;
};

OpenChunk ToOpenChunk(const pb::AllocateChunkResponse& response);

class AppendStream {
 public:
  struct Options {
    uint64_t producer = 0;
    uint64_t base_seq = 0;
    // All that the chunk is to hold: sent with the opening, and answered by its seal.
    std::optional<Piece> whole = std::nullopt;
  };
  AppendStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel, ServerAddress primary);
  ~AppendStream();
  AppendStream(const AppendStream&) = delete;
  AppendStream& operator=(const AppendStream&) = delete;

  // Begins a chunk of this primary: the first one, or one after a chunk that was sent whole and has
  // been answered.
  void Open(const OpenChunk& chunk, const Options& options);
  void Send(const Piece& piece);
  void SendSync(uint64_t id);
  void SendSeal();

  // What an event of the loop means for this stream: an answer, nothing, or that it has failed.
  // The server to blame for a failure is then failed_server().
  absl::StatusOr<std::optional<pb::AppendResponse>> OnEvent(rpc::BulkEvent event);
  ServerId failed_server() const { return failed_server_; }

 private:
  void SendHeader(const pb::AppendHeader& header);
  void SendWith(const pb::AppendHeader& header, const Piece& piece);

  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  const ServerAddress primary_;
  uint64_t producer_ = 0;
  ServerId failed_server_;
};

}  // namespace quern::client
