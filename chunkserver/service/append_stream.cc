#include "chunkserver/service/append_stream.h"

#include <algorithm>

#include "common/log.h"

namespace quern::chunkserver {

using pb::AppendHeader;

AppendStream::AppendStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* upstream)
    : services_(services), loop_(loop), upstream_(upstream) {
  services_.metrics->append_streams.Increment();
}

AppendStream::~AppendStream() {
  if (replica_ != nullptr) replica_->Detach();
  services_.metrics->append_streams.Decrement();
}

void AppendStream::Run() {
  while (!ended_) {
    absl::Status status = OnEvent(loop_->Next(Patience()));
    if (status.ok()) status = RunControls();
    if (!status.ok()) End(status);
    // A client that has gone, or has said all: what is under way below is still completed.
    const bool owed = link_ && !link_->expected().empty();
    if (upstream_ended_ && !owed && !ended_) End(absl::OkStatus());
  }
}

absl::Duration AppendStream::Patience() const {
  return link_ ? link_->patience() : absl::InfiniteDuration();
}

absl::Status AppendStream::OnEvent(rpc::BulkEvent event) {
  using Event = rpc::BulkEvent::Kind;
  const bool from_next = link_ && link_->Owns(event);
  switch (event.kind) {
    case Event::kMessage:
      return from_next ? OnAnswer(event.message) : OnRequest(event.message);
    case Event::kSent:
      PauseOrResume();
      return absl::OkStatus();
    case Event::kEndOfMessages:
      upstream_ended_ = true;
      return absl::OkStatus();
    case Event::kFinished:
      if (!from_next) return absl::OkStatus();
      link_->OnEnded();
      return ChainBroken(event.status.ok() ? UnavailableError("ended its stream") : event.status,
                         link_->server());
    case Event::kTimeout:
      return OnTimeout();
    case Event::kStopping:
      return UnavailableError("the chunkserver is stopping");
    case Event::kWoken:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status AppendStream::OnTimeout() {
  if (!link_ || !link_->late()) return absl::OkStatus();
  return ChainBroken(UnavailableError("does not answer"), link_->server());
}

absl::Status AppendStream::OnRequest(const grpc::ByteBuffer& buffer) {
  rpc::Payload payload;
  RETURN_IF_ERROR(rpc::DecodeBulk(buffer, &header_, &payload));
  if (header_.has_open()) return OnOpen(header_.open());
  if (replica_ == nullptr) return InvalidArgumentError("append: the first message must be Open");
  if (seal_began_) return FailedPreconditionError("append: the stream has asked for the seal");
  if (!is_primary()) replica_->LearnCommitted(header_.committed());
  switch (header_.kind_case()) {
    case AppendHeader::kData:
      return OnData(header_.data(), payload);
    case AppendHeader::kSync:
      return OnControl({.kind = Kind::kSync, .sync_id = header_.sync().sync_id()}, header_);
    case AppendHeader::kSeal:
      seal_began_ = services_.clock->MonotonicNow();
      return OnControl({.kind = Kind::kSeal}, header_);
    case AppendHeader::kOpen:
    case AppendHeader::KIND_NOT_SET:
      break;
  }
  return InvalidArgumentError("append: a message that says nothing");
}

// --- Open.

absl::Status AppendStream::CheckOpen(const AppendHeader::Open& open,
                                     const ReplicaSpec& spec) const {
  const bool chain_matches =
      std::equal(spec.chain.begin(), spec.chain.end(), open.chain().begin(), open.chain().end(),
                 [](const ChainMember& mine, const pb::ServerAddress& theirs) {
                   return mine.server.value() == theirs.server_id();
                 });
  if (!chain_matches || open.position() != spec.position) {
    return InvalidArgumentError("chunk {}: the chain in Open is not the one it was made with",
                                spec.chunk);
  }
  if (open.forwarded() != (spec.position > 0)) {
    return InvalidArgumentError("chunk {}: clients append at the primary, which is {}", spec.chunk,
                                spec.chain.front().server);
  }
  if (open.producer() == 0 || open.base_seq() == 0) {
    return InvalidArgumentError("chunk {}: Open without a producer or a first number", spec.chunk);
  }
  return absl::OkStatus();
}

absl::Status AppendStream::OnOpen(const AppendHeader::Open& open) {
  if (replica_ != nullptr) return InvalidArgumentError("append: a second Open");
  ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica,
                   services_.store->Find(ChunkId(open.chunk_id())));
  const ReplicaSpec spec = replica->spec();
  RETURN_IF_ERROR(CheckOpen(open, spec));
  ASSIGN_OR_RETURN(memory_,
                   services_.memory->Open(kAppendFloorBytes,
                                          kAppendFloorBytes + services_.limits.max_unsent_bytes));
  RETURN_IF_ERROR(replica->Attach());
  replica_ = std::move(replica);
  role_ = {.chain = spec.chain,
           .position = spec.position,
           .capacity_bytes = spec.capacity_bytes,
           .producer = open.producer(),
           .base_seq = open.base_seq()};
  const Replica::Facts facts = replica_->facts();
  length_ = facts.report.length;
  crc_ = facts.report.crc;
  if (is_primary()) {
    sequencer_.emplace(AppendSequencer::Start{.replicas = static_cast<uint32_t>(spec.chain.size()),
                                              .length = length_,
                                              .crc = crc_,
                                              .committed = facts.committed,
                                              .producers = facts.producers});
  }
  if (spec.position + 1 < spec.chain.size()) ConnectNext(open);
  return Expect({.kind = Kind::kOpen, .end = length_, .crc = crc_});
}

std::span<const iovec> AppendStream::PartsOf(const rpc::Payload& payload) {
  parts_.clear();
  for (const grpc::Slice& slice : payload.slices()) {
    parts_.push_back({const_cast<uint8_t*>(slice.begin()), slice.size()});
  }
  return parts_;
}

void AppendStream::ConnectNext(const AppendHeader::Open& open) {
  link_ = std::make_unique<DownstreamLink>(
      services_, loop_, std::span<const ChainMember>(role_.chain).subspan(role_.position + 1),
      DownstreamLink::Use::kOneChunk);
  AppendHeader header;
  *header.mutable_open() = open;
  header.mutable_open()->set_position(role_.position + 1);
  header.mutable_open()->set_forwarded(true);
  link_->Send(header, {});
}

// --- Data.

absl::Status AppendStream::OnData(const AppendHeader::Data& data, const rpc::Payload& payload) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> offset, Place(data, payload.size()));
  if (!offset) return absl::OkStatus();
  const PayloadSums sums = SumPayload(*offset, PartsOf(payload));
  if (sums.crc != data.crc()) {
    return DataLossError("chunk {}: payload at {} has CRC32C {:08x}, its header says {:08x}",
                         replica_->chunk(), *offset, sums.crc, data.crc());
  }
  ForwardData(data, *offset, payload);
  const absl::StatusOr<AppendRecord> appended =
      replica_->Append({.offset = *offset,
                        .producer = is_primary() ? role_.producer : data.producer(),
                        .seq = data.seq(),
                        .committed = is_primary() ? sequencer_->committed() : header_.committed(),
                        .payload = parts_,
                        .sums = &sums});
  if (!appended.ok()) return ChainBroken(appended.status(), ServerId());
  length_ = appended->end;
  crc_ = appended->running_crc;
  services_.metrics->appends.Increment();
  services_.metrics->append_bytes.Increment(static_cast<double>(payload.size()));
  if (is_primary()) sequencer_->Appended(*appended);
  return Expect({.kind = Kind::kData, .end = length_, .crc = crc_});
}

absl::StatusOr<std::optional<uint64_t>> AppendStream::Place(const AppendHeader::Data& data,
                                                            uint64_t bytes) {
  const ChunkId chunk = replica_->chunk();
  if (bytes == 0) return InvalidArgumentError("chunk {}: an append without bytes", chunk);
  if (!is_primary()) return data.offset();
  switch (sequencer_->Judge(role_.producer, data.seq(), role_.base_seq)) {
    case AppendSequencer::Verdict::kDuplicate:
      if (sequencer_->CommittedSeq(role_.producer) >= data.seq()) SendUp(Progress());
      return std::nullopt;  // else its first copy is under way and will be answered
    case AppendSequencer::Verdict::kGap:
      return InvalidArgumentError("chunk {}: message {} came, but not the one before it", chunk,
                                  data.seq());
    case AppendSequencer::Verdict::kAppend:
      break;
  }
  if (length_ + bytes > role_.capacity_bytes) {
    return OutOfRangeError("chunk {}: {} more bytes do not fit: it has {} of {}", chunk, bytes,
                           length_, role_.capacity_bytes);
  }
  return length_;
}

void AppendStream::ForwardData(const AppendHeader::Data& data, uint64_t offset,
                               const rpc::Payload& payload) {
  if (!link_) return;
  AppendHeader::Data* forwarded = forward_.mutable_data();
  *forwarded = data;
  forwarded->set_offset(offset);
  if (is_primary()) forwarded->set_producer(role_.producer);
  forward_.set_committed(is_primary() ? sequencer_->committed() : header_.committed());
  link_->Send(forward_, payload.slices());
  PauseOrResume();
}

absl::Status AppendStream::OnControl(Expected control, const AppendHeader& header) {
  control.end = length_;
  control.crc = crc_;
  control.own_done = false;
  if (!link_) {
    RETURN_IF_ERROR(RunControl(&control));
  } else {
    forward_ = header;
    if (is_primary()) forward_.set_committed(sequencer_->committed());
    link_->Send(forward_, {});
  }
  return Expect(control);
}

// --- Flow.

// What the next replica does not take, this one does not read: the sender is slowed to the slowest,
// and to what the memory of this server allows.
void AppendStream::PauseOrResume() {
  if (!link_) return;
  const uint64_t unsent = link_->unsent_bytes();
  memory_->Hold(rpc::kReceiveWindowBytes + unsent);
  if (!memory_->MayTake(kPieceBytes)) {
    upstream_->PauseReading();
  } else if (unsent <= services_.limits.max_unsent_bytes / 2) {
    upstream_->ResumeReading();
  }
}

absl::Status AppendStream::ChainBroken(const absl::Status& status, ServerId failed) {
  services_.metrics->chain_failures.Increment();
  fence_self_ = is_primary();
  if (!failed_server_) failed_server_ = failed;
  if (link_ && failed == link_->server()) link_->Blame();
  return failed ? Annotate(status, fmt::format("replica on {}", failed)) : status;
}

void AppendStream::End(const absl::Status& status) {
  ended_ = true;
  if (link_ && status.ok()) link_->Finish();
  link_.reset();
  if (!status.ok()) {
    LogWarning("append_stream_failed",
               {{"chunk", replica_ == nullptr ? ChunkId() : replica_->chunk()},
                {"position", role_.position},
                {"failed", failed_server_},
                {"status", status}});
    pb::AppendResponse response = Progress();
    response.set_error(std::string(Message(status)));
    response.set_failed_server(failed_server_.value());
    SendUp(response);
    // The primary must not commit anything more: nobody knows what the others have.
    if (fence_self_) replica_->Fence(0).IgnoreError();
  }
  upstream_->Finish(status);
}

}  // namespace quern::chunkserver
