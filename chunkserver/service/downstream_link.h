// The stream of an append from this replica to the next one of its chain: connection, messages that
// have not left yet, answers that are owed and the time by which they must be here.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chunkserver/logic/expected_answers.h"
#include "chunkserver/service/services.h"
#include "common/rpc/bulk.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// What this replica and those below it tell the one above.
void AddAcks(const ExpectedAnswers::Ack& own, std::span<const ExpectedAnswers::Ack> below,
             pb::AppendResponse* response);

// Lives within one append stream, on its thread and its loop.
class DownstreamLink {
 public:
  using Expected = ExpectedAnswers::Expected;
  using Ack = ExpectedAnswers::Ack;

  enum class Use {
    kOneChunk,     // kAppendMethod, over a connection of its own
    kWholeChunks,  // kAppendWholeMethod, over the one that all streams of small chunks share
  };
  // Connects to the first of `below`, which are the rest of the chain.
  DownstreamLink(const Services& services, rpc::BulkLoop* loop, std::span<const ChainMember> below,
                 Use use);
  // Gives the stream up, unless it was finished.
  ~DownstreamLink();
  DownstreamLink(const DownstreamLink&) = delete;
  DownstreamLink& operator=(const DownstreamLink&) = delete;

  // The next replica's.
  ServerId server() const { return next_.server; }
  // Does the event come from there?
  bool Owns(const rpc::BulkEvent& event) const {
    return stream_ != nullptr && event.stream == stream_;
  }
  void Send(const google::protobuf::MessageLite& header, std::span<const grpc::Slice> payload);
  // Bytes that the next replica, or the way to it, has not taken.
  size_t unsent_bytes() const { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }
  bool all_sent() const { return stream_ != nullptr && stream_->unsent_messages() == 0; }

  void Expect(const Expected& expected);
  ExpectedAnswers& expected() { return expected_; }
  // What an answer says, once it has been found to be that to the oldest message. An answer that
  // tells of a trouble is Unavailable, and `failed` the server where the trouble is.
  absl::StatusOr<std::vector<Ack>> Read(const grpc::ByteBuffer& buffer, ServerId* failed);
  Expected TakeOldest();

  // Time left for the oldest answer.
  absl::Duration patience() const;
  bool late() const { return patience() <= absl::ZeroDuration(); }

  // The stream has ended: nothing more goes there.
  void OnEnded() { stream_ = nullptr; }

  // Whole chunks have been answered. Does the other side wait for others?
  bool other_rests() const { return other_rests_ && stream_ != nullptr; }
  void Rest() { rests_since_ = services_.clock->MonotonicNow(); }
  // It may be used for chunks with this rest of the chain: the other side expects it, and has not
  // been left waiting for so long that it may be about to give up.
  bool MayServe(std::span<const ChainMember> below) const;
  // The trouble is there: who comes next connects anew.
  void Blame() {
    if (shared_) services_.channels->Forget(next_.address);
  }
  // All is said; the connection may be used again.
  void Finish();

 private:
  const Services& services_;
  rpc::BulkLoop* const loop_;
  const ChainMember next_;
  const size_t below_;
  const bool shared_;
  std::shared_ptr<grpc::Channel> channel_;
  rpc::BulkStream* stream_ = nullptr;
  ExpectedAnswers expected_;
  bool other_rests_ = false;
  absl::Time rests_since_;
};

}  // namespace quern::chunkserver
