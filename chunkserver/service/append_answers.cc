// The answers of an append stream: from below, together with this replica's own part, to above.
#include <algorithm>

#include "chunkserver/service/append_stream.h"
#include "common/log.h"

namespace quern::chunkserver {

using pb::AppendResponse;

absl::Status AppendStream::Expect(Expected expected) {
  if (!link_) return Complete(expected, {});
  link_->Expect(expected);
  return absl::OkStatus();
}

absl::Status AppendStream::OnAnswer(const grpc::ByteBuffer& buffer) {
  ServerId failed;
  const absl::StatusOr<Acks> below = link_->Read(buffer, &failed);
  if (!below.ok()) return ChainBroken(below.status(), failed);
  RETURN_IF_ERROR(RunControl(&link_->expected().oldest()));
  return Complete(link_->TakeOldest(), *below);
}

// --- Sync and Seal.

absl::Status AppendStream::RunControls() {
  if (!link_ || !link_->all_sent()) return absl::OkStatus();
  return link_->expected().ForEachUndone([this](Expected* control) { return RunControl(control); });
}

absl::Status AppendStream::RunControl(Expected* control) {
  if (control->own_done) return absl::OkStatus();
  control->own_done = true;
  if (control->kind == Kind::kSync) {
    const absl::StatusOr<uint64_t> synced = replica_->Sync();
    if (!synced.ok()) return ChainBroken(synced.status(), ServerId());
    control->synced = *synced;
    return absl::OkStatus();
  }
  // Every replica takes the latch, not only the primary: it costs the same write as a Sync.
  const absl::StatusOr<Replica::FenceAnswer> fenced = replica_->Fence(0);
  if (!fenced.ok()) return ChainBroken(fenced.status(), ServerId());
  const uint64_t length = fenced->report.length;
  if (length != control->end) {
    return ChainBroken(AbortedError("the seal found {} bytes", length), ServerId());
  }
  control->synced = length;
  return absl::OkStatus();
}

// --- Up.

absl::Status AppendStream::Complete(const Expected& expected, const Acks& below) {
  if (is_primary()) return CommitAtPrimary(expected, below);
  RelayUp(expected, below);
  return absl::OkStatus();
}

void AppendStream::RelayUp(const Expected& expected, const Acks& below) {
  AppendResponse response;
  AddAcks({role_.chain[role_.position].server, expected.end, expected.crc, expected.synced}, below,
          &response);
  switch (expected.kind) {
    case Kind::kOpen:
      response.set_opened_at(expected.end);
      break;
    case Kind::kSync:
      response.set_synced_id(expected.sync_id);
      break;
    case Kind::kSeal:
      response.mutable_sealed()->set_length(expected.end);
      response.mutable_sealed()->set_crc(expected.crc);
      break;
    case Kind::kData:
      break;
  }
  SendUp(response);
}

absl::Status AppendStream::CommitAtPrimary(const Expected& expected, const Acks& below) {
  for (size_t i = 0; i < below.size(); ++i) {
    const absl::Status agreed =
        sequencer_->Acknowledged(static_cast<uint32_t>(i) + 1, below[i].end, below[i].crc);
    if (!agreed.ok()) return ChainBroken(agreed, below[i].server);
  }
  replica_->LearnCommitted(sequencer_->committed());
  AppendResponse response = Progress();
  switch (expected.kind) {
    case Kind::kSeal:
      return FinishSeal(expected);
    case Kind::kOpen:
      response.set_opened_at(expected.end);
      break;
    case Kind::kSync:
      response.set_synced_id(expected.sync_id);
      break;
    case Kind::kData:
      break;
  }
  SendUp(response);
  return absl::OkStatus();
}

// All replicas hold the same bytes on their disks and the primary takes no more: the chunk may be
// sealed. It is once the master has logged it; only then does the client hear of it.
absl::Status AppendStream::FinishSeal(const Expected& expected) {
  RETURN_IF_ERROR(ReportSeal(expected));
  services_.metrics->seal_seconds.Observe(
      absl::ToDoubleSeconds(services_.clock->MonotonicNow() - *seal_began_));
  AppendResponse response = Progress();
  response.mutable_sealed()->set_length(expected.end);
  response.mutable_sealed()->set_crc(expected.crc);
  SendUp(response);
  return absl::OkStatus();
}

absl::Status AppendStream::ReportSeal(const Expected& expected) {
  const absl::Time give_up = services_.clock->MonotonicNow() + services_.limits.report_sealed;
  return services_.master->ReportSealed({.chunk = replica_->chunk(),
                                         .server = role_.chain[0].server,
                                         .length = expected.end,
                                         .crc = expected.crc},
                                        [&](absl::Duration pause) {
                                          return services_.clock->MonotonicNow() < give_up &&
                                                 WaitForMaster(pause);
                                        });
}

// Nothing else can come on this stream that matters, except the end of the server.
bool AppendStream::WaitForMaster(absl::Duration pause) {
  const absl::Time until = services_.clock->MonotonicNow() + pause;
  while (services_.clock->MonotonicNow() < until) {
    const rpc::BulkEvent event = loop_->Next(until - services_.clock->MonotonicNow());
    if (event.kind == rpc::BulkEvent::Kind::kStopping) return false;
    if (event.kind == rpc::BulkEvent::Kind::kEndOfMessages) upstream_ended_ = true;
    if (event.kind == rpc::BulkEvent::Kind::kFinished && link_ && link_->Owns(event)) {
      link_->OnEnded();
    }
  }
  return true;
}

AppendResponse AppendStream::Progress() const {
  AppendResponse response;
  if (sequencer_) {
    response.set_committed(sequencer_->committed());
    response.set_last_seq(sequencer_->CommittedSeq(role_.producer));
  }
  return response;
}

void AppendStream::SendUp(const AppendResponse& response) {
  upstream_->Send(rpc::EncodeMessage(response));
}

}  // namespace quern::chunkserver
