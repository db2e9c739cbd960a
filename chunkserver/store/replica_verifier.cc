#include "chunkserver/store/replica_verifier.h"

#include <algorithm>
#include <string>

#include "chunkserver/store/replica_reader.h"
#include "common/crc32c.h"

namespace quern::chunkserver {
namespace {

// Reads and checks every block. Returns the CRC32C of all of it. `expected`: how much there was.
absl::StatusOr<uint32_t> CheckBlocks(const std::shared_ptr<Replica>& replica, uint64_t expected,
                                     const VerifyOptions& options, uint64_t* bytes_read) {
  ASSIGN_OR_RETURN(const auto reader, ReplicaReader::OpenToVerify(replica));
  std::string buffer(kReadPieceBytes, '\0');
  uint32_t crc = 0;
  while (true) {
    if (options.before_read != nullptr && *bytes_read < expected) {
      RETURN_IF_ERROR(options.before_read(std::min(kReadPieceBytes, expected - *bytes_read)));
    }
    ASSIGN_OR_RETURN(const ReplicaReader::Piece piece,
                     reader->Read(*bytes_read, kReadPieceBytes, buffer.data()));
    if (piece.bytes.empty()) return crc;
    crc = ConcatCrc32c(crc, piece.crc, piece.bytes.size());
    *bytes_read += piece.bytes.size();
  }
}

absl::Status CheckOnce(const std::shared_ptr<Replica>& replica, const VerifyOptions& options,
                       uint64_t* bytes_read) {
  *bytes_read = 0;
  const uint64_t condemnations = replica->condemnations();
  const Replica::Facts before = replica->facts();
  ASSIGN_OR_RETURN(const uint32_t crc,
                   CheckBlocks(replica, before.report.length, options, bytes_read));
  // Of one that grew or was sealed meanwhile the blocks say all.
  if (before.sealed && (*bytes_read != before.report.length || crc != before.report.crc)) {
    return replica->Condemn(
        fmt::format("its {} bytes have CRC32C {:08x}, sealed are {} with {:08x}", *bytes_read, crc,
                    before.report.length, before.report.crc));
  }
  return replica->Acquit(condemnations);
}

// The disk has not given bytes that it should have, and nothing was read that is wrong.
bool Refused(const absl::Status& status, const Replica& replica) {
  return absl::IsDataLoss(status) && replica.facts().report.state != ReplicaState::kCorrupt;
}

absl::Status Check(const std::shared_ptr<Replica>& replica, const VerifyOptions& options,
                   uint64_t* bytes_read) {
  for (int tries = 1;; ++tries) {
    absl::Status status = CheckOnce(replica, options, bytes_read);
    if (!Refused(status, *replica)) return status;
    if (tries == kReadTries) {
      // All of a disk that has gone is refused.
      return replica->disk().IsThere() ? replica->Condemn(Message(status)) : status;
    }
    if (options.before_retry != nullptr) RETURN_IF_ERROR(options.before_retry());
  }
}

}  // namespace

Verification VerifyReplica(const std::shared_ptr<Replica>& replica, const VerifyOptions& options) {
  Verification result;
  result.why = Check(replica, options, &result.bytes_read);
  result.report = replica->facts().report;
  if (result.why.ok()) {
    result.outcome = Verification::Outcome::kGood;
  } else if (result.report.state == ReplicaState::kCorrupt &&
             (absl::IsDataLoss(result.why) || absl::IsFailedPrecondition(result.why))) {
    result.outcome = Verification::Outcome::kCondemned;
  }
  return result;
}

}  // namespace quern::chunkserver
