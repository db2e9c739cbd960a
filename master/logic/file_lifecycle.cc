#include "master/logic/file_lifecycle.h"

#include <utility>

#include "master/logic/chunk_lifecycle.h"
#include "master/logic/namespace_tree.h"
#include "master/logic/path_lookup.h"

namespace quern::master {
namespace {

constexpr uint32_t kDefaultFileMode = 0644;
constexpr uint64_t kMinChunkSize = 4096;
constexpr uint64_t kMaxChunkSize = uint64_t{4} << 30;
constexpr int kTokenWords = 2;

std::string NewToken(Random& random) {
  std::string token;
  for (int i = 0; i < kTokenWords; ++i) {
    const uint64_t word = random();
    token.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return token;
}

}  // namespace

absl::StatusOr<pb::InodeRow> FileLifecycle::NewFile(const pb::CreateRequest& request,
                                                    Random& random) const {
  RETURN_IF_ERROR(CheckOwner(request.path(), request.header().user(), request.header().group()));
  pb::InodeRow row;
  row.set_replication(request.replication() == 0 ? defaults_.replication : request.replication());
  if (row.replication() > kMaxReplication) {
    return InvalidArgumentError("{}: replication must be 1 to {}, not {}", request.path(),
                                kMaxReplication, row.replication());
  }
  row.set_chunk_size(request.chunk_size() == 0 ? defaults_.chunk_size : request.chunk_size());
  if (row.chunk_size() < kMinChunkSize || row.chunk_size() > kMaxChunkSize) {
    return InvalidArgumentError("{}: the chunk size must be 4 KiB to 4 GiB, not {} bytes",
                                request.path(), row.chunk_size());
  }
  row.set_type(pb::FILE_TYPE_REGULAR);
  row.set_durability(request.durability() == pb::DURABILITY_UNSPECIFIED ? pb::DURABILITY_ON_CLOSE
                                                                        : request.durability());
  row.set_owner(request.header().user());
  row.set_group(request.header().group());
  row.set_mode(request.has_mode() ? request.mode() & kModeBits : kDefaultFileMode);
  row.set_mtime_ms(now_ms_);
  row.set_overwrite(request.overwrite());
  row.set_replaces(request.replaces());
  row.set_complete(request.empty());
  row.set_linked(request.empty() || request.named_now());
  if (!row.complete()) row.set_writer_token(NewToken(random));
  return row;
}

absl::Status FileLifecycle::CheckReplaceable(std::string_view path,
                                             const std::optional<pb::DentryRow>& existing,
                                             const pb::InodeRow& row) {
  if (row.replaces() != 0 && (!existing || existing->inode_id() != row.replaces())) {
    return AbortedError("{}: was replaced or removed meanwhile. Try: again, from what is there now",
                        path);
  }
  if (!existing) return absl::OkStatus();
  if (existing->type() == pb::FILE_TYPE_DIRECTORY) {
    return FailedPreconditionError("{}: is a directory", path);
  }
  if (!row.overwrite()) {
    return AlreadyExistsError("{}: exists already. Try: -f to replace it, or another name", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<Outcome<pb::CreateResponse>> FileLifecycle::Create(const pb::CreateRequest& request,
                                                                  Random& random) const {
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUp(view_, request.path()));
  if (lookup.path.is_root()) return FailedPreconditionError("/: is a directory");
  ASSIGN_OR_RETURN(pb::InodeRow row, NewFile(request, random));
  RETURN_IF_ERROR(CheckReplaceable(request.path(), lookup.entry, row));
  if (!lookup.parent_exists() && !request.create_parents()) return MissingParent(lookup);

  Outcome<pb::CreateResponse> outcome;
  outcome.record.emplace();
  pb::CreateFile* create = outcome.record->mutable_create_file();
  uint64_t next_inode = view_.Meta().next_inode();
  AppendMissingDirectories(lookup, lookup.path.parts().size() - 1, request.header(),
                           kDefaultDirectoryMode, &next_inode, create->mutable_directories());
  row.set_parent_id(create->directories().empty() ? lookup.directory.value()
                                                  : create->directories().rbegin()->inode_id());
  row.set_name(std::string(lookup.path.name()));
  create->set_inode_id(next_inode);
  if (row.linked() && lookup.entry.has_value()) {
    create->set_replaced_inode(lookup.inode().value());
  }
  outcome.response.set_inode_id(next_inode);
  outcome.response.set_writer_token(row.writer_token());
  outcome.response.set_replication(row.replication());
  outcome.response.set_chunk_size(row.chunk_size());
  outcome.response.set_durability(row.durability());
  *create->mutable_inode() = std::move(row);
  return outcome;
}

absl::StatusOr<pb::InodeRow> FileLifecycle::CheckWriter(InodeId inode,
                                                        std::string_view token) const {
  std::optional<pb::InodeRow> row = view_.Inode(inode);
  if (!row.has_value() || row->deleted() || row->type() != pb::FILE_TYPE_REGULAR) {
    return NotFoundError(
        "{}: the file being written is gone: it was deleted, or its writer was "
        "not heard of for too long",
        inode);
  }
  if (row->complete()) return FailedPreconditionError("{}: the file is complete", row->name());
  if (row->writer_token() != token) {
    return AbortedError("{}: the file has another writer now", row->name());
  }
  return *std::move(row);
}

absl::Status FileLifecycle::CheckChunksSealed(InodeId inode, const pb::InodeRow& row) const {
  if (row.chunk_count() == 0) return absl::OkStatus();
  // A chunk is only added after the one before it was sealed.
  const auto last = view_.FileChunk(inode, row.chunk_count() - 1);
  const auto chunk = last.has_value() ? view_.Chunk(ChunkId(last->chunk_id())) : std::nullopt;
  if (chunk.has_value() && chunk->state() == pb::CHUNK_STATE_SEALED) return absl::OkStatus();
  return FailedPreconditionError("{}: its last chunk is not sealed yet", row.name());
}

absl::StatusOr<pb::SealChunk> FileLifecycle::SealOnlyChunk(
    InodeId inode, const pb::InodeRow& row, const pb::CompleteRequest::Seal& seal) const {
  const ChunkId chunk(seal.chunk_id());
  const auto only = row.chunk_count() == 1 ? view_.FileChunk(inode, 0) : std::nullopt;
  if (!only.has_value() || only->chunk_id() != chunk.value()) {
    return FailedPreconditionError("{}: chunk {} is not its only one", row.name(), chunk);
  }
  const auto now = view_.Chunk(chunk);
  // Somebody took the latch of its replicas for trouble. What comes of it is known soon.
  if (now.has_value() && now->state() != pb::CHUNK_STATE_OPEN) {
    return UnavailableError("{}: its chunk is being sealed by somebody else", row.name());
  }
  ASSIGN_OR_RETURN(std::optional<pb::LogRecord> record,
                   ChunkLifecycle(view_).CleanSeal(chunk, ServerId(seal.server_id()), seal.length(),
                                                   seal.crc()));
  return std::move(*record->mutable_seal_chunk());
}

absl::StatusOr<Outcome<pb::CompleteResponse>> FileLifecycle::Complete(
    const pb::CompleteRequest& request) const {
  const InodeId inode(request.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow row, CheckWriter(inode, request.writer_token()));
  std::optional<pb::SealChunk> seal;
  if (request.has_seal()) {
    ASSIGN_OR_RETURN(seal, SealOnlyChunk(inode, row, request.seal()));
    row.set_length(seal->length());
  } else {
    RETURN_IF_ERROR(CheckChunksSealed(inode, row));
  }
  if (row.length() != request.length()) {
    return FailedPreconditionError("{}: the writer wrote {} bytes, the file has {}", row.name(),
                                   request.length(), row.length());
  }
  Outcome<pb::CompleteResponse> outcome;
  outcome.record.emplace();
  pb::CompleteFile* complete = outcome.record->mutable_complete_file();
  if (seal.has_value()) *complete->mutable_seal() = *std::move(seal);
  if (!row.linked()) {
    const InodeId parent(row.parent_id());
    if (!view_.IsAttached(parent)) {
      return NotFoundError("{}: its directory was deleted while it was written", row.name());
    }
    const std::optional<pb::DentryRow> existing = view_.Entry(parent, row.name());
    RETURN_IF_ERROR(CheckReplaceable(row.name(), existing, row));
    if (existing.has_value()) complete->set_replaced_inode(existing->inode_id());
  }
  complete->set_inode_id(inode.value());
  complete->set_mtime_ms(request.has_mtime_ms() ? request.mtime_ms() : now_ms_);
  row.set_complete(true);
  row.set_mtime_ms(complete->mtime_ms());
  *outcome.response.mutable_status() = ToFileStatus(row.name(), inode, row);
  return outcome;
}

absl::StatusOr<Outcome<pb::AbandonResponse>> FileLifecycle::Abandon(
    const pb::AbandonRequest& request) const {
  const InodeId inode(request.inode_id());
  RETURN_IF_ERROR(CheckWriter(inode, request.writer_token()).status());
  Outcome<pb::AbandonResponse> outcome;
  outcome.record.emplace();
  outcome.record->mutable_drop_file()->set_inode_id(inode.value());
  return outcome;
}

absl::StatusOr<std::optional<pb::LogRecord>> FileLifecycle::GiveUp(InodeId inode) const {
  const std::optional<pb::InodeRow> row = view_.Inode(inode);
  if (!row.has_value() || row->deleted() || row->complete()) return std::nullopt;
  pb::LogRecord record;
  if (!row->linked()) {
    record.mutable_drop_file()->set_inode_id(inode.value());
    return record;
  }
  RETURN_IF_ERROR(CheckChunksSealed(inode, *row));
  record.mutable_complete_file()->set_inode_id(inode.value());
  record.mutable_complete_file()->set_mtime_ms(now_ms_);
  return record;
}

}  // namespace quern::master
