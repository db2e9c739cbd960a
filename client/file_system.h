// The client's view of one Quern file system.
//
// Create() does no I/O, so that a command which only prints its help never waits for a network.
// Paths are absolute, "/" separated, any bytes but NUL; they are sent as they are.
// Every call retries on Unavailable and DeadlineExceeded with the same request id (so a mutation
// has the effect of one) until ClientOptions::master_timeout, then fails naming the master's
// address. Thread-safe; files opened from it must not outlive it.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/file_reader.h"
#include "client/file_writer.h"
#include "client/options.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::client {

struct ListPage {
  std::vector<FileStatus> entries;  // in byte order of their names
  bool more = false;
};

// One of many: see FileSystem::WriteSmall.
struct SmallFile {
  std::string path;
  CreateOptions options{};
  std::string_view bytes{};  // at least one, at most kMaxSmallFile
};
inline constexpr size_t kMaxSmallFile = size_t{1} << 20;

class ClientContext;

class FileSystem {
 public:
  static std::unique_ptr<FileSystem> Create(ClientOptions options);
  ~FileSystem();

  // NotFound when there is nothing of that name.
  absl::StatusOr<FileStatus> Stat(std::string_view path);
  // Every entry of a directory; a file lists as itself.
  absl::StatusOr<std::vector<FileStatus>> List(std::string_view path);
  // At most `limit` entries whose names sort after `start_after`.
  absl::StatusOr<ListPage> ListSome(std::string_view path, std::string_view start_after,
                                    uint32_t limit);
  // What a path that somebody wrote stands for, in byte order: the very name if something has it,
  // else what matches it as a pattern (client/glob.h); empty when nothing does. InvalidArgument
  // when it does not begin with "/". The result is clean: no doubled slashes, none at the end.
  absl::StatusOr<std::vector<std::string>> Glob(std::string_view pattern);

  absl::Status Mkdirs(std::string_view path, MkdirsOptions options = {});
  absl::Status Rename(std::string_view source, std::string_view target, RenameMode mode);
  // Source -> target; all of them in one step or none. No path may lie at or below another one, but
  // for what goes from below a later target to below the source of that.
  using Moves = std::vector<std::pair<std::string, std::string>>;
  absl::Status RenameAll(const Moves& moves, RenameMode mode);
  // False when there was nothing to delete.
  absl::StatusOr<bool> Delete(std::string_view path, DeleteOptions options = {});
  absl::StatusOr<FileStatus> SetReplication(std::string_view path, uint32_t replication);
  absl::StatusOr<FileStatus> SetAttributes(std::string_view path, const AttributeChange& change);

  absl::StatusOr<ClusterStatus> GetCluster();
  // What a master that was started from an old copy does not know. Confirmed, it goes on without
  // that, for good. FailedPrecondition when confirmed and there is nothing of that kind.
  absl::StatusOr<HistoryConflicts> AdoptHistory(bool confirm);
  // Files that have a writer, also those that no path leads to yet.
  absl::StatusOr<std::vector<OpenFile>> ListOpenFiles();
  // All chunks of a file, in order.
  absl::StatusOr<std::vector<ChunkInfo>> GetChunks(std::string_view path);
  absl::StatusOr<std::vector<ChunkInfo>> GetChunks(InodeId inode);
  // Reads all of a sealed chunk from this very server. DataLoss: its bytes are wrong; NotFound: it
  // has none of it; anything else: it cannot be read now.
  absl::Status CheckReplica(const ChunkInfo& chunk, const ServerAddress& server);

  // The file appears under its name when the writer's Close returns OK, whole or not at all.
  // AlreadyExists when the name is taken and options.overwrite is false.
  absl::StatusOr<std::unique_ptr<FileWriter>> Create(std::string_view path,
                                                     CreateOptions options = {});
  // Writes many small files, each as by Create, Append and Close, in messages of dozens. One status
  // for each, in their order; a failure of one is no failure of the others. Files of up to 32 KiB
  // gain most.
  std::vector<absl::StatusOr<FileStatus>> WriteSmall(std::span<const SmallFile> files);
  // Makes an empty file in one step.
  absl::Status CreateEmpty(std::string_view path, CreateOptions options = {});
  // Reads what is in the file now; InvalidArgument for a directory.
  absl::StatusOr<std::unique_ptr<FileReader>> Open(std::string_view path);

 private:
  explicit FileSystem(std::unique_ptr<ClientContext> context);

  // Shared with the writers and readers that it opens.
  const std::unique_ptr<ClientContext> context_;
};

}  // namespace quern::client
