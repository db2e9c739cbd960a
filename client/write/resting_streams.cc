#include "client/write/resting_streams.h"

#include <algorithm>
#include <utility>

namespace quern::client {
namespace {

// Shorter than a chunkserver keeps a stream that rests (Limits::append_rest).
constexpr absl::Duration kLongestRest = absl::Seconds(1);
constexpr size_t kMaxResting = 64;
constexpr char kAppendWholeMethod[] = "/quern.dfs.v1.ChunkData/AppendWhole";

// What has come while it rested: nothing but its end is of interest.
bool HasEnded(RestingStreams::Stream* stream) {
  while (true) {
    rpc::BulkEvent event = stream->loop.Next(absl::ZeroDuration());
    if (event.kind == rpc::BulkEvent::Kind::kTimeout) return false;
    if (event.kind != rpc::BulkEvent::Kind::kSent) return true;
  }
}

}  // namespace

RestingStreams::Stream::Stream(const ServerAddress& server, std::shared_ptr<grpc::Channel> channel)
    : primary(server),
      bulk(loop.Open(std::move(channel), kAppendWholeMethod, absl::InfiniteDuration())) {}

std::unique_ptr<RestingStreams::Stream> RestingStreams::TakeFresh(const ServerAddress& primary,
                                                                  Streams* expired) {
  const absl::Time oldest = clock_->MonotonicNow() - kLongestRest;
  MutexLock lock(&mutex_);
  const auto fresh = std::ranges::find_if(
      streams_, [&](const auto& stream) { return stream->rests_since >= oldest; });
  expired->assign(std::move_iterator(streams_.begin()), std::move_iterator(fresh));
  streams_.erase(streams_.begin(), fresh);
  const auto found = std::find_if(streams_.rbegin(), streams_.rend(), [&](const auto& stream) {
    return stream->primary.id == primary.id && stream->primary.address == primary.address;
  });
  if (found == streams_.rend()) return nullptr;
  std::unique_ptr<Stream> taken = std::move(*found);
  streams_.erase(std::next(found).base());
  return taken;
}

std::unique_ptr<RestingStreams::Stream> RestingStreams::Take(const ServerAddress& primary) {
  Streams expired;  // ended without the lock
  while (std::unique_ptr<Stream> stream = TakeFresh(primary, &expired)) {
    if (!HasEnded(stream.get())) return stream;
  }
  return nullptr;
}

void RestingStreams::GiveBack(std::unique_ptr<Stream> stream) {
  stream->rests_since = clock_->MonotonicNow();
  std::unique_ptr<Stream> too_many;
  MutexLock lock(&mutex_);
  streams_.push_back(std::move(stream));
  if (streams_.size() <= kMaxResting) return;
  too_many = std::move(streams_.front());
  streams_.erase(streams_.begin());
}

void RestingStreams::Forget(ServerId server) {
  Streams forgotten;
  MutexLock lock(&mutex_);
  const auto others =
      std::stable_partition(streams_.begin(), streams_.end(),
                            [&](const auto& stream) { return stream->primary.id != server; });
  forgotten.assign(std::move_iterator(others), std::move_iterator(streams_.end()));
  streams_.erase(others, streams_.end());
}

}  // namespace quern::client
