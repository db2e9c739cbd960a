// The answers that the replicas below owe an append stream, in the order of the messages that were
// forwarded to them.
//
// Every message is answered once, in order, by all replicas below together. The oldest one is
// waited for with a bound: it begins when the answer before it has come, and is longer while a Sync
// or Seal is among those owed, since that waits for disks.
//
// Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <span>

#include "common/ids.h"
#include "common/status.h"

namespace quern::chunkserver {

class ExpectedAnswers {
 public:
  enum class Kind { kOpen, kData, kSync, kSeal };
  // What this replica has done of a message.
  struct Expected {
    Kind kind = Kind::kData;
    uint64_t end = 0;  // length after it
    uint32_t crc = 0;  // running CRC32C up to there
    uint64_t synced = 0;
    uint64_t sync_id = 0;
    bool own_done = true;  // a Sync or Seal: this replica has carried it out

    bool is_control() const { return kind == Kind::kSync || kind == Kind::kSeal; }
  };
  // What one replica below says.
  struct Ack {
    ServerId server;
    uint64_t end = 0;
    uint32_t crc = 0;
    uint64_t synced = 0;
    bool operator==(const Ack&) const = default;
  };

  struct Options {
    size_t replicas = 1;  // below this one
    absl::Duration ack_timeout = absl::Seconds(10);
    absl::Duration sync_timeout = absl::Seconds(60);
    // Waited longer for each replica below the next one, so that the one next to a trouble speaks
    // first.
    absl::Duration stagger = absl::Seconds(1);
  };
  explicit ExpectedAnswers(const Options& options) : options_(options) {}

  bool empty() const { return owed_.empty(); }
  size_t size() const { return owed_.size(); }
  // Of one that is not empty.
  Expected& oldest() { return owed_.front(); }

  void Add(const Expected& expected, absl::Time now);
  // Is this what the oldest message should be answered with? Internal: it answers something else,
  // or nothing is owed. Aborted: a replica below has another length.
  absl::Status Check(Kind kind, std::span<const Ack> acks) const;
  // The oldest has been answered.
  Expected Take(absl::Time now);

  // Syncs and Seals that this replica has not carried out yet, in their order.
  template <typename Visit>
  absl::Status ForEachUndone(Visit visit) {
    for (Expected& expected : owed_) {
      if (!expected.own_done) RETURN_IF_ERROR(visit(&expected));
    }
    return absl::OkStatus();
  }

  // When the oldest has to be answered; InfiniteFuture when nothing is owed.
  absl::Time deadline() const;

 private:
  const Options options_;
  std::deque<Expected> owed_;
  size_t controls_ = 0;  // Syncs and Seals among them
  absl::Time waiting_since_;
};

}  // namespace quern::chunkserver
