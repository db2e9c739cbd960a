// Checks a whole replica against its checksums: the only judge of its bytes. What others say of a
// replica is a reason to ask, never an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "chunkserver/store/replica.h"
#include "common/status.h"

namespace quern::chunkserver {

struct Verification {
  enum class Outcome {
    kGood,        // every byte was read and matches; a replica that was CORRUPT is good again
    kCondemned,   // bytes were read and do not match, or are missing: the replica is CORRUPT
    kUnreadable,  // nobody knows: the disk or this server is in trouble, or the check was ended
  };
  Outcome outcome = Outcome::kUnreadable;
  absl::Status why;      // OK when good
  ReplicaReport report;  // what the replica is afterwards
  uint64_t bytes_read = 0;
};

// So often is a piece that the disk refuses to give (EIO) asked for before its replica, if it is
// sealed, is condemned. It is not what was read that does it then, so the way back matters: the
// replica is checked again as long as it is there (Scrubber), and the master removes it only when
// another one is good.
inline constexpr int kReadTries = 3;

struct VerifyOptions {
  // Called before up to so many bytes are read: may wait, to go easy on the disk; an error ends the
  // check, which is kUnreadable then.
  std::function<absl::Status(uint64_t bytes)> before_read = nullptr;
  // The same, before a piece that the disk refused is asked for again.
  std::function<absl::Status()> before_retry = nullptr;
};

// Reads from the disk and not from the memory of the system, as far as that is possible. The
// replica may be appended to, sealed or removed meanwhile.
Verification VerifyReplica(const std::shared_ptr<Replica>& replica, const VerifyOptions& options);

}  // namespace quern::chunkserver
