#include "client/shell/resume.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/shell/interrupt.h"
#include "common/crc32c.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

using client::ChunkInfo;
using client::FileStatus;

constexpr size_t kVerifyPiece = size_t{1} << 20;

absl::StatusOr<bool> HasChunk(int fd, std::string_view name, const ChunkInfo& chunk,
                              std::string* buffer) {
  uint32_t crc = 0;
  uint64_t done = 0;
  while (done < chunk.length) {
    RETURN_IF_ERROR(CheckInterrupt());
    const size_t want = std::min<uint64_t>(buffer->size(), chunk.length - done);
    const ssize_t n = pread(fd, buffer->data(), want, static_cast<off_t>(chunk.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, name);
    if (n == 0) return false;
    crc = ExtendCrc32c(crc, buffer->data(), static_cast<size_t>(n));
    done += static_cast<uint64_t>(n);
  }
  return crc == chunk.crc;
}

// Of this very file: chunks are asked for by its name.
absl::StatusOr<std::vector<ChunkInfo>> ChunksOf(Shell* shell, const FileStatus& file) {
  ASSIGN_OR_RETURN(std::vector<ChunkInfo> chunks, shell->fs()->GetChunks(file.path));
  ASSIGN_OR_RETURN(const FileStatus now, shell->fs()->Stat(file.path));
  if (now.inode == file.inode) return chunks;
  return AbortedError("{}: was replaced while it was read. Try: again", file.path);
}

}  // namespace

absl::StatusOr<uint64_t> VerifiedBytes(int fd, std::string_view name, uint64_t length,
                                       const std::vector<ChunkInfo>& chunks) {
  std::string buffer(kVerifyPiece, '\0');
  uint64_t end = 0;
  for (const ChunkInfo& chunk : chunks) {
    if (!chunk.sealed || chunk.offset != end || chunk.length > length - end) break;
    ASSIGN_OR_RETURN(const bool has, HasChunk(fd, name, chunk, &buffer));
    if (!has) break;
    end += chunk.length;
  }
  return end;
}

absl::StatusOr<uint64_t> KeepVerified(Shell* shell, const FileStatus& file, int fd,
                                      std::string_view name) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, name);
  uint64_t kept = 0;
  if (info.st_size > 0) {
    ASSIGN_OR_RETURN(const std::vector<ChunkInfo> chunks, ChunksOf(shell, file));
    ASSIGN_OR_RETURN(kept, VerifiedBytes(fd, name, file.length, chunks));
  }
  const auto end = static_cast<off_t>(kept);
  if (ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) < 0) return ErrnoStatus(errno, name);
  return kept;
}

absl::StatusOr<bool> HasAllBytes(Shell* shell, const FileStatus& file, const std::string& path) {
  struct stat info = {};
  // Pipes have somebody at their other end, who shall not see them opened twice.
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  if (static_cast<uint64_t>(info.st_size) != file.length) return false;
  ASSIGN_OR_RETURN(const std::vector<ChunkInfo> chunks, ChunksOf(shell, file));
  ASSIGN_OR_RETURN(const uint64_t verified, VerifiedBytes(fd.get(), path, file.length, chunks));
  return verified == file.length;
}

}  // namespace quern::shell
