// The insides of a ReadStream: the present chunk's stream, and the next one's when the end is near.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "client/client_context.h"
#include "client/read/chunk_map.h"
#include "client/read/chunk_source.h"
#include "client/read/replica_choice.h"
#include "client/read_stream.h"
#include "common/backoff.h"

namespace quern::client {

class ReadStreamImpl final : public ReadStream {
 public:
  ReadStreamImpl(ClientContext* context, std::shared_ptr<ChunkMap> chunks, uint64_t begin,
                 uint64_t end);

  absl::StatusOr<std::string_view> Next() override;

 private:
  // Takes what is there of the present chunk, or waits for more.
  absl::Status GetOn();
  // The next slice of what has arrived; empty when there is none.
  std::string_view NextSlice();
  absl::Status OnBytes(CheckedBytes bytes);
  // The whole of the present chunk has come and is not what was sealed: its last piece is not given
  // out, and the others are asked.
  void OnWrongChunk(uint32_t crc);
  // Takes bytes of a replica that is read for comparison. DataLoss when it is right, and what was
  // given out before is not.
  absl::Status Compare(const CheckedBytes& bytes);
  absl::Status EnsureStream();
  void OpenCurrent(const ServerAddress& server);
  // The present server is asked for the rest of the chunk, as if it had just been chosen.
  void GoOnAtServer();
  // From a replica on this machine directly, if it can be had; else by a connection.
  std::unique_ptr<ChunkSource> OpenAt(uint64_t position, const ChunkInfo& chunk,
                                      const ServerAddress& server);
  std::unique_ptr<ChunkSource> Connect(const ChunkInfo& chunk, const ServerAddress& server,
                                       ChunkRange range);
  // The present server was asked just now.
  void BeginWait();
  uint64_t NextMessageBytes() const;  // at most
  // How long the present server may send nothing.
  absl::Duration Allowance() const;
  // What is to be read of this chunk.
  ChunkRange RangeFrom(uint64_t position, const ChunkInfo& chunk) const;
  // When the end of the present chunk is near: the stream of the one that begins at this offset.
  void OpenNextAhead();
  void OpenAhead(uint64_t next);
  // What is not in this machine's memory: from the server, which reads on meanwhile.
  void ConnectInstead();
  // Waits for one event of the loop.
  absl::Status Wait();
  void OnEventAhead(const rpc::BulkEvent& event);
  void OnFailure(const absl::Status& why);
  // All replicas have failed: asks for fresh locations, or gives up.
  absl::Status NewRound();
  // In this round, all replicas that there are to be: one that is missing may come back, and be
  // right.
  bool AllWereWrong() const;
  absl::Status NoneCanBeRead() const;
  bool Suspected(ServerId server, const ChunkInfo& chunk) const {
    return context_->suspects.Contains(server, chunk.id);
  }

  static constexpr uint64_t kReadAheadBytes = uint64_t{8} << 20;

  ClientContext* const context_;
  const std::shared_ptr<ChunkMap> chunks_;
  uint64_t position_;  // of the next byte to arrive
  const uint64_t end_;
  absl::Status status_;

  rpc::BulkLoop loop_;
  ChunkInfo chunk_;  // that holds position_, once there is a stream
  std::unique_ptr<ChunkSource> current_;
  std::unique_ptr<ChunkSource> ahead_;
  ChunkId ahead_chunk_;     // of ahead_
  absl::Time ahead_since_;  // it was asked
  // Offset in the file up to which the connection goes, where it goes on directly behind it.
  std::optional<uint64_t> direct_again_at_;
  // Bytes that were had directly since the memory last had none of this chunk; many before that, so
  // that going on directly is tried once for each chunk.
  uint64_t direct_bytes_ = kReadAheadBytes;
  std::optional<uint64_t> not_ahead_;  // file offset of a chunk that could not be opened ahead
  absl::Time waiting_since_;
  StreamWait wait_;  // for messages of current_

  CheckedBytes bytes_;  // being given out
  size_t next_slice_ = 0;
  // CRC of the present chunk from its begin to position_; only where all of it was read.
  bool whole_chunk_ = false;
  uint32_t chunk_crc_ = 0;
  std::set<ServerId> givers_;  // of what was given out of it

  // The present chunk came wrong as a whole. What was given out of it cannot be taken back, so that
  // the next replica is read from the chunk's begin and compared with it, before more is given out.
  bool doubted_ = false;
  size_t wrong_in_round_ = 0;  // replicas that came so since the last locations were asked for
  int wrong_rounds_ = 0;       // in a row in which all came so
  struct Comparison {
    uint64_t position = 0;  // in the file, of the next byte to be compared
    uint32_t crc = 0;       // from the chunk's begin to there
  };
  std::optional<Comparison> comparison_;

  ReplicaChoice choice_;
  absl::Status last_failure_;
  absl::Time failing_since_ = absl::InfiniteFuture();
  Backoff backoff_;
};

}  // namespace quern::client
