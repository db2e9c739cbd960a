// The wire side of writing a chunk: frames out, answers in. Used by the thread of its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "client/master/convert.h"
#include "client/write/append_window.h"
#include "client/write/open_chunk.h"
#include "common/rpc/bulk.h"
#include "common/status.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::client {

class AppendStream {
 public:
  struct Options {
    uint64_t producer = 0;
    uint64_t base_seq = 0;
  };
  AppendStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel, ServerAddress primary);
  ~AppendStream();
  AppendStream(const AppendStream&) = delete;
  AppendStream& operator=(const AppendStream&) = delete;

  // To be called first.
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

  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  const ServerAddress primary_;
  uint64_t producer_ = 0;
  ServerId failed_server_;
};

}  // namespace quern::client
