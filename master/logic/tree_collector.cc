#include "master/logic/tree_collector.h"

#include <algorithm>

namespace quern::master {

size_t SizeOf(const pb::Collect& collect) {
  return static_cast<size_t>(collect.children_size()) +
         static_cast<size_t>(collect.chunk_ids_size());
}

std::optional<pb::LogRecord> NextCollectStep(const MetadataView& view, InodeId inode) {
  const std::optional<pb::InodeRow> row = view.Inode(inode);
  if (!row.has_value() || !row->deleted()) return std::nullopt;
  pb::LogRecord record;
  pb::Collect* collect = record.mutable_collect();
  collect->set_inode_id(inode.value());
  if (row->type() == pb::FILE_TYPE_DIRECTORY) {
    const auto entries = view.Entries(inode, "", kCollectStep);
    for (const DirectoryEntry& entry : entries) collect->add_children(entry.inode.value());
    collect->set_last(entries.size() < kCollectStep);
    return record;
  }
  // From the last chunk down; a step leaves fewer chunks behind, which is where the next goes on.
  uint32_t end = row->chunk_count();
  while (end > 0 && !view.FileChunk(inode, end - 1).has_value()) {
    end -= std::min<uint32_t>(end, kCollectStep);
  }
  const uint32_t begin = end - std::min<uint32_t>(end, kCollectStep);
  for (const ChunkId chunk : view.FileChunks(inode, begin, end - begin)) {
    collect->add_ordinals(begin + static_cast<uint32_t>(collect->chunk_ids_size()));
    collect->add_chunk_ids(chunk.value());
  }
  collect->set_last(begin == 0);
  return record;
}

}  // namespace quern::master
