#include "chunkserver/logic/expected_answers.h"

namespace quern::chunkserver {

void ExpectedAnswers::Add(const Expected& expected, absl::Time now) {
  if (owed_.empty()) waiting_since_ = now;
  if (expected.is_control()) ++controls_;
  owed_.push_back(expected);
}

ExpectedAnswers::Expected ExpectedAnswers::Take(absl::Time now) {
  const Expected oldest = owed_.front();
  owed_.pop_front();
  if (oldest.is_control()) --controls_;
  waiting_since_ = now;
  return oldest;
}

absl::Status ExpectedAnswers::Check(Kind kind, std::span<const Ack> acks) const {
  if (owed_.empty()) return InternalError("answers too much");
  const Expected& expected = owed_.front();
  if (kind != expected.kind || acks.size() != options_.replicas) {
    return InternalError("answers another message than the next one");
  }
  for (const Ack& ack : acks) {
    if (ack.end != expected.end) {
      return AbortedError("{} has {} bytes where {} are expected", ack.server, ack.end,
                          expected.end);
    }
    if (expected.is_control() && ack.synced < expected.end) {
      return InternalError("{} answers a Sync without having synced", ack.server);
    }
  }
  return absl::OkStatus();
}

absl::Time ExpectedAnswers::deadline() const {
  if (owed_.empty()) return absl::InfiniteFuture();
  return waiting_since_ + (controls_ > 0 ? options_.sync_timeout : options_.ack_timeout) +
         options_.stagger * static_cast<int64_t>(options_.replicas - 1);
}

}  // namespace quern::chunkserver
