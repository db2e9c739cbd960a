// Reads a range of one chunk from a chunkserver; every message is checked before it is given out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "client/read/chunk_source.h"

namespace quern::client {

class ChunkStream final : public ChunkSource {
 public:
  ChunkStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel, const ChunkInfo& chunk,
              const ServerAddress& server, ChunkRange range);
  ~ChunkStream() override;

  bool was_dropped() const override { return was_dropped_; }
  void Pause() override { stream_->PauseReading(); }
  void Resume() override { stream_->ResumeReading(); }
  absl::Status OnEvent(const rpc::BulkEvent& event) override;
  bool Gave(const rpc::BulkEvent& event) const override { return event.stream == stream_; }
  absl::StatusOr<std::optional<CheckedBytes>> Take() override;

 private:
  absl::Status OnMessage(const grpc::ByteBuffer& message);

  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  const uint64_t begin_;
  uint64_t expected_;  // chunk offset of the next byte to arrive
  const uint64_t end_;
  bool was_dropped_ = false;
  std::deque<CheckedBytes> arrived_;
};

}  // namespace quern::client
