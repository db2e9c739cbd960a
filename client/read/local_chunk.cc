#include "client/read/local_chunk.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "client/piece.h"
#include "common/crc32c.h"
#include "common/local_socket.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::client {
namespace {

namespace pb = ::quern::dfs::v1;

constexpr uint64_t kBlockBytes = uint64_t{64} << 10;  // chunk.proto
// Shorter ranges are not worth the asking.
constexpr uint64_t kMinLocalRead = uint64_t{64} << 10;
// The chunkserver looks into its index and opens a file. One that is paused, or waits for a disk,
// costs a reader no more than this before it goes the usual way.
constexpr absl::Duration kPatience = absl::Seconds(1);

// The master knows the checksum of the whole chunk, so those of its blocks need not be believed:
// whoever took the name of a chunkserver can hand out nothing else.
bool AreOf(const ChunkInfo& chunk, const pb::OpenLocalResponse& response) {
  uint32_t crc = 0;
  uint64_t left = chunk.length;
  for (const uint32_t block : response.block_crcs()) {
    const uint64_t bytes = std::min(left, kBlockBytes);
    crc = ConcatCrc32c(crc, block, bytes);
    left -= bytes;
  }
  return left == 0 && crc == chunk.crc;
}

struct Opened {
  UniqueFd file;
  std::vector<uint32_t> block_crcs;
};

absl::StatusOr<Opened> Ask(const ChunkInfo& chunk, const ServerAddress& server) {
  pb::OpenLocalRequest request;
  request.set_chunk_id(chunk.id.value());
  request.mutable_sealed()->set_length(chunk.length);
  request.mutable_sealed()->set_crc(chunk.crc);
  ASSIGN_OR_RETURN(const UniqueFd socket, ConnectLocally(LocalReadsName(server.address)));
  RETURN_IF_ERROR(SendLocally(socket.get(), request.SerializeAsString()));
  ASSIGN_OR_RETURN(LocalMessage answer, ReceiveLocally(socket.get(), kPatience));
  pb::OpenLocalResponse response;
  if (!response.ParseFromString(answer.bytes)) return InternalError("the answer cannot be read");
  if (response.code() != 0) {
    return MakeStatus(static_cast<absl::StatusCode>(response.code()), response.message());
  }
  const uint64_t blocks = (chunk.length + kBlockBytes - 1) / kBlockBytes;
  if (!answer.file || static_cast<uint64_t>(response.block_crcs_size()) != blocks) {
    return InternalError("{} checksums of {} blocks came, and {} file", response.block_crcs_size(),
                         blocks, answer.file ? "a" : "no");
  }
  if (!AreOf(chunk, response)) {
    return InternalError("the checksums are not those of chunk {}", chunk.id);
  }
  return Opened{std::move(answer.file),
                {response.block_crcs().begin(), response.block_crcs().end()}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalChunk>> LocalChunk::Open(const ChunkInfo& chunk,
                                                             const ServerAddress& server,
                                                             ChunkRange range) {
  if (!chunk.sealed || range.length < kMinLocalRead) {
    return FailedPreconditionError("chunk {}: is not read directly", chunk.id);
  }
  ASSIGN_OR_RETURN(Opened opened, Ask(chunk, server));
  posix_fadvise(opened.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<LocalChunk>(new LocalChunk(
      server, range, chunk.length, std::move(opened.file), std::move(opened.block_crcs)));
}

LocalChunk::LocalChunk(const ServerAddress& server, ChunkRange range, uint64_t chunk_length,
                       UniqueFd file, std::vector<uint32_t> block_crcs)
    : ChunkSource(server),
      next_(range.offset),
      end_(range.offset + range.length),
      chunk_length_(chunk_length),
      file_(std::move(file)),
      block_crcs_(std::move(block_crcs)) {}

absl::StatusOr<std::optional<CheckedBytes>> LocalChunk::Take() {
  if (next_ >= end_) return std::nullopt;
  const uint64_t piece_end = std::min(next_ - next_ % kPieceBytes + kPieceBytes, end_);
  // Whole blocks are what can be checked.
  const uint64_t begin = next_ - next_ % kBlockBytes;
  const uint64_t blocks_end =
      std::min((piece_end + kBlockBytes - 1) / kBlockBytes * kBlockBytes, chunk_length_);
  const auto size = static_cast<size_t>(blocks_end - begin);
  auto buffer = std::make_unique_for_overwrite<char[]>(size);
  RETURN_IF_ERROR(Read(begin, size, buffer.get()));
  ASSIGN_OR_RETURN(const uint32_t crc_of_all, Check(begin, size, buffer.get()));
  const std::string_view bytes(buffer.get() + (next_ - begin), piece_end - next_);
  CheckedBytes checked;
  checked.crc = bytes.size() == size ? crc_of_all : Crc32c(bytes);
  const auto free_buffer = [](void* memory) { delete[] static_cast<char*>(memory); };
  checked.payload = rpc::Payload(
      {grpc::Slice(const_cast<char*>(bytes.data()), bytes.size(), free_buffer, buffer.release())});
  next_ = piece_end;
  return checked;
}

absl::Status LocalChunk::Read(uint64_t begin, size_t size, char* buffer) const {
  for (size_t done = 0; done < size;) {
    const iovec part{buffer + done, size - done};
    const ssize_t got =
        preadv2(file_.get(), &part, 1, static_cast<off_t>(begin + done), RWF_NOWAIT);
    if (got < 0 && errno == EINTR) continue;
    // Not in memory, or a file system that cannot say.
    if (got < 0) return UnavailableError("read at {}: {}", begin + done, std::strerror(errno));
    if (got == 0) return DataLossError("its file ends at {} of {}", begin + done, chunk_length_);
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> LocalChunk::Check(uint64_t begin, size_t size, const char* buffer) const {
  uint32_t crc_of_all = 0;
  for (size_t at = 0; at < size; at += kBlockBytes) {
    const size_t bytes = std::min<size_t>(kBlockBytes, size - at);
    const uint32_t crc = Crc32c({buffer + at, bytes});
    const uint32_t expected = block_crcs_[(begin + at) / kBlockBytes];
    if (crc != expected) {
      return DataLossError("checksum of the block at {} is {:08x}, expected {:08x}", begin + at,
                           crc, expected);
    }
    crc_of_all = ConcatCrc32c(crc_of_all, crc, bytes);
  }
  return crc_of_all;
}

}  // namespace quern::client
