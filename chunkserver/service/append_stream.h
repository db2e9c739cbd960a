// Serves one append stream: a client's at the primary, the previous replica's further down the
// chain.
//
//   client --data--> primary --data--> replica --data--> last
//          <--acks--         <--acks--         <--acks--
//
// One thread holds the stream from above and the one to the next replica (DownstreamLink). A
// message goes: check CRC, forward the same slices, write them, remember what answer is expected
// from below. An answer from below, put together with this replica's own part, goes up; at the
// primary it moves the committed offset. So every replica answers each message once, in order, and
// only after all below it have.
//
// Chunks that come whole have a stream of their own (whole_stream.h).
//
// Whatever breaks the chain ends the stream with an error that names the server, and fences this
// replica when it is the primary: the client has the chunk resolved and goes on in the next one.
// (docs/design/append-and-seal.md)
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "chunkserver/logic/append_sequencer.h"
#include "chunkserver/service/downstream_link.h"
#include "chunkserver/service/services.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Lives for one stream, on its thread.
class AppendStream {
 public:
  AppendStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* upstream);
  ~AppendStream();
  // Until the stream has ended.
  void Run();

 private:
  using Expected = ExpectedAnswers::Expected;
  using Kind = ExpectedAnswers::Kind;
  using Acks = std::vector<ExpectedAnswers::Ack>;

  // --- Events (append_stream.cc)
  absl::Duration Patience() const;
  absl::Status OnEvent(rpc::BulkEvent event);
  absl::Status OnTimeout();
  absl::Status OnRequest(const grpc::ByteBuffer& buffer);
  absl::Status OnOpen(const pb::AppendHeader::Open& open);
  absl::Status CheckOpen(const pb::AppendHeader::Open& open, const ReplicaSpec& spec) const;
  absl::Status OnData(const pb::AppendHeader::Data& data, const rpc::Payload& payload);
  // The place of the payload; nullopt for a repeated message, which has been answered.
  absl::StatusOr<std::optional<uint64_t>> Place(const pb::AppendHeader::Data& data, uint64_t bytes);
  void ForwardData(const pb::AppendHeader::Data& data, uint64_t offset,
                   const rpc::Payload& payload);
  absl::Status OnControl(Expected control, const pb::AppendHeader& header);
  void ConnectNext(const pb::AppendHeader::Open& open);
  // Its parts as memory, in parts_.
  std::span<const iovec> PartsOf(const rpc::Payload& payload);
  void PauseOrResume();
  // Ends the stream: `status` is told to the one above.
  void End(const absl::Status& status);

  // --- Answers (append_answers.cc)
  absl::Status OnAnswer(const grpc::ByteBuffer& buffer);
  // Carries out the Syncs and Seals whose forwarding has left this machine, so that the disks of
  // the whole chain work at the same time.
  absl::Status RunControls();
  absl::Status RunControl(Expected* control);
  // Takes a message whose every answer is in, or waits for the next replica.
  absl::Status Expect(Expected expected);
  absl::Status Complete(const Expected& expected, const Acks& below);
  void RelayUp(const Expected& expected, const Acks& below);
  absl::Status CommitAtPrimary(const Expected& expected, const Acks& below);
  absl::Status FinishSeal(const Expected& expected);
  absl::Status ReportSeal(const Expected& expected);
  bool WaitForMaster(absl::Duration pause);
  pb::AppendResponse Progress() const;
  void SendUp(const pb::AppendResponse& response);

  // The error for a trouble below (or here, with server 0) after which the chunk cannot go on.
  absl::Status ChainBroken(const absl::Status& status, ServerId failed);
  bool is_primary() const { return role_.position == 0; }

  const Services& services_;
  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const upstream_;
  bool upstream_ended_ = false;
  bool ended_ = false;

  // Set by Open.
  struct Role {
    std::vector<ChainMember> chain;
    uint32_t position = 0;
    uint64_t capacity_bytes = 0;
    uint64_t producer = 0;
    uint64_t base_seq = 0;
  };
  Role role_;
  std::shared_ptr<Replica> replica_;
  std::unique_ptr<StreamMemory::Share> memory_;
  std::optional<AppendSequencer> sequencer_;  // at the primary
  std::unique_ptr<DownstreamLink> link_;      // none at the last replica of the chain

  uint64_t length_ = 0;  // of this replica
  uint32_t crc_ = 0;
  std::optional<absl::Time> seal_began_;  // once a Seal has come

  ServerId failed_server_;   // told to the one above
  bool fence_self_ = false;  // when the stream ends in an error

  // Used again for each message.
  pb::AppendHeader header_;
  pb::AppendHeader forward_;
  std::vector<iovec> parts_;
};

}  // namespace quern::chunkserver
