// Turns a log record into rows: the only way in which the master's state changes, when it runs and
// when it recovers.
//
// Deterministic: the same records in the same order give the same rows. A record whose index the
// rows already contain changes nothing, so replaying a log's tail is always safe.
#pragma once

#include <cstdint>

#include "common/status.h"
#include "master/logic/metadata_view.h"
#include "master/logic/rows.h"

namespace quern::master {

class RecordApplier {
 public:
  // `view` must see what was written through `rows` before.
  RecordApplier(const MetadataView& view, RowWriter* rows) : view_(view), rows_(*rows) {}

  // Internal: the record does not fit the state, which is a bug of the master (nobody else makes
  // records) and no reason to go on.
  absl::Status Apply(uint64_t index, const pb::LogRecord& record);

 private:
  absl::Status ApplyKind(const pb::LogRecord& record);
  absl::Status Format(const pb::Format& format, int64_t time_ms);
  absl::Status MakeDirectory(const pb::NewDirectory& directory);
  absl::Status CreateFile(const pb::CreateFile& create);
  absl::Status AddChunk(const pb::AddChunk& add);
  absl::Status BeginSeal(const pb::BeginSeal& begin);
  absl::Status SealChunk(const pb::SealChunk& seal);
  absl::Status ClearLostTail(const pb::ClearLostTail& clear);
  absl::Status CompleteFile(const pb::CompleteFile& complete);
  absl::Status RemoveEntry(const pb::RemoveEntry& remove);
  absl::Status RenameEntry(const pb::RenameEntry& rename);
  absl::Status SetReplication(const pb::SetReplicationOf& change);
  absl::Status SetAttributes(const pb::SetAttributesOf& change);
  absl::Status DropFile(const pb::DropFile& drop);
  absl::Status Collect(const pb::Collect& collect);
  absl::Status CollectChunk(ChunkId chunk, InodeId inode, uint32_t ordinal);
  absl::Status NoteReplicas(const pb::NoteReplicas& note);
  absl::Status BeginTerm(const pb::BeginTerm& begin);
  absl::Status AdoptHistory(const pb::AdoptHistory& adopt);
  // A start of the master begins with this record; the one before it ends.
  void BeginStart(uint64_t term, uint64_t id);

  // The name of `row` appears in, or vanishes from, its directory.
  absl::Status Link(InodeId inode, pb::InodeRow* row);
  absl::Status Unlink(InodeId inode, pb::InodeRow* row);
  // Unlinked and waiting for its collection.
  absl::Status Discard(InodeId inode);

  absl::StatusOr<pb::InodeRow> Inode(InodeId inode) const;
  absl::StatusOr<pb::ChunkRow> Chunk(ChunkId chunk) const;
  void PutInode(InodeId inode, const pb::InodeRow& row);
  void PutChunk(ChunkId chunk, const pb::ChunkRow& row);
  // Marks that the directory has changed.
  absl::Status TouchDirectory(InodeId directory, int64_t child_delta);

  const MetadataView& view_;
  RowWriter& rows_;
  // Of the record being applied.
  pb::MetaRow meta_;
  uint64_t index_ = 0;
  int64_t time_ms_ = 0;
};

}  // namespace quern::master
