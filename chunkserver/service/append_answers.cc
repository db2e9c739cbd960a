// The answers of an append stream: from below, together with this replica's own part, to above.
#include <algorithm>

#include "chunkserver/service/append_stream.h"
#include "common/log.h"

namespace quern::chunkserver {

using dfs::v1::AppendResponse;

absl::Status AppendStream::Expect(Expected expected) {
  if (next_ == nullptr) return Complete(expected, {});
  expected_.push_back(expected);
  Watch();
  return absl::OkStatus();
}

absl::Status AppendStream::OnAnswer(const grpc::ByteBuffer& buffer) {
  AppendResponse answer;
  RETURN_IF_ERROR(rpc::DecodeMessage(buffer, &answer));
  if (!answer.error().empty()) {
    const ServerId failed(answer.failed_server());
    return ChainBroken(UnavailableError("{}", answer.error()), failed ? failed : next_server());
  }
  if (expected_.empty()) return ChainBroken(InternalError("answers too much"), next_server());
  const absl::Status fits = CheckAnswer(answer, expected_.front());
  if (!fits.ok()) return ChainBroken(fits, next_server());
  RETURN_IF_ERROR(RunControl(&expected_.front()));
  const Expected expected = expected_.front();
  expected_.pop_front();
  Watch();
  return Complete(expected, answer.replicas());
}

absl::Status AppendStream::CheckAnswer(const AppendResponse& answer,
                                       const Expected& expected) const {
  using Kind = Expected::Kind;
  const bool kind_fits = answer.has_opened_at() == (expected.kind == Kind::kOpen) &&
                         answer.has_synced_id() == (expected.kind == Kind::kSync) &&
                         answer.has_sealed() == (expected.kind == Kind::kSeal);
  const size_t below = chain_.size() - position_ - 1;
  if (!kind_fits || static_cast<size_t>(answer.replicas_size()) != below) {
    return InternalError("answers another message than the next one");
  }
  const bool on_disk = expected.kind == Kind::kSync || expected.kind == Kind::kSeal;
  for (const auto& ack : answer.replicas()) {
    if (ack.end() != expected.end) {
      return AbortedError("{} has {} bytes where {} are expected", ServerId(ack.server_id()),
                          ack.end(), expected.end);
    }
    if (on_disk && ack.synced() < expected.end) {
      return InternalError("{} answers a Sync without having synced", ServerId(ack.server_id()));
    }
  }
  return absl::OkStatus();
}

// --- Sync and Seal.

absl::Status AppendStream::RunControls() {
  if (next_ == nullptr || next_->unsent_messages() > 0) return absl::OkStatus();
  for (Expected& expected : expected_) RETURN_IF_ERROR(RunControl(&expected));
  return absl::OkStatus();
}

absl::Status AppendStream::RunControl(Expected* control) {
  if (control->own_done) return absl::OkStatus();
  control->own_done = true;
  if (control->kind == Expected::Kind::kSync) {
    const absl::StatusOr<uint64_t> synced = replica_->Sync();
    if (!synced.ok()) return ChainBroken(synced.status(), ServerId());
    control->synced = *synced;
    return absl::OkStatus();
  }
  // Every replica takes the latch, not only the primary: it costs the same write as a Sync.
  const absl::StatusOr<Replica::FenceAnswer> fenced = replica_->Fence(0);
  if (!fenced.ok()) return ChainBroken(fenced.status(), ServerId());
  if (fenced->report.length != control->end) {
    return ChainBroken(AbortedError("the seal found {} bytes", fenced->report.length), ServerId());
  }
  control->synced = fenced->report.length;
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
  auto* own = response.add_replicas();
  own->set_server_id(chain_[position_].server.value());
  own->set_end(expected.end);
  own->set_crc(expected.crc);
  own->set_synced(expected.synced);
  response.mutable_replicas()->MergeFrom(below);
  switch (expected.kind) {
    case Expected::Kind::kOpen:
      response.set_opened_at(expected.end);
      break;
    case Expected::Kind::kSync:
      response.set_synced_id(expected.sync_id);
      break;
    case Expected::Kind::kSeal:
      response.mutable_sealed()->set_length(expected.end);
      response.mutable_sealed()->set_crc(expected.crc);
      break;
    case Expected::Kind::kData:
      break;
  }
  SendUp(response);
}

absl::Status AppendStream::CommitAtPrimary(const Expected& expected, const Acks& below) {
  for (int i = 0; i < below.size(); ++i) {
    const absl::Status agreed =
        sequencer_->Acknowledged(static_cast<uint32_t>(i) + 1, below[i].end(), below[i].crc());
    if (!agreed.ok()) return ChainBroken(agreed, ServerId(below[i].server_id()));
  }
  replica_->LearnCommitted(sequencer_->committed());
  AppendResponse response = Progress();
  switch (expected.kind) {
    case Expected::Kind::kSeal:
      return FinishSeal(expected);
    case Expected::Kind::kOpen:
      response.set_opened_at(expected.end);
      break;
    case Expected::Kind::kSync:
      response.set_synced_id(expected.sync_id);
      break;
    case Expected::Kind::kData:
      break;
  }
  SendUp(response);
  return absl::OkStatus();
}

// All replicas hold the same bytes on their disks and the primary takes no more: the chunk may be
// sealed. It is once the master has logged it, and only then the client hears of it.
absl::Status AppendStream::FinishSeal(const Expected& expected) {
  const absl::Time give_up = services_.clock->MonotonicNow() + services_.limits.report_sealed;
  RETURN_IF_ERROR(services_.master->ReportSealed(
      {.chunk = replica_->chunk(),
       .server = chain_[0].server,
       .length = expected.end,
       .crc = expected.crc},
      [&](absl::Duration pause) {
        return services_.clock->MonotonicNow() < give_up && WaitForMaster(pause);
      }));
  services_.metrics->seal_seconds.Observe(
      absl::ToDoubleSeconds(services_.clock->MonotonicNow() - seal_began_));
  AppendResponse response = Progress();
  response.mutable_sealed()->set_length(expected.end);
  response.mutable_sealed()->set_crc(expected.crc);
  SendUp(response);
  return absl::OkStatus();
}

// Nothing else can come on this stream that matters, except the end of the server.
bool AppendStream::WaitForMaster(absl::Duration pause) {
  const absl::Time until = services_.clock->MonotonicNow() + pause;
  while (services_.clock->MonotonicNow() < until) {
    const rpc::BulkEvent event = loop_->Next(until - services_.clock->MonotonicNow());
    if (event.kind == rpc::BulkEvent::Kind::kStopping) return false;
    if (event.kind == rpc::BulkEvent::Kind::kEndOfMessages) upstream_ended_ = true;
    if (event.kind == rpc::BulkEvent::Kind::kFinished && event.stream == next_) next_ = nullptr;
  }
  return true;
}

AppendResponse AppendStream::Progress() const {
  AppendResponse response;
  if (sequencer_) {
    response.set_committed(sequencer_->committed());
    response.set_last_seq(sequencer_->CommittedSeq(producer_));
  }
  return response;
}

void AppendStream::SendUp(const AppendResponse& response) {
  upstream_->Send(rpc::EncodeMessage(response));
}

}  // namespace quern::chunkserver
