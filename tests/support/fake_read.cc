#include "tests/support/fake_read.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/crc32c.h"
#include "common/rpc/bulk_codec.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "tests/support/fake_dfs_state.h"

namespace quern::testing {
namespace {

using ReadFault = FakeDfs::ReadFault;

// How a stream ends that breaks half way.
std::optional<absl::Status> EndHalfWay(ReadFault fault) {
  if (fault == ReadFault::kBreakHalfWay) return UnavailableError("scripted failure");
  if (fault == ReadFault::kDropHalfWay) return DeadlineExceededError("the reader takes nothing");
  if (fault == ReadFault::kCancelHalfWay) return CancelledError("Cancelled on the server side");
  return std::nullopt;
}

// Sends the range in small pieces, faulty as the script says.
void SendRange(const pb::ReadRequest& request, const std::string& bytes, ReadFault fault,
               rpc::BulkStream* stream) {
  constexpr uint64_t kPiece = 10'000;
  uint64_t end = request.offset() + request.length();
  if (fault == ReadFault::kShort) end = std::min(end, kPiece);
  for (uint64_t at = request.offset(); at < end; at += kPiece) {
    std::string piece = bytes.substr(at, std::min(kPiece, end - at));
    if (at == 0 && fault == ReadFault::kOtherFirstByte) piece.front() ^= 1;
    const bool is_last = at + piece.size() == bytes.size();
    if (is_last && fault == ReadFault::kOtherLastByte) piece.back() ^= 1;
    pb::ReadHeader header;
    header.set_offset(at);
    header.set_crc(Crc32c(piece));
    if (at + kPiece >= end && fault == ReadFault::kWrongByte) piece.back() ^= 1;
    const grpc::Slice slice(piece);
    stream->Send(rpc::EncodeBulk(header, {&slice, 1}));
    if (at >= (request.offset() + end) / 2 && EndHalfWay(fault).has_value()) {
      stream->Finish(*EndHalfWay(fault));
      return;
    }
  }
  stream->Finish(absl::OkStatus());
}

}  // namespace

std::vector<FakeDfs::Read> FakeDfs::reads() {
  MutexLock lock(&state_->mutex);
  return state_->reads;
}

void FakeDfs::ScriptLateReads(std::function<void()> script) {
  MutexLock lock(&state_->mutex);
  state_->late_read_script = std::move(script);
}

void HandleFakeRead(FakeDfs::State* state, uint32_t server_id, rpc::BulkLoop* loop,
                    rpc::BulkStream* stream) {
  while (true) {
    const rpc::BulkEvent event = loop->Next(absl::InfiniteDuration());
    if (event.kind == rpc::BulkEvent::Kind::kStopping) return;
    if (event.kind != rpc::BulkEvent::Kind::kMessage) continue;
    pb::ReadRequest request;
    if (!rpc::DecodeMessage(event.message, &request).ok()) return;
    MutexLock lock(&state->mutex);
    state->reads.push_back({request.offset(), request.length(), request.read_ahead()});
    const ReadFault fault = state->read_faults[server_id];
    const bool silent = fault == ReadFault::kSilent;
    if ((silent || fault == ReadFault::kLate) && state->late_read_script) {
      state->late_read_script();
    }
    if (silent) continue;
    if (fault == ReadFault::kNotFound) {
      stream->Finish(NotFoundError("chunk {:#x}: not here", request.chunk_id()));
      return;
    }
    if (fault == ReadFault::kEmpty) {
      stream->Finish(OutOfRangeError("read at {}, but 0 bytes may be read", request.offset()));
      return;
    }
    if (fault == ReadFault::kDropAtOnce) {
      stream->Finish(DeadlineExceededError("the reader takes nothing"));
      return;
    }
    SendRange(request, state->chunks[request.chunk_id()].bytes, fault, stream);
    return;
  }
}

}  // namespace quern::testing
