#include "client/read/chunk_map.h"

#include <algorithm>

namespace quern::client {
namespace {

constexpr uint32_t kPageChunks = 1'000;

}  // namespace

absl::StatusOr<std::shared_ptr<ChunkMap>> ChunkMap::Open(ClientContext* context,
                                                         std::string_view path) {
  pb::GetChunksRequest request;
  request.set_path(std::string(path));
  request.set_max_chunks(kPageChunks);
  request.set_reader_node(context->options.node);
  ASSIGN_OR_RETURN(const pb::GetChunksResponse page, context->master.GetChunks(request));
  FileStatus status = FromProto(page.status());
  status.path = std::string(path);
  if (status.is_directory()) return InvalidArgumentError("{}: is a directory", path);
  std::shared_ptr<ChunkMap> map(new ChunkMap(context, std::move(status)));
  MutexLock lock(&map->mutex_);
  RETURN_IF_ERROR(map->Take(page));
  return map;
}

absl::StatusOr<ChunkInfo> ChunkMap::Find(uint64_t offset) {
  MutexLock lock(&mutex_);
  while (offset >= covered_) RETURN_IF_ERROR(LoadMore());
  const auto after = std::upper_bound(
      chunks_.begin(), chunks_.end(), offset,
      [](uint64_t wanted, const ChunkInfo& chunk) { return wanted < chunk.offset; });
  return *std::prev(after);
}

absl::StatusOr<ChunkInfo> ChunkMap::Refresh(const ChunkInfo& chunk) {
  ASSIGN_OR_RETURN(const pb::GetChunksResponse page, Ask(chunk.ordinal, 1));
  if (page.chunks_size() != 1 || ChunkId(page.chunks(0).chunk_id()) != chunk.id) {
    return AbortedError("{}: the file has changed while it was read. Try: read it again",
                        status_.path);
  }
  ChunkInfo fresh = FromProto(page.chunks(0));
  MutexLock lock(&mutex_);
  if (fresh.ordinal < chunks_.size()) chunks_[fresh.ordinal] = fresh;
  return fresh;
}

absl::StatusOr<pb::GetChunksResponse> ChunkMap::Ask(uint32_t first_ordinal,
                                                    uint32_t max_chunks) const {
  // By inode: the name may have been given to another file meanwhile.
  pb::GetChunksRequest request;
  request.set_inode_id(status_.inode.value());
  request.set_first_ordinal(first_ordinal);
  request.set_max_chunks(max_chunks);
  request.set_reader_node(context_->options.node);
  auto page = context_->master.GetChunks(request);
  if (absl::IsNotFound(page.status())) {
    return NotFoundError("{}: was removed or replaced while it was read. Try: read it again",
                         status_.path);
  }
  if (!page.ok()) return Annotate(page.status(), status_.path);
  return page;
}

absl::Status ChunkMap::LoadMore() {
  ASSIGN_OR_RETURN(const pb::GetChunksResponse page,
                   Ask(static_cast<uint32_t>(chunks_.size()), kPageChunks));
  const uint64_t before = covered_;
  RETURN_IF_ERROR(Take(page));
  if (covered_ > before) return absl::OkStatus();
  return DataLossError("{}: {} bytes long, but its chunks hold {}", status_.path, status_.length,
                       covered_);
}

absl::Status ChunkMap::Take(const pb::GetChunksResponse& page) {
  for (const auto& location : page.chunks()) {
    ChunkInfo chunk = FromProto(location);
    if (chunk.ordinal != chunks_.size() || chunk.offset != covered_) {
      return DataLossError("{}: chunk {} is at {}, expected at {}", status_.path, chunk.ordinal,
                           chunk.offset, covered_);
    }
    // What is in a chunk that is still open is not part of the file as it was opened.
    if (!chunk.sealed) return absl::OkStatus();
    covered_ += chunk.length;
    chunks_.push_back(std::move(chunk));
  }
  return absl::OkStatus();
}

}  // namespace quern::client
