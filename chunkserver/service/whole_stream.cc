#include "chunkserver/service/whole_stream.h"

#include <algorithm>
#include <utility>

#include "common/crc32c.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

using Event = rpc::BulkEvent::Kind;

constexpr int kMaxChunks = 1000;
// Of one stream: chains that begin here go on at a few servers.
constexpr size_t kMaxRestingLinks = 4;

absl::Status CheckShape(const pb::AppendWholeHeader& header, uint64_t payload_bytes) {
  if (header.chunks().empty() || header.chunks_size() > kMaxChunks) {
    return InvalidArgumentError("append: {} whole chunks, 1 to {} can be in a message",
                                header.chunks_size(), kMaxChunks);
  }
  uint64_t left = payload_bytes;
  for (const auto& chunk : header.chunks()) {
    // Not by their sum, which may go round.
    if (chunk.length() > left) {
      return InvalidArgumentError("append: chunk {} has {} bytes, {} are left of the payload of {}",
                                  ChunkId(chunk.chunk_id()), chunk.length(), left, payload_bytes);
    }
    left -= chunk.length();
  }
  if (left == 0) return absl::OkStatus();
  return InvalidArgumentError("append: {} bytes of the payload of {} are of no chunk", left,
                              payload_bytes);
}

// The next `bytes` of the payload, of which there are as many.
class Cutter {
 public:
  explicit Cutter(const rpc::Payload& payload) : slices_(payload.slices()) {}

  std::vector<iovec> Next(uint64_t bytes) {
    std::vector<iovec> parts;
    while (bytes > 0) {
      const grpc::Slice& slice = slices_[slice_];
      const size_t take = std::min<uint64_t>(bytes, slice.size() - offset_);
      if (take > 0) parts.push_back({const_cast<uint8_t*>(slice.begin()) + offset_, take});
      offset_ += take;
      bytes -= take;
      if (offset_ < slice.size()) continue;
      ++slice_;
      offset_ = 0;
    }
    return parts;
  }

 private:
  const std::span<const grpc::Slice> slices_;
  size_t slice_ = 0;
  size_t offset_ = 0;
};

bool ChainMatches(const std::vector<ChainMember>& mine, const pb::AppendWholeHeader& header) {
  return std::equal(mine.begin(), mine.end(), header.chain().begin(), header.chain().end(),
                    [](const ChainMember& member, const pb::ServerAddress& theirs) {
                      return member.server.value() == theirs.server_id();
                    });
}

}  // namespace

WholeStream::Bundle::~Bundle() {
  for (const Replica::Whole& chunk : chunks) chunk.replica->Detach();
}

std::span<const ChainMember> WholeStream::Bundle::below() const {
  return std::span<const ChainMember>(chain).subspan(position + 1);
}

WholeStream::WholeStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* upstream)
    : services_(services), loop_(loop), upstream_(upstream) {
  services_.metrics->append_streams.Increment();
}

WholeStream::~WholeStream() { services_.metrics->append_streams.Decrement(); }

void WholeStream::Run() {
  // Over a slow link the first message takes longer to come than a stream rests.
  absl::Duration patience = services_.limits.read_stall;
  while (!upstream_ended_) {
    rpc::BulkEvent event = loop_->Next(patience);
    if (event.kind != Event::kMessage || event.stream != upstream_) {
      if (OnIdleEvent(std::move(event))) break;
      continue;
    }
    const absl::Status status = OnRequest(event.message);
    if (!status.ok()) return End(status);
    if (!rests_) break;
    patience = services_.limits.append_rest;
  }
  End(absl::OkStatus());
}

bool WholeStream::OnIdleEvent(rpc::BulkEvent event) {
  switch (event.kind) {
    case Event::kTimeout:
    case Event::kStopping:
      return true;
    case Event::kEndOfMessages:
      return event.stream == upstream_;
    case Event::kSent:
    case Event::kWoken:
      return false;
    case Event::kMessage:
    case Event::kFinished:
      // Nothing is sent over a link that rests; one of which something is heard is given up.
      std::erase_if(resting_, [&](const auto& link) { return link->Owns(event); });
      return false;
  }
  return false;
}

absl::Status WholeStream::OnRequest(const grpc::ByteBuffer& buffer) {
  Header header;
  Bundle bundle;
  RETURN_IF_ERROR(rpc::DecodeBulk(buffer, &header, &bundle.payload));
  const absl::Time began = services_.clock->MonotonicNow();
  RETURN_IF_ERROR(Take(header, &bundle));
  const absl::StatusOr<Acks> below = Carry(header, bundle);
  if (!below.ok()) {
    // The primary must not commit anything more: nobody knows what the others have.
    for (const Replica::Whole& chunk : bundle.chunks) {
      if (bundle.position == 0) chunk.replica->Fence(0).IgnoreError();
    }
    return below.status();
  }
  services_.metrics->seal_seconds.Observe(
      absl::ToDoubleSeconds(services_.clock->MonotonicNow() - began));
  Answer(bundle, *below);
  if (link_) RestLink();
  return absl::OkStatus();
}

// --- Checks.

absl::Status WholeStream::Take(const Header& header, Bundle* bundle) {
  RETURN_IF_ERROR(CheckShape(header, bundle->payload.size()));
  ASSIGN_OR_RETURN(bundle->memory,
                   services_.memory->Open(kAppendFloorBytes,
                                          kAppendFloorBytes + services_.limits.max_unsent_bytes));
  const auto count = static_cast<size_t>(header.chunks_size());
  // Pointed into.
  bundle->parts.reserve(count);
  bundle->sums.reserve(count);
  bundle->chunks.reserve(count);
  Cutter cutter(bundle->payload);
  for (const Header::Chunk& chunk : header.chunks()) {
    RETURN_IF_ERROR(TakeChunk(chunk, header, cutter.Next(chunk.length()), bundle));
  }
  return absl::OkStatus();
}

absl::Status WholeStream::TakeChunk(const Header::Chunk& chunk, const Header& header,
                                    std::vector<iovec> parts, Bundle* bundle) {
  const ChunkId id(chunk.chunk_id());
  ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, services_.store->Find(id));
  ReplicaSpec spec = replica->spec();
  if (!ChainMatches(spec.chain, header) || header.position() != spec.position) {
    return InvalidArgumentError("chunk {}: the chain is not the one it was made with", id);
  }
  if (header.forwarded() != (spec.position > 0)) {
    return InvalidArgumentError("chunk {}: clients append at the primary, which is {}", id,
                                spec.chain.front().server);
  }
  if (chunk.length() == 0) return InvalidArgumentError("chunk {}: an append without bytes", id);
  if (chunk.producer() == 0 || chunk.seq() == 0) {
    return InvalidArgumentError("chunk {}: an append without a producer or a number", id);
  }
  const uint64_t there = replica->facts().report.length;
  if (there != 0) return AbortedError("chunk {}: has {} bytes, and is to come whole", id, there);
  if (chunk.length() > spec.capacity_bytes) {
    return OutOfRangeError("chunk {}: {} bytes do not fit: it takes {}", id, chunk.length(),
                           spec.capacity_bytes);
  }
  const PayloadSums& sums = bundle->sums.emplace_back(SumPayload(0, parts));
  if (sums.crc != chunk.crc()) {
    return DataLossError("chunk {}: its bytes have CRC32C {:08x}, their header says {:08x}", id,
                         sums.crc, chunk.crc());
  }
  RETURN_IF_ERROR(replica->Attach());
  bundle->crc = ConcatCrc32c(bundle->crc, sums.crc, sums.bytes);
  bundle->chain = std::move(spec.chain);
  bundle->position = spec.position;
  bundle->chunks.push_back({.replica = std::move(replica),
                            .piece = {.offset = 0,
                                      .producer = chunk.producer(),
                                      .seq = chunk.seq(),
                                      .committed = 0,
                                      .payload = bundle->parts.emplace_back(std::move(parts)),
                                      .sums = &sums}});
  return absl::OkStatus();
}

// --- The way down.

absl::StatusOr<WholeStream::Acks> WholeStream::Carry(const Header& header, const Bundle& bundle) {
  if (!bundle.below().empty()) RETURN_IF_ERROR(Forward(header, bundle));
  const absl::Status written = Replica::AppendWhole(bundle.chunks);
  if (!written.ok()) return Broken(written, ServerId());
  services_.metrics->appends.Increment(static_cast<double>(bundle.chunks.size()));
  services_.metrics->append_bytes.Increment(static_cast<double>(bundle.payload.size()));
  if (!link_) return Acks();
  RETURN_IF_ERROR(Await([this] { return answer_.has_value(); }));
  ServerId failed;
  absl::StatusOr<Acks> below = link_->Read(*std::exchange(answer_, std::nullopt), &failed);
  if (!below.ok()) return Broken(below.status(), failed);
  link_->TakeOldest();
  for (const ExpectedAnswers::Ack& ack : *below) {
    if (ack.crc != bundle.crc) return Broken(DataLossError("has other bytes"), ack.server);
  }
  return below;
}

// It has left this machine when this returns, so that the disks of the whole chain work at the same
// time.
absl::Status WholeStream::Forward(const Header& header, const Bundle& bundle) {
  link_ = LinkTo(bundle.below());
  Header forwarded = header;
  forwarded.set_position(bundle.position + 1);
  forwarded.set_forwarded(true);
  link_->Send(forwarded, bundle.payload.slices());
  const uint64_t bytes = bundle.payload.size();
  link_->Expect({.kind = ExpectedAnswers::Kind::kSeal, .end = bytes, .crc = bundle.crc});
  return Await([this] { return link_->all_sent(); });
}

std::unique_ptr<DownstreamLink> WholeStream::LinkTo(std::span<const ChainMember> below) {
  const auto rested =
      std::ranges::find_if(resting_, [&](const auto& link) { return link->MayServe(below); });
  if (rested == resting_.end()) {
    return std::make_unique<DownstreamLink>(services_, loop_, below,
                                            DownstreamLink::Use::kWholeChunks);
  }
  std::unique_ptr<DownstreamLink> link = std::move(*rested);
  resting_.erase(rested);
  return link;
}

absl::Status WholeStream::Await(const std::function<bool()>& done) {
  while (!done()) {
    rpc::BulkEvent event = loop_->Next(link_->patience());
    const bool from_next = link_->Owns(event);
    switch (event.kind) {
      case Event::kMessage:
        if (from_next) {
          answer_ = std::move(event.message);
        } else if (event.stream == upstream_) {
          return Broken(InvalidArgumentError("append: a message before the answer to the last one"),
                        ServerId());
        }
        break;
      case Event::kFinished:
        if (!from_next) {
          OnIdleEvent(std::move(event));
          break;
        }
        link_->OnEnded();
        return Broken(event.status.ok() ? UnavailableError("ended its stream") : event.status,
                      link_->server());
      case Event::kEndOfMessages:
        // What is under way below is still completed.
        if (event.stream == upstream_) upstream_ended_ = true;
        break;
      case Event::kStopping:
        return Broken(UnavailableError("the chunkserver is stopping"), ServerId());
      case Event::kTimeout:
      case Event::kSent:
      case Event::kWoken:
        break;
    }
    if (!done() && link_->late()) {
      return Broken(UnavailableError("does not answer"), link_->server());
    }
  }
  return absl::OkStatus();
}

// --- The way up.

void WholeStream::Answer(const Bundle& bundle, const Acks& below) {
  pb::AppendResponse response;
  const uint64_t bytes = bundle.payload.size();
  if (bundle.position == 0) {
    for (const Replica::Whole& chunk : bundle.chunks) {
      chunk.replica->LearnCommitted(chunk.piece.sums->bytes);
    }
  } else {
    AddAcks({bundle.chain[bundle.position].server, bytes, bundle.crc, bytes}, below, &response);
  }
  response.mutable_sealed()->set_length(bytes);
  response.mutable_sealed()->set_crc(bundle.crc);
  rests_ = MayRest();
  response.set_rests(rests_);
  upstream_->Send(rpc::EncodeMessage(response));
}

bool WholeStream::MayRest() const {
  if (link_ && !link_->other_rests()) return false;
  return services_.metrics->append_streams.Value() <= services_.limits.max_streams_to_rest;
}

void WholeStream::RestLink() {
  std::unique_ptr<DownstreamLink> link = std::move(link_);
  if (!link->other_rests()) return link->Finish();
  link->Rest();
  resting_.push_back(std::move(link));
  if (resting_.size() > kMaxRestingLinks) resting_.erase(resting_.begin());
}

absl::Status WholeStream::Broken(const absl::Status& status, ServerId failed) {
  services_.metrics->chain_failures.Increment();
  failed_server_ = failed;
  if (link_ && failed == link_->server()) link_->Blame();
  return failed ? Annotate(status, fmt::format("replica on {}", failed)) : status;
}

void WholeStream::End(const absl::Status& status) {
  link_.reset();
  for (const auto& link : resting_) link->Finish();
  resting_.clear();
  if (!status.ok()) {
    LogWarning("append_whole_failed", {{"failed", failed_server_}, {"status", status}});
    pb::AppendResponse response;
    response.set_error(std::string(Message(status)));
    response.set_failed_server(failed_server_.value());
    upstream_->Send(rpc::EncodeMessage(response));
  }
  upstream_->Finish(status);
}

}  // namespace quern::chunkserver
