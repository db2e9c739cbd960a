#include <algorithm>

#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

constexpr uint32_t kDefaultLimit = 1'000;
constexpr uint32_t kMaxLimit = 10'000;
// Of the files of one answer: paths are long where somebody makes them so.
constexpr size_t kPageBytes = 2 << 20;

void Describe(const MetadataView& view, InodeId inode, const pb::InodeRow& row,
              pb::OpenFile* file) {
  file->set_inode_id(inode.value());
  file->set_path(view.PathOf(inode).value_or(""));
  file->set_linked(row.linked());
  file->set_length(row.length());
  file->set_chunk_count(row.chunk_count());
}

}  // namespace

// The table of open files is read, no other file is looked at.
Reply<pb::ListOpenFilesResponse> ListOpenFiles(Master& master,
                                               const pb::ListOpenFilesRequest& request,
                                               const CallContext&) {
  const uint32_t limit =
      request.limit() == 0 ? kDefaultLimit : std::min(request.limit(), kMaxLimit);
  const absl::Time now = master.clock().MonotonicNow();
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  const std::vector<InodeId> open =
      view.Inodes(Table::kOpenFiles, InodeId(request.start_after_inode() + 1), size_t{limit} + 1);
  pb::ListOpenFilesResponse response;
  size_t bytes = 0;
  for (const InodeId inode : open) {
    if (response.files_size() == static_cast<int>(limit) || bytes > kPageBytes) {
      response.set_more(true);
      break;
    }
    const std::optional<pb::InodeRow> row = view.Inode(inode);
    if (!row.has_value()) continue;
    pb::OpenFile* const file = response.add_files();
    Describe(view, inode, *row, file);
    const std::optional<absl::Time> heard = master.writers().LastHeard(inode);
    // It may be heard of while this goes on.
    const absl::Duration silence = std::max(now - heard.value_or(now), absl::ZeroDuration());
    file->set_writer_silence_ms(heard.has_value() ? absl::ToInt64Milliseconds(silence) : -1);
    bytes += file->ByteSizeLong();
  }
  RETURN_IF_ERROR(view.status());
  return response;
}

}  // namespace quern::master
