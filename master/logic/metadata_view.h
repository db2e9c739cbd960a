// Typed reads of the master's rows. Like the RowReader below it: a failed read (or a row that
// cannot be parsed) answers "nothing" and leaves status() not OK. For one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/master_history.h"
#include "common/status.h"
#include "master/logic/rows.h"
#include "quern/dfs/v1/master_log.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

inline constexpr InodeId kRootInode{1};

// An entry of a directory.
struct DirectoryEntry {
  std::string name;
  InodeId inode;
  pb::FileType type = pb::FILE_TYPE_UNSPECIFIED;
};

class MetadataView {
 public:
  // The reader must outlive the view.
  explicit MetadataView(const RowReader& rows) : rows_(rows) {}

  absl::Status status() const;

  pb::MetaRow Meta() const;
  std::optional<pb::InodeRow> Inode(InodeId inode) const;
  std::optional<pb::DentryRow> Entry(InodeId directory, std::string_view name) const;
  std::optional<pb::FileChunkRow> FileChunk(InodeId inode, uint32_t ordinal) const;
  // The chunks of a file at `count` ordinals from `first` on; fewer when it has fewer.
  std::vector<ChunkId> FileChunks(InodeId inode, uint32_t first, uint32_t count) const;
  std::optional<pb::ChunkRow> Chunk(ChunkId chunk) const;
  std::optional<pb::GarbageRow> Garbage(ChunkId chunk) const;
  std::optional<pb::ServerRow> Server(ServerId server) const;
  std::optional<pb::RequestRow> Request(uint64_t client, uint64_t request) const;

  // At most `limit` entries whose names sort after `start_after`.
  std::vector<DirectoryEntry> Entries(InodeId directory, std::string_view start_after,
                                      size_t limit) const;
  // Where an inode is, or will be once it is linked; nothing when a directory above it is not
  // there.
  std::optional<std::string> PathOf(InodeId inode) const;
  // True when the walk over its parents ends at the root: it can be reached by a path.
  bool IsAttached(InodeId inode) const;
  // Open chunks that have a replica on this server.
  std::vector<ChunkId> OpenChunks(ServerId server) const;
  // At most `limit` inodes of a table whose keys are inode ids, from `first` on.
  std::vector<InodeId> Inodes(Table table, InodeId first, size_t limit) const;

  void ForEachChunk(const std::function<void(ChunkId, const pb::ChunkRow&)>& visit) const;
  void ForEachGarbage(const std::function<void(ChunkId, const pb::GarbageRow&)>& visit) const;
  void ForEachServer(const std::function<void(ServerId, const pb::ServerRow&)>& visit) const;
  void ForEachStart(const std::function<void(const pb::StartRow&)>& visit) const;
  // All starts of the master, in no order.
  std::vector<MasterStart> Starts() const;
  void ForEachRequest(const std::function<void(uint64_t client, uint64_t request,
                                               const pb::RequestRow& row)>& visit) const;

 private:
  template <typename Row>
  bool Parse(Table table, std::string_view bytes, Row* row) const;
  template <typename Row>
  std::optional<Row> GetRow(Table table, std::string_view key) const;
  template <typename Row>
  void ScanRows(Table table, const std::function<void(std::string_view, const Row&)>& visit) const;

  const RowReader& rows_;
  mutable absl::Status parse_status_;
};

}  // namespace quern::master
