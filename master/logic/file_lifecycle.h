// Decides how a file comes to be: created without a name (or with one), completed under its name,
// or given up.
//
// A file has one writer, who proves himself with the token that Create gave out. Until Complete has
// linked it, nobody else can see the file, so no half file ever has a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/random.h"
#include "common/status.h"
#include "master/logic/metadata_view.h"
#include "master/logic/outcome.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::master {

struct FileDefaults {
  uint32_t replication = 3;
  uint64_t chunk_size = uint64_t{64} << 20;
};

class FileLifecycle {
 public:
  FileLifecycle(const MetadataView& view, const FileDefaults& defaults, int64_t now_ms)
      : view_(view), defaults_(defaults), now_ms_(now_ms) {}

  // AlreadyExists: the name is taken and `overwrite` is false. Aborted: it is not that of the file
  // which is to be replaced. NotFound: no such directory.
  absl::StatusOr<Outcome<pb::CreateResponse>> Create(const pb::CreateRequest& request,
                                                     Random& random) const;
  // Links the name, replacing an existing file if Create said so, and seals the only chunk first
  // when the request says how. FailedPrecondition: the last chunk is not sealed, or the file has
  // another length than the writer believes. Unavailable: the chunk that the request would seal is
  // not OPEN any more.
  absl::StatusOr<Outcome<pb::CompleteResponse>> Complete(const pb::CompleteRequest& request) const;
  absl::StatusOr<Outcome<pb::AbandonResponse>> Abandon(const pb::AbandonRequest& request) const;

  // The file, if it is being written and `token` is its writer's. NotFound: there is no such file
  // any more. Aborted: somebody else is its writer. FailedPrecondition: it is complete.
  absl::StatusOr<pb::InodeRow> CheckWriter(InodeId inode, std::string_view token) const;

  // For a file whose writer is gone: completed as it is when it has a name, dropped when not. No
  // record: it is not being written. FailedPrecondition: its last chunk must be sealed first.
  absl::StatusOr<std::optional<pb::LogRecord>> GiveUp(InodeId inode) const;

 private:
  absl::StatusOr<pb::InodeRow> NewFile(const pb::CreateRequest& request, Random& random) const;
  absl::StatusOr<pb::SealChunk> SealOnlyChunk(InodeId inode, const pb::InodeRow& row,
                                              const pb::CompleteRequest::Seal& seal) const;
  absl::Status CheckChunksSealed(InodeId inode, const pb::InodeRow& row) const;
  // Whether `row` may have the name `path`, which `existing` has now.
  static absl::Status CheckReplaceable(std::string_view path,
                                       const std::optional<pb::DentryRow>& existing,
                                       const pb::InodeRow& row);

  const MetadataView& view_;
  const FileDefaults& defaults_;
  const int64_t now_ms_;
};

}  // namespace quern::master
