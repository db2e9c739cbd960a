#include "master/logic/chunk_lifecycle.h"

#include <utility>

namespace quern::master {

absl::StatusOr<pb::ChunkRow> ChunkLifecycle::Get(ChunkId chunk) const {
  std::optional<pb::ChunkRow> row = view_.Chunk(chunk);
  if (!row.has_value()) return NotFoundError("chunk {}: its file was deleted", chunk);
  return *std::move(row);
}

absl::Status ChunkLifecycle::CheckNext(InodeId inode, const pb::InodeRow& file,
                                       uint32_t ordinal) const {
  if (ordinal != file.chunk_count()) {
    return FailedPreconditionError("{}: has {} chunks, the writer believes {}", file.name(),
                                   file.chunk_count(), ordinal);
  }
  if (ordinal == 0) return absl::OkStatus();
  const auto last = view_.FileChunk(inode, ordinal - 1);
  const auto chunk = last.has_value() ? view_.Chunk(ChunkId(last->chunk_id())) : std::nullopt;
  if (chunk.has_value() && chunk->state() == pb::CHUNK_STATE_SEALED) return absl::OkStatus();
  return FailedPreconditionError("{}: its chunk {} is not sealed yet", file.name(), ordinal - 1);
}

pb::LogRecord ChunkLifecycle::Add(ChunkId chunk, InodeId inode, const pb::InodeRow& file,
                                  std::span<const ServerId> chain) {
  pb::LogRecord record;
  pb::AddChunk* add = record.mutable_add_chunk();
  add->set_chunk_id(chunk.value());
  add->set_inode_id(inode.value());
  add->set_ordinal(file.chunk_count());
  add->set_wanted_replicas(file.replication());
  for (const ServerId server : chain) add->add_servers(server.value());
  return record;
}

absl::StatusOr<std::optional<pb::LogRecord>> ChunkLifecycle::CleanSeal(ChunkId chunk,
                                                                       ServerId reporter,
                                                                       uint64_t length,
                                                                       uint32_t crc) const {
  ASSIGN_OR_RETURN(const pb::ChunkRow row, Get(chunk));
  if (row.state() == pb::CHUNK_STATE_SEALED) {
    if (row.length() == length && row.crc() == crc) return std::nullopt;
    return FailedPreconditionError("chunk {}: was sealed at {} bytes, not at {}", chunk,
                                   row.length(), length);
  }
  if (row.state() == pb::CHUNK_STATE_SEALING) {
    return FailedPreconditionError("chunk {}: is being sealed by force", chunk);
  }
  if (row.servers().empty() || ServerId(row.servers(0)) != reporter) {
    return FailedPreconditionError("chunk {}: {} is not its primary", chunk, reporter);
  }
  pb::LogRecord record;
  pb::SealChunk* seal = record.mutable_seal_chunk();
  seal->set_chunk_id(chunk.value());
  seal->set_length(length);
  seal->set_crc(crc);
  seal->set_clean(true);
  return record;
}

absl::StatusOr<std::optional<pb::LogRecord>> ChunkLifecycle::BeginSeal(
    ChunkId chunk, std::string_view reason) const {
  ASSIGN_OR_RETURN(const pb::ChunkRow row, Get(chunk));
  if (row.state() == pb::CHUNK_STATE_SEALED) return std::nullopt;
  pb::LogRecord record;
  pb::BeginSeal* begin = record.mutable_begin_seal();
  begin->set_chunk_id(chunk.value());
  begin->set_attempt(row.seal_attempt() + 1);
  begin->set_reason(std::string(reason));
  return record;
}

absl::StatusOr<std::optional<pb::LogRecord>> ChunkLifecycle::ForcedSeal(
    ChunkId chunk, const SealedAt& sealed) const {
  ASSIGN_OR_RETURN(const pb::ChunkRow row, Get(chunk));
  if (row.state() == pb::CHUNK_STATE_SEALED) return std::nullopt;
  pb::LogRecord record;
  pb::SealChunk* seal = record.mutable_seal_chunk();
  seal->set_chunk_id(chunk.value());
  seal->set_length(sealed.length);
  seal->set_crc(sealed.crc);
  seal->set_lost_tail(sealed.lost_tail);
  seal->set_producer(sealed.producer);
  seal->set_last_seq(sealed.last_seq);
  return record;
}

absl::StatusOr<std::optional<pb::LogRecord>> ChunkLifecycle::Vouch(ChunkId chunk,
                                                                   uint64_t acked_offset) const {
  ASSIGN_OR_RETURN(const pb::ChunkRow row, Get(chunk));
  if (!row.lost_tail() || acked_offset > row.length()) return std::nullopt;
  pb::LogRecord record;
  pb::ClearLostTail* clear = record.mutable_clear_lost_tail();
  clear->set_chunk_id(chunk.value());
  const InodeId inode(row.inode_id());
  const std::optional<pb::InodeRow> file = view_.Inode(inode);
  for (uint32_t i = 0; file.has_value() && i < file->chunk_count(); ++i) {
    const auto place = view_.FileChunk(inode, i);
    if (!place.has_value() || ChunkId(place->chunk_id()) == chunk) continue;
    const auto other = view_.Chunk(ChunkId(place->chunk_id()));
    if (other.has_value() && other->lost_tail()) clear->set_file_keeps_it(true);
  }
  return record;
}

}  // namespace quern::master
