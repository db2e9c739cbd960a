// Serves one stream of chunks that come whole: a client's at the primary, the previous replica's
// further down the chain (AppendWhole).
//
//   client --chunks--> primary --chunks--> replica --chunks--> last
//          <--seal---          <--seal---          <--seal---
//
// One message at a time: check the chunks, forward the same slices, write them here while the
// replicas below do, wait for the answer from below, answer. Many small chunks in one message share
// everything that costs time: the way, the sync of each disk, the answer. Between two messages the
// stream rests, and so do those that it has opened to the replicas below.
//
// A message succeeds as a whole or ends the stream with an error that names the server, and the
// primary fences its replicas: the clients have the chunks resolved.
// (docs/design/append-and-seal.md)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "chunkserver/logic/checksums.h"
#include "chunkserver/service/downstream_link.h"
#include "chunkserver/service/services.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Lives for one stream, on its thread.
class WholeStream {
 public:
  WholeStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* upstream);
  ~WholeStream();
  // Until the stream has ended.
  void Run();

 private:
  // The chunks of one message. Its replicas are attached for as long as it lives.
  struct Bundle {
    ~Bundle();
    std::span<const ChainMember> below() const;

    std::vector<ChainMember> chain;
    uint32_t position = 0;
    rpc::Payload payload;
    uint32_t crc = 0;  // of the payload
    std::unique_ptr<StreamMemory::Share> memory;
    // Of each chunk; `chunks` points into the other two.
    std::vector<std::vector<iovec>> parts;
    std::vector<PayloadSums> sums;
    std::vector<Replica::Whole> chunks;
  };
  using Header = pb::AppendWholeHeader;
  using Acks = std::vector<ExpectedAnswers::Ack>;

  // What happens while nothing is under way. True: the stream is over.
  bool OnIdleEvent(rpc::BulkEvent event);
  absl::Status OnRequest(const grpc::ByteBuffer& buffer);
  // Finds, checks and attaches the replicas. Nothing is written or sent.
  absl::Status Take(const Header& header, Bundle* bundle);
  absl::Status TakeChunk(const Header::Chunk& chunk, const Header& header, std::vector<iovec> parts,
                         Bundle* bundle);
  // Writes them everywhere; what the replicas below have answered.
  absl::StatusOr<Acks> Carry(const Header& header, const Bundle& bundle);
  absl::Status Forward(const Header& header, const Bundle& bundle);
  std::unique_ptr<DownstreamLink> LinkTo(std::span<const ChainMember> below);
  // Takes events until `done`. Unavailable: the next replica has failed or is late.
  absl::Status Await(const std::function<bool()>& done);
  void Answer(const Bundle& bundle, const Acks& below);
  // Will the stream wait for another message? Streams that rest must not take the place of others,
  // and the whole chain rests or nobody.
  bool MayRest() const;
  void RestLink();
  absl::Status Broken(const absl::Status& status, ServerId failed);
  void End(const absl::Status& status);

  const Services& services_;
  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const upstream_;
  bool upstream_ended_ = false;
  bool rests_ = true;                     // as the one above was told
  std::unique_ptr<DownstreamLink> link_;  // while a message is under way
  std::optional<grpc::ByteBuffer> answer_;
  ServerId failed_server_;  // told to the one above
  // To those that come next in chains, the one used last at the end.
  std::vector<std::unique_ptr<DownstreamLink>> resting_;
};

}  // namespace quern::chunkserver
