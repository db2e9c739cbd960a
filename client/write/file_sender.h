// The sending thread of a FileWriter: chunk after chunk, from AllocateChunk to its seal.
//
//   wait for bytes -> AllocateChunk -> append stream to the primary -> Seal -> wait for bytes ...
//                                          | any failure
//                                          v
//                                     ResolveChunk -> what is not in the sealed chunk goes to the
//                                     next
//
// A failure is a broken stream, an error that the primary reports (also of a server behind it), or
// no answer for some seconds: a paused or cut-off machine breaks nothing, it is only silent.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/client_context.h"
#include "client/write/append_stream.h"
#include "client/write/send_queue.h"
#include "client/write/whole_chunks.h"
#include "client/write/writer_identity.h"
#include "common/rpc/bulk.h"

namespace quern::client {

// Run() belongs to one thread; Wake() to any.
class FileSender {
 public:
  FileSender(ClientContext* context, WriterIdentity identity, uint64_t chunk_size);

  SendQueue* queue() { return &queue_; }
  // The file was made with its first chunk. To be called before Run.
  void UseFirstChunk(OpenChunk chunk) { first_chunk_ = std::move(chunk); }
  bool has_first_chunk() const { return first_chunk_.has_value(); }
  // A chunk that is closed on all its replicas, of which the master has not heard yet.
  struct ClosedChunk {
    ChunkId id;
    ServerId primary;
    uint64_t length = 0;
    uint32_t crc = 0;
  };
  // For a file that is one piece, which waits in the queue while nobody runs Run: its only chunk,
  // for SendWhole. Nothing: it does not fit, and Run goes on.
  absl::StatusOr<std::optional<WholeChunk>> BeginWhole();
  // What has become of it. Nothing: it failed, and Run goes on with what is left.
  absl::StatusOr<std::optional<ClosedChunk>> EndWhole(const WholeChunk& whole,
                                                      const ChunkFailure& failure);
  // To be called before the thread of Run is started.
  void PrepareRun();
  // Sends until the queue is closed and empty, is cancelled, or something fails for good.
  void Run();

 private:
  absl::Status SendAll();
  // False when everything is sent and the file is being closed, or was cancelled.
  bool WaitForBytes();
  absl::Status WriteChunk();
  // The first one, or a new one.
  absl::StatusOr<OpenChunk> NextChunk();
  absl::StatusOr<OpenChunk> Allocate();
  ChunkFailure StreamChunk(const OpenChunk& chunk);
  void SendWhatMayGo(AppendStream* stream);
  // True when the chunk is sealed.
  absl::StatusOr<bool> OnResponse(const pb::AppendResponse& response);
  // Of the piece that is answered next: they are answered one by one.
  uint64_t NextAnswerBytes() const;
  bool AwaitsDisk() const;
  // How long the servers may stay silent now.
  absl::Duration Allowance() const;
  absl::Status Resolve(const OpenChunk& chunk, const ChunkFailure& failure);
  // None when others should not be warned of anybody.
  ServerId ToBlame(const OpenChunk& chunk, const ChunkFailure& failure) const;

  ClientContext* const context_;
  const WriterIdentity identity_;
  const uint64_t producer_;
  std::unique_ptr<rpc::BulkLoop> loop_;  // null until Run is prepared: small files need none
  SendQueue queue_;
  std::optional<OpenChunk> first_chunk_;
  uint32_t ordinal_ = 0;
  StreamWait wait_;           // for acks
  int fruitless_chunks_ = 0;  // in a row that took no byte
  bool seal_sent_ = false;
};

}  // namespace quern::client
