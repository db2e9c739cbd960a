#include "master/logic/tree_collector.h"

#include <algorithm>

namespace quern::master {
namespace {

// Steps go from the last chunk down, so that the chunks that are left are the first ones. `most`:
// how many the file had.
uint32_t ChunksLeft(const MetadataView& view, InodeId file, uint32_t most) {
  uint32_t left = 0;
  while (left < most) {
    const uint32_t middle = left + (most - left) / 2;
    if (view.FileChunk(file, middle).has_value()) {
      left = middle + 1;
    } else {
      most = middle;
    }
  }
  return left;
}

}  // namespace

size_t SizeOf(const pb::Collect& collect) {
  return static_cast<size_t>(collect.children_size()) +
         static_cast<size_t>(collect.chunk_ids_size());
}

bool TreeCollector::Find(const MetadataView& view, size_t limit) {
  if (!trees_.empty()) return true;
  std::vector<InodeId> found = view.Inodes(Table::kDeleted, InodeId(found_.value() + 1), limit);
  // A pass has an end: what is deleted meanwhile behind it does not keep those before it waiting.
  std::erase_if(found, [this](InodeId tree) { return tree >= pass_end_; });
  if (found.empty()) {
    pass_end_ = InodeId(view.Meta().next_inode());
    found = view.Inodes(Table::kDeleted, InodeId(), limit);
  }
  if (found.empty()) return false;
  found_ = found.back();
  trees_.assign(found.begin(), found.end());
  return true;
}

std::optional<pb::LogRecord> TreeCollector::Next(const MetadataView& view) {
  while (!trees_.empty()) {
    std::optional<pb::LogRecord> step = StepOf(view, trees_.front());
    if (!step.has_value() || step->collect().last()) {
      trees_.pop_front();
      taken_.clear();
    }
    if (step.has_value()) return step;
  }
  return std::nullopt;
}

std::optional<pb::LogRecord> TreeCollector::StepOf(const MetadataView& view, InodeId tree) {
  const std::optional<pb::InodeRow> row = view.Inode(tree);
  if (!row.has_value() || !row->deleted()) return std::nullopt;
  pb::LogRecord record;
  pb::Collect* collect = record.mutable_collect();
  collect->set_inode_id(tree.value());
  if (row->type() == pb::FILE_TYPE_DIRECTORY) {
    // Nobody puts anything into a deleted directory.
    const auto entries = view.Entries(tree, taken_, kCollectStep);
    for (const DirectoryEntry& entry : entries) collect->add_children(entry.inode.value());
    collect->set_last(entries.size() < kCollectStep);
    if (!entries.empty()) taken_ = entries.back().name;
    return record;
  }
  const uint32_t end = ChunksLeft(view, tree, row->chunk_count());
  const uint32_t begin = end - std::min<uint32_t>(end, kCollectStep);
  for (const ChunkId chunk : view.FileChunks(tree, begin, end - begin)) {
    collect->add_ordinals(begin + static_cast<uint32_t>(collect->chunk_ids_size()));
    collect->add_chunk_ids(chunk.value());
  }
  collect->set_last(begin == 0);
  return record;
}

}  // namespace quern::master
