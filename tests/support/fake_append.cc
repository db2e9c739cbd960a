#include "tests/support/fake_append.h"

#include <string>
#include <string_view>

#include "common/crc32c.h"
#include "common/rpc/bulk_codec.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::testing {
namespace {

using Chunk = FakeChunk;
using State = FakeDfs::State;

// One append stream to one server.
class Appender {
 public:
  Appender(State* state, uint32_t server_id, rpc::BulkStream* stream)
      : state_(state), server_id_(server_id), stream_(stream) {}

  // False when the stream is over.
  bool OnMessage(const grpc::ByteBuffer& message) {
    pb::AppendHeader header;
    rpc::Payload payload;
    if (const absl::Status status = rpc::DecodeBulk(message, &header, &payload); !status.ok()) {
      return Break(status);
    }
    if (silent_) return true;
    MutexLock lock(&state_->mutex);
    if (header.has_open()) return OnOpen(header.open());
    Chunk& chunk = state_->chunks[chunk_id_];
    if (chunk.sealed) return Break(FailedPreconditionError("chunk {:#x} is fenced", chunk_id_));
    if (header.has_data()) return OnData(header.data(), payload, &chunk);
    pb::AppendResponse response = Progress(chunk);
    if (header.has_sync()) response.set_synced_id(header.sync().sync_id());
    if (header.has_seal()) {
      chunk.sealed = true;
      response.mutable_sealed()->set_length(chunk.bytes.size());
      response.mutable_sealed()->set_crc(Crc32c(chunk.bytes));
    }
    return Answer(response);
  }

 private:
  bool OnOpen(const pb::AppendHeader::Open& open) {
    chunk_id_ = open.chunk_id();
    next_seq_ = open.base_seq();
    pb::AppendResponse response;
    response.set_opened_at(0);
    return Answer(response);
  }

  bool OnData(const pb::AppendHeader::Data& data, const rpc::Payload& payload, Chunk* chunk) {
    if (data.seq() != next_seq_ || payload.Crc() != data.crc()) {
      return Break(DataLossError("piece {} (expected {}) is wrong", data.seq(), next_seq_));
    }
    const FrameAction action =
        state_->frame_script ? state_->frame_script(server_id_) : FrameAction::kAck;
    if (action == FrameAction::kAck || action == FrameAction::kTake ||
        action == FrameAction::kTakeAndBreak) {
      chunk->bytes += payload.ToString();
      chunk->ends.emplace_back(data.seq(), chunk->bytes.size());
      ++next_seq_;
    }
    switch (action) {
      case FrameAction::kAck:
        return Answer(Progress(*chunk));
      case FrameAction::kTake:
        return true;
      case FrameAction::kTakeAndBreak:
      case FrameAction::kBreak:
        return Break(UnavailableError("scripted failure"));
      case FrameAction::kForget:
        chunk->bytes.clear();
        chunk->ends.clear();
        chunk->forgot = true;
        return Break(UnavailableError("scripted power cut"));
      case FrameAction::kBlameOther: {
        pb::AppendResponse response;
        response.set_error("the server behind has failed");
        response.set_failed_server(server_id_ % static_cast<uint32_t>(state_->options.servers) + 1);
        return Answer(response);
      }
      case FrameAction::kIgnore:
        silent_ = true;
        return true;
    }
    return true;
  }

  static pb::AppendResponse Progress(const Chunk& chunk) {
    pb::AppendResponse response;
    response.set_committed(chunk.bytes.size());
    response.set_last_seq(chunk.ends.empty() ? 0 : chunk.ends.back().first);
    return response;
  }
  bool Answer(const pb::AppendResponse& response) {
    stream_->Send(rpc::EncodeMessage(response));
    return true;
  }
  bool Break(const absl::Status& status) {
    stream_->Finish(status);
    return false;
  }

  State* const state_;
  const uint32_t server_id_;
  rpc::BulkStream* const stream_;
  uint64_t chunk_id_ = 0;
  uint64_t next_seq_ = 0;
  bool silent_ = false;
};

// One stream of whole chunks to one server.
class WholeAppender {
 public:
  WholeAppender(State* state, uint32_t server_id, rpc::BulkStream* stream)
      : state_(state), server_id_(server_id), stream_(stream) {}

  // False when the stream is over.
  bool OnMessage(const grpc::ByteBuffer& message) {
    pb::AppendWholeHeader header;
    rpc::Payload payload;
    if (const absl::Status status = rpc::DecodeBulk(message, &header, &payload); !status.ok()) {
      return Break(status);
    }
    if (silent_) return true;
    MutexLock lock(&state_->mutex);
    ++state_->whole_messages;
    const FrameAction action =
        state_->frame_script ? state_->frame_script(server_id_) : FrameAction::kAck;
    const bool takes = action == FrameAction::kAck || action == FrameAction::kTake ||
                       action == FrameAction::kTakeAndBreak;
    const std::string bytes = payload.ToString();
    if (takes && !TakeAll(header, bytes)) return Break(DataLossError("a chunk is wrong"));
    pb::AppendResponse response;
    switch (action) {
      case FrameAction::kAck:
        response.mutable_sealed()->set_length(bytes.size());
        response.mutable_sealed()->set_crc(Crc32c(bytes));
        response.set_rests(true);
        break;
      case FrameAction::kTake:
        return true;
      case FrameAction::kTakeAndBreak:
      case FrameAction::kBreak:
        return Break(UnavailableError("scripted failure"));
      case FrameAction::kForget:
        for (const auto& chunk : header.chunks()) state_->chunks[chunk.chunk_id()].forgot = true;
        return Break(UnavailableError("scripted power cut"));
      case FrameAction::kBlameOther:
        response.set_error("the server behind has failed");
        response.set_failed_server(server_id_ % static_cast<uint32_t>(state_->options.servers) + 1);
        break;
      case FrameAction::kIgnore:
        silent_ = true;
        return true;
    }
    stream_->Send(rpc::EncodeMessage(response));
    return true;
  }

 private:
  bool TakeAll(const pb::AppendWholeHeader& header,
               std::string_view bytes) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (const auto& whole : header.chunks()) {
      Chunk& chunk = state_->chunks[whole.chunk_id()];
      const std::string_view own = bytes.substr(0, whole.length());
      bytes.remove_prefix(own.size());
      if (chunk.sealed || !chunk.bytes.empty() || Crc32c(own) != whole.crc()) return false;
      chunk.bytes = own;
      chunk.ends.emplace_back(whole.seq(), own.size());
      chunk.sealed = true;
    }
    return bytes.empty();
  }
  bool Break(const absl::Status& status) {
    stream_->Finish(status);
    return false;
  }

  State* const state_;
  const uint32_t server_id_;
  rpc::BulkStream* const stream_;
  bool silent_ = false;
};

template <typename Appender>
void Handle(State* state, uint32_t server_id, rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  Appender appender(state, server_id, stream);
  while (true) {
    const rpc::BulkEvent event = loop->Next(absl::InfiniteDuration());
    switch (event.kind) {
      case rpc::BulkEvent::Kind::kMessage:
        if (!appender.OnMessage(event.message)) return;
        break;
      case rpc::BulkEvent::Kind::kEndOfMessages:
      case rpc::BulkEvent::Kind::kStopping:
        stream->Finish(absl::OkStatus());
        return;
      default:
        break;
    }
  }
}

}  // namespace

void HandleFakeAppend(State* state, uint32_t server_id, rpc::BulkLoop* loop,
                      rpc::BulkStream* stream) {
  Handle<Appender>(state, server_id, loop, stream);
}

void HandleFakeAppendWhole(State* state, uint32_t server_id, rpc::BulkLoop* loop,
                           rpc::BulkStream* stream) {
  Handle<WholeAppender>(state, server_id, loop, stream);
}

}  // namespace quern::testing
