#include "master/logic/metadata_view.h"

namespace quern::master {

absl::Status MetadataView::status() const {
  return parse_status_.ok() ? rows_.status() : parse_status_;
}

template <typename Row>
bool MetadataView::Parse(Table table, std::string_view bytes, Row* row) const {
  if (row->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
  parse_status_ = DataLossError("a row of table {} cannot be read", TableName(table));
  return false;
}

template <typename Row>
std::optional<Row> MetadataView::GetRow(Table table, std::string_view key) const {
  const std::optional<std::string> bytes = rows_.Get(table, key);
  Row row;
  if (!bytes.has_value() || !Parse(table, *bytes, &row)) return std::nullopt;
  return row;
}

template <typename Row>
void MetadataView::ScanRows(Table table,
                            const std::function<void(std::string_view, const Row&)>& visit) const {
  rows_.Scan(table, "", "", [&](std::string_view key, std::string_view value) {
    Row row;
    if (!Parse(table, value, &row)) return false;
    visit(key, row);
    return true;
  });
}

pb::MetaRow MetadataView::Meta() const {
  return GetRow<pb::MetaRow>(Table::kMeta, kMetaKey).value_or(pb::MetaRow());
}
std::optional<pb::InodeRow> MetadataView::Inode(InodeId inode) const {
  return GetRow<pb::InodeRow>(Table::kInodes, InodeKey(inode));
}
std::optional<pb::DentryRow> MetadataView::Entry(InodeId directory, std::string_view name) const {
  return GetRow<pb::DentryRow>(Table::kDentries, DentryKey(directory, name));
}
std::optional<pb::FileChunkRow> MetadataView::FileChunk(InodeId inode, uint32_t ordinal) const {
  return GetRow<pb::FileChunkRow>(Table::kFileChunks, FileChunkKey(inode, ordinal));
}
std::optional<pb::ChunkRow> MetadataView::Chunk(ChunkId chunk) const {
  return GetRow<pb::ChunkRow>(Table::kChunks, ChunkKey(chunk));
}
std::optional<pb::GarbageRow> MetadataView::Garbage(ChunkId chunk) const {
  return GetRow<pb::GarbageRow>(Table::kGarbage, ChunkKey(chunk));
}
std::optional<pb::ServerRow> MetadataView::Server(ServerId server) const {
  return GetRow<pb::ServerRow>(Table::kServers, ServerKey(server));
}
std::optional<pb::RequestRow> MetadataView::Request(uint64_t client, uint64_t request) const {
  return GetRow<pb::RequestRow>(Table::kRequests, RequestKey(client, request));
}

std::vector<ChunkId> MetadataView::FileChunks(InodeId inode, uint32_t first, uint32_t count) const {
  std::vector<ChunkId> chunks;
  for (uint32_t ordinal = first; ordinal - first < count; ++ordinal) {
    const std::optional<pb::FileChunkRow> place = FileChunk(inode, ordinal);
    if (!place.has_value()) break;
    chunks.emplace_back(place->chunk_id());
  }
  return chunks;
}

std::vector<DirectoryEntry> MetadataView::Entries(InodeId directory, std::string_view start_after,
                                                  size_t limit) const {
  std::vector<DirectoryEntry> entries;
  const std::string prefix = DentryKey(directory, "");
  std::string from = DentryKey(directory, start_after);
  // The least key after a name is the name and a zero byte.
  if (!start_after.empty()) from.push_back('\0');
  rows_.Scan(Table::kDentries, from, PrefixEnd(prefix),
             [&](std::string_view key, std::string_view value) {
               if (entries.size() >= limit) return false;
               pb::DentryRow row;
               if (!Parse(Table::kDentries, value, &row)) return false;
               entries.push_back({std::string(KeyName(key)), InodeId(row.inode_id()), row.type()});
               return true;
             });
  return entries;
}

std::optional<std::string> MetadataView::PathOf(InodeId inode) const {
  std::string path;
  for (InodeId at = inode; at != kRootInode;) {
    const std::optional<pb::InodeRow> row = Inode(at);
    const bool there = row.has_value() && !row->deleted() && (row->linked() || at == inode);
    if (!there) return std::nullopt;
    path.insert(0, "/" + row->name());
    at = InodeId(row->parent_id());
  }
  return path.empty() ? "/" : path;
}

bool MetadataView::IsAttached(InodeId inode) const {
  while (inode != kRootInode) {
    const std::optional<pb::InodeRow> row = Inode(inode);
    if (!row.has_value() || !row->linked()) return false;
    inode = InodeId(row->parent_id());
  }
  return true;
}

std::vector<ChunkId> MetadataView::OpenChunks(ServerId server) const {
  std::vector<ChunkId> chunks;
  const std::string prefix = ServerKey(server);
  rows_.Scan(Table::kOpenChunks, prefix, PrefixEnd(prefix),
             [&](std::string_view key, std::string_view) {
               chunks.emplace_back(KeyUint64(key, sizeof(uint32_t)));
               return true;
             });
  return chunks;
}

std::vector<InodeId> MetadataView::Inodes(Table table, InodeId first, size_t limit) const {
  std::vector<InodeId> inodes;
  rows_.Scan(table, InodeKey(first), "", [&](std::string_view key, std::string_view) {
    if (inodes.size() >= limit) return false;
    inodes.emplace_back(KeyUint64(key, 0));
    return true;
  });
  return inodes;
}

void MetadataView::ForEachChunk(
    const std::function<void(ChunkId, const pb::ChunkRow&)>& visit) const {
  ScanRows<pb::ChunkRow>(Table::kChunks, [&](std::string_view key, const pb::ChunkRow& row) {
    visit(ChunkId(KeyUint64(key, 0)), row);
  });
}

void MetadataView::ForEachGarbage(
    const std::function<void(ChunkId, const pb::GarbageRow&)>& visit) const {
  ScanRows<pb::GarbageRow>(Table::kGarbage, [&](std::string_view key, const pb::GarbageRow& row) {
    visit(ChunkId(KeyUint64(key, 0)), row);
  });
}

void MetadataView::ForEachServer(
    const std::function<void(ServerId, const pb::ServerRow&)>& visit) const {
  ScanRows<pb::ServerRow>(Table::kServers, [&](std::string_view key, const pb::ServerRow& row) {
    visit(ServerId(KeyUint32(key, 0)), row);
  });
}

void MetadataView::ForEachStart(const std::function<void(const pb::StartRow&)>& visit) const {
  ScanRows<pb::StartRow>(Table::kStarts,
                         [&](std::string_view, const pb::StartRow& row) { visit(row); });
}

std::vector<MasterStart> MetadataView::Starts() const {
  std::vector<MasterStart> starts;
  ForEachStart([&](const pb::StartRow& row) {
    const pb::MasterStart& start = row.start();
    starts.push_back({start.term(), start.id(), start.first_index(), start.end_index()});
  });
  return starts;
}

void MetadataView::ForEachRequest(
    const std::function<void(uint64_t, uint64_t, const pb::RequestRow&)>& visit) const {
  ScanRows<pb::RequestRow>(Table::kRequests, [&](std::string_view key, const pb::RequestRow& row) {
    visit(KeyUint64(key, 0), KeyUint64(key, sizeof(uint64_t)), row);
  });
}

}  // namespace quern::master
