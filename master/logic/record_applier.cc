#include "master/logic/record_applier.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace quern::master {
namespace {

constexpr uint32_t kRootMode = 0755;

template <typename Integer>
Integer Plus(Integer value, int64_t delta) {
  return static_cast<Integer>(static_cast<int64_t>(value) + delta);
}

}  // namespace

absl::Status RecordApplier::Apply(uint64_t index, const pb::LogRecord& record) {
  meta_ = view_.Meta();
  RETURN_IF_ERROR(view_.status());
  if (index <= meta_.applied_index()) return absl::OkStatus();
  index_ = index;
  time_ms_ = record.time_ms();
  RETURN_IF_ERROR(ApplyKind(record));
  RETURN_IF_ERROR(view_.status());
  for (const uint64_t request : record.forgotten_requests()) {
    rows_.Delete(Table::kRequests, RequestKey(record.client_id(), request));
  }
  if (record.client_id() != 0) {
    pb::RequestRow row;
    row.set_log_index(index);
    row.set_response(record.response());
    row.set_lowest_outstanding(record.lowest_outstanding());
    row.set_code(record.change_nothing().code());
    row.set_message(record.change_nothing().message());
    rows_.Put(Table::kRequests, RequestKey(record.client_id(), record.request_id()),
              row.SerializeAsString());
  }
  meta_.set_applied_index(index);
  rows_.Put(Table::kMeta, std::string(kMetaKey), meta_.SerializeAsString());
  return absl::OkStatus();
}

absl::Status RecordApplier::ApplyKind(const pb::LogRecord& record) {
  switch (record.kind_case()) {
    case pb::LogRecord::kFormat:
      return Format(record.format(), record.time_ms());
    case pb::LogRecord::kBeginTerm:
      return BeginTerm(record.begin_term());
    case pb::LogRecord::kMakeDirectories:
      for (const auto& directory : record.make_directories().directories()) {
        RETURN_IF_ERROR(MakeDirectory(directory));
      }
      return absl::OkStatus();
    case pb::LogRecord::kCreateFile:
      return CreateFile(record.create_file());
    case pb::LogRecord::kAddChunk:
      return AddChunk(record.add_chunk());
    case pb::LogRecord::kBeginSeal:
      return BeginSeal(record.begin_seal());
    case pb::LogRecord::kSealChunk:
      return SealChunk(record.seal_chunk());
    case pb::LogRecord::kClearLostTail:
      return ClearLostTail(record.clear_lost_tail());
    case pb::LogRecord::kCompleteFile:
      return CompleteFile(record.complete_file());
    case pb::LogRecord::kRemoveEntry:
      return RemoveEntry(record.remove_entry());
    case pb::LogRecord::kRenameEntry:
      return RenameEntry(record.rename_entry());
    case pb::LogRecord::kRenameEntries:
      for (const pb::RenameEntry& entry : record.rename_entries().entries()) {
        RETURN_IF_ERROR(RenameEntry(entry));
      }
      return absl::OkStatus();
    case pb::LogRecord::kSetReplication:
      return SetReplication(record.set_replication());
    case pb::LogRecord::kSetAttributes:
      return SetAttributes(record.set_attributes());
    case pb::LogRecord::kDropFile:
      return DropFile(record.drop_file());
    case pb::LogRecord::kCollect:
      return Collect(record.collect());
    case pb::LogRecord::kForgetGarbage:
      for (const uint64_t chunk : record.forget_garbage().chunk_ids()) {
        rows_.Delete(Table::kGarbage, ChunkKey(ChunkId(chunk)));
      }
      return absl::OkStatus();
    case pb::LogRecord::kReserveChunkIds:
      meta_.set_next_chunk(std::max(meta_.next_chunk(), record.reserve_chunk_ids().next_chunk()));
      return absl::OkStatus();
    case pb::LogRecord::kRegisterServer: {
      const ServerId server(record.register_server().server_id());
      rows_.Put(Table::kServers, ServerKey(server),
                record.register_server().server().SerializeAsString());
      meta_.set_next_server(std::max(meta_.next_server(), server.value() + 1));
      return absl::OkStatus();
    }
    case pb::LogRecord::kNoteReplicas:
      return NoteReplicas(record.note_replicas());
    case pb::LogRecord::kChangeNothing:
      return absl::OkStatus();
    case pb::LogRecord::kForgetRequests:
      for (const auto& request : record.forget_requests().requests()) {
        rows_.Delete(Table::kRequests, RequestKey(request.client_id(), request.request_id()));
      }
      return absl::OkStatus();
    case pb::LogRecord::kAdoptHistory:
      return AdoptHistory(record.adopt_history());
    case pb::LogRecord::KIND_NOT_SET:
      break;
  }
  return InternalError("a log record of a kind that this version does not know");
}

absl::Status RecordApplier::Format(const pb::Format& format, int64_t time_ms) {
  meta_.set_cluster_id(format.cluster_id());
  meta_.set_next_inode(kRootInode.value() + 1);
  meta_.set_next_chunk(1);
  meta_.set_next_server(1);
  meta_.set_directory_count(1);
  pb::InodeRow root;
  root.set_type(pb::FILE_TYPE_DIRECTORY);
  root.set_linked(true);
  root.set_mode(kRootMode);
  root.set_mtime_ms(time_ms);
  PutInode(kRootInode, root);
  return absl::OkStatus();
}

absl::Status RecordApplier::MakeDirectory(const pb::NewDirectory& directory) {
  pb::InodeRow row;
  row.set_type(pb::FILE_TYPE_DIRECTORY);
  row.set_parent_id(directory.parent_id());
  row.set_name(directory.name());
  row.set_owner(directory.owner());
  row.set_group(directory.group());
  row.set_mode(directory.mode());
  row.set_mtime_ms(time_ms_);
  meta_.set_next_inode(std::max(meta_.next_inode(), directory.inode_id() + 1));
  meta_.set_directory_count(meta_.directory_count() + 1);
  return Link(InodeId(directory.inode_id()), &row);
}

absl::Status RecordApplier::CreateFile(const pb::CreateFile& create) {
  for (const auto& directory : create.directories()) RETURN_IF_ERROR(MakeDirectory(directory));
  const InodeId inode(create.inode_id());
  if (create.replaced_inode() != 0) RETURN_IF_ERROR(Discard(InodeId(create.replaced_inode())));
  pb::InodeRow row = create.inode();
  meta_.set_next_inode(std::max(meta_.next_inode(), inode.value() + 1));
  meta_.set_file_count(meta_.file_count() + 1);
  if (!row.complete()) rows_.Put(Table::kOpenFiles, InodeKey(inode), "");
  if (row.linked()) {
    RETURN_IF_ERROR(Link(inode, &row));
  } else {
    PutInode(inode, row);
  }
  return create.has_first_chunk() ? AddChunk(create.first_chunk()) : absl::OkStatus();
}

absl::Status RecordApplier::AddChunk(const pb::AddChunk& add) {
  const ChunkId chunk(add.chunk_id());
  const InodeId inode(add.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow file, Inode(inode));
  pb::ChunkRow row;
  row.set_inode_id(add.inode_id());
  row.set_ordinal(add.ordinal());
  row.set_state(pb::CHUNK_STATE_OPEN);
  *row.mutable_servers() = add.servers();
  row.set_wanted_replicas(add.wanted_replicas());
  row.set_durability(file.durability());
  PutChunk(chunk, row);
  for (const uint32_t server : add.servers()) {
    rows_.Put(Table::kOpenChunks, OpenChunkKey(ServerId(server), chunk), "");
  }
  pb::FileChunkRow place;
  place.set_chunk_id(add.chunk_id());
  place.set_file_offset(file.length());
  rows_.Put(Table::kFileChunks, FileChunkKey(inode, add.ordinal()), place.SerializeAsString());
  file.set_chunk_count(add.ordinal() + 1);
  PutInode(inode, file);
  meta_.set_chunk_count(meta_.chunk_count() + 1);
  meta_.set_next_chunk(std::max(meta_.next_chunk(), add.chunk_id() + 1));
  return absl::OkStatus();
}

absl::Status RecordApplier::BeginSeal(const pb::BeginSeal& begin) {
  const ChunkId chunk(begin.chunk_id());
  ASSIGN_OR_RETURN(pb::ChunkRow row, Chunk(chunk));
  row.set_state(pb::CHUNK_STATE_SEALING);
  row.set_seal_attempt(begin.attempt());
  PutChunk(chunk, row);
  return absl::OkStatus();
}

absl::Status RecordApplier::SealChunk(const pb::SealChunk& seal) {
  const ChunkId chunk(seal.chunk_id());
  ASSIGN_OR_RETURN(pb::ChunkRow row, Chunk(chunk));
  row.set_state(pb::CHUNK_STATE_SEALED);
  row.set_length(seal.length());
  row.set_crc(seal.crc());
  row.set_lost_tail(seal.lost_tail());
  row.set_producer(seal.producer());
  row.set_last_seq(seal.last_seq());
  PutChunk(chunk, row);
  for (const uint32_t server : row.servers()) {
    rows_.Delete(Table::kOpenChunks, OpenChunkKey(ServerId(server), chunk));
  }
  const InodeId inode(row.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow file, Inode(inode));
  file.set_length(file.length() + seal.length());
  file.set_lost_tail(file.lost_tail() || seal.lost_tail());
  PutInode(inode, file);
  return absl::OkStatus();
}

absl::Status RecordApplier::ClearLostTail(const pb::ClearLostTail& clear) {
  const ChunkId chunk(clear.chunk_id());
  ASSIGN_OR_RETURN(pb::ChunkRow row, Chunk(chunk));
  row.set_lost_tail(false);
  PutChunk(chunk, row);
  const InodeId inode(row.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow file, Inode(inode));
  file.set_lost_tail(clear.file_keeps_it());
  PutInode(inode, file);
  return absl::OkStatus();
}

absl::Status RecordApplier::CompleteFile(const pb::CompleteFile& complete) {
  const InodeId inode(complete.inode_id());
  if (complete.has_seal()) RETURN_IF_ERROR(SealChunk(complete.seal()));
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  if (complete.replaced_inode() != 0) {
    RETURN_IF_ERROR(Discard(InodeId(complete.replaced_inode())));
  }
  row.set_complete(true);
  row.set_mtime_ms(complete.mtime_ms());
  row.clear_writer_token();
  rows_.Delete(Table::kOpenFiles, InodeKey(inode));
  if (!row.linked()) return Link(inode, &row);
  PutInode(inode, row);
  return absl::OkStatus();
}

absl::Status RecordApplier::RemoveEntry(const pb::RemoveEntry& remove) {
  return Discard(InodeId(remove.inode_id()));
}

absl::Status RecordApplier::RenameEntry(const pb::RenameEntry& rename) {
  const InodeId inode(rename.inode_id());
  if (rename.replaced_inode() != 0) RETURN_IF_ERROR(Discard(InodeId(rename.replaced_inode())));
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  RETURN_IF_ERROR(Unlink(inode, &row));
  row.set_parent_id(rename.target_parent());
  row.set_name(rename.target_name());
  return Link(inode, &row);
}

absl::Status RecordApplier::SetReplication(const pb::SetReplicationOf& change) {
  const InodeId inode(change.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  row.set_replication(change.replication());
  PutInode(inode, row);
  for (const uint64_t id : change.chunk_ids()) {
    const ChunkId chunk(id);
    ASSIGN_OR_RETURN(pb::ChunkRow chunk_row, Chunk(chunk));
    chunk_row.set_wanted_replicas(change.replication());
    PutChunk(chunk, chunk_row);
  }
  return absl::OkStatus();
}

absl::Status RecordApplier::SetAttributes(const pb::SetAttributesOf& change) {
  const InodeId inode(change.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  if (change.has_mode()) row.set_mode(change.mode());
  if (change.has_owner()) row.set_owner(change.owner());
  if (change.has_group()) row.set_group(change.group());
  if (change.has_mtime_ms()) row.set_mtime_ms(change.mtime_ms());
  PutInode(inode, row);
  return absl::OkStatus();
}

absl::Status RecordApplier::DropFile(const pb::DropFile& drop) {
  return Discard(InodeId(drop.inode_id()));
}

absl::Status RecordApplier::Collect(const pb::Collect& collect) {
  const InodeId inode(collect.inode_id());
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  for (const uint64_t child : collect.children()) RETURN_IF_ERROR(Discard(InodeId(child)));
  for (int i = 0; i < collect.chunk_ids_size(); ++i) {
    RETURN_IF_ERROR(CollectChunk(ChunkId(collect.chunk_ids(i)), inode, collect.ordinals(i)));
  }
  if (!collect.last()) return absl::OkStatus();
  rows_.Delete(Table::kInodes, InodeKey(inode));
  rows_.Delete(Table::kDeleted, InodeKey(inode));
  if (row.type() == pb::FILE_TYPE_DIRECTORY) {
    meta_.set_directory_count(meta_.directory_count() - 1);
  } else {
    meta_.set_file_count(meta_.file_count() - 1);
  }
  return absl::OkStatus();
}

absl::Status RecordApplier::CollectChunk(ChunkId chunk, InodeId inode, uint32_t ordinal) {
  ASSIGN_OR_RETURN(const pb::ChunkRow row, Chunk(chunk));
  pb::GarbageRow garbage;
  *garbage.mutable_servers() = row.servers();
  rows_.Put(Table::kGarbage, ChunkKey(chunk), garbage.SerializeAsString());
  for (const uint32_t server : row.servers()) {
    rows_.Delete(Table::kOpenChunks, OpenChunkKey(ServerId(server), chunk));
  }
  rows_.Delete(Table::kChunks, ChunkKey(chunk));
  rows_.Delete(Table::kFileChunks, FileChunkKey(inode, ordinal));
  meta_.set_chunk_count(meta_.chunk_count() - 1);
  return absl::OkStatus();
}

absl::Status RecordApplier::NoteReplicas(const pb::NoteReplicas& note) {
  for (const auto& noted : note.chunks()) {
    const ChunkId chunk(noted.chunk_id());
    std::optional<pb::ChunkRow> row = view_.Chunk(chunk);
    if (!row.has_value() || row->state() != pb::CHUNK_STATE_SEALED) continue;
    *row->mutable_servers() = noted.servers();
    PutChunk(chunk, *row);
  }
  return absl::OkStatus();
}

void RecordApplier::BeginStart(uint64_t term, uint64_t id) {
  // Nothing may be written into what is being visited.
  std::vector<pb::StartRow> running;
  view_.ForEachStart([&](const pb::StartRow& row) {
    if (!row.adopted() && row.start().end_index() == 0) running.push_back(row);
  });
  for (pb::StartRow& row : running) {
    row.mutable_start()->set_end_index(index_);
    rows_.Put(Table::kStarts, StartKey(row.start().id()), row.SerializeAsString());
  }
  pb::StartRow row;
  row.mutable_start()->set_term(term);
  row.mutable_start()->set_id(id);
  row.mutable_start()->set_first_index(index_);
  rows_.Put(Table::kStarts, StartKey(id), row.SerializeAsString());
  meta_.set_term(term);
}

absl::Status RecordApplier::BeginTerm(const pb::BeginTerm& begin) {
  for (const uint64_t id : begin.forgotten_starts()) rows_.Delete(Table::kStarts, StartKey(id));
  BeginStart(begin.term(), begin.start_id());
  return absl::OkStatus();
}

absl::Status RecordApplier::AdoptHistory(const pb::AdoptHistory& adopt) {
  for (const pb::MasterStart& followed : adopt.followed()) {
    pb::StartRow row;
    *row.mutable_start() = followed;
    row.mutable_start()->set_end_index(index_);
    row.set_adopted(true);
    rows_.Put(Table::kStarts, StartKey(followed.id()), row.SerializeAsString());
  }
  BeginStart(adopt.term(), adopt.start_id());
  meta_.set_next_chunk(std::max(meta_.next_chunk(), adopt.next_chunk()));
  return absl::OkStatus();
}

absl::Status RecordApplier::TouchDirectory(InodeId directory, int64_t child_delta) {
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(directory));
  row.set_child_count(Plus(row.child_count(), child_delta));
  row.set_mtime_ms(time_ms_);
  PutInode(directory, row);
  return absl::OkStatus();
}

absl::Status RecordApplier::Link(InodeId inode, pb::InodeRow* row) {
  pb::DentryRow entry;
  entry.set_inode_id(inode.value());
  entry.set_type(row->type());
  const InodeId directory(row->parent_id());
  rows_.Put(Table::kDentries, DentryKey(directory, row->name()), entry.SerializeAsString());
  row->set_linked(true);
  PutInode(inode, *row);
  return TouchDirectory(directory, 1);
}

absl::Status RecordApplier::Unlink(InodeId inode, pb::InodeRow* row) {
  if (!row->linked()) return absl::OkStatus();
  const InodeId directory(row->parent_id());
  rows_.Delete(Table::kDentries, DentryKey(directory, row->name()));
  row->set_linked(false);
  PutInode(inode, *row);
  return TouchDirectory(directory, -1);
}

absl::Status RecordApplier::Discard(InodeId inode) {
  ASSIGN_OR_RETURN(pb::InodeRow row, Inode(inode));
  RETURN_IF_ERROR(Unlink(inode, &row));
  row.set_deleted(true);
  PutInode(inode, row);
  rows_.Delete(Table::kOpenFiles, InodeKey(inode));
  rows_.Put(Table::kDeleted, InodeKey(inode), "");
  return absl::OkStatus();
}

absl::StatusOr<pb::InodeRow> RecordApplier::Inode(InodeId inode) const {
  std::optional<pb::InodeRow> row = view_.Inode(inode);
  if (!row.has_value()) return InternalError("a record names {}, which does not exist", inode);
  return *std::move(row);
}

absl::StatusOr<pb::ChunkRow> RecordApplier::Chunk(ChunkId chunk) const {
  std::optional<pb::ChunkRow> row = view_.Chunk(chunk);
  if (!row.has_value())
    return InternalError("a record names chunk {}, which does not exist", chunk);
  return *std::move(row);
}

void RecordApplier::PutInode(InodeId inode, const pb::InodeRow& row) {
  rows_.Put(Table::kInodes, InodeKey(inode), row.SerializeAsString());
}
void RecordApplier::PutChunk(ChunkId chunk, const pb::ChunkRow& row) {
  rows_.Put(Table::kChunks, ChunkKey(chunk), row.SerializeAsString());
}

}  // namespace quern::master
