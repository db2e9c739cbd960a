// The master's durable state as rows, and the two small interfaces through which logic reads and
// writes them. RocksDB stands behind them in store/, one column family per table.
//
// Keys (integers big-endian, so that byte order is their order):
//   meta          "meta"                     -> MetaRow
//   inodes        inode:8                    -> InodeRow
//   dentries      parent:8 name              -> DentryRow
//   file_chunks   inode:8 ordinal:4          -> FileChunkRow
//   chunks        chunk:8                    -> ChunkRow
//   open_chunks   server:4 chunk:8           -> (empty)   chunks that lose a replica with it
//   open_files    inode:8                    -> (empty)   files that have a writer
//   deleted       inode:8                    -> (empty)   trees that wait for their collection
//   garbage       chunk:8                    -> GarbageRow
//   servers       server:4                   -> ServerRow
//   requests      client:8 request:8         -> RequestRow
//   starts        start id:8                 -> StartRow
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/status.h"

namespace quern::master {

enum class Table : uint8_t {
  kMeta,
  kInodes,
  kDentries,
  kFileChunks,
  kChunks,
  kOpenChunks,
  kOpenFiles,
  kDeleted,
  kGarbage,
  kServers,
  kRequests,
  kStarts,
};
inline constexpr int kTableCount = static_cast<int>(Table::kStarts) + 1;

// The column family's name.
std::string_view TableName(Table table);

inline constexpr std::string_view kMetaKey = "meta";
std::string InodeKey(InodeId inode);
// The prefix of a directory's entries is DentryKey(parent, "").
std::string DentryKey(InodeId parent, std::string_view name);
std::string FileChunkKey(InodeId inode, uint32_t ordinal);
std::string ChunkKey(ChunkId chunk);
std::string OpenChunkKey(ServerId server, ChunkId chunk);
std::string ServerKey(ServerId server);
std::string RequestKey(uint64_t client, uint64_t request);
std::string StartKey(uint64_t start_id);
// The first key after every key that begins with `prefix`; empty = the end of the table.
std::string PrefixEnd(std::string_view prefix);
// The big-endian integer at `offset` of a key that this file made.
uint64_t KeyUint64(std::string_view key, size_t offset);
uint32_t KeyUint32(std::string_view key, size_t offset);
// The name in a dentry's key.
std::string_view KeyName(std::string_view key);

// Reads one consistent state. A failed read answers "nothing" and leaves status() not OK: whoever
// ran a decision looks at status() before believing it. For one thread.
class RowReader {
 public:
  // False ends the scan.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~RowReader() = default;
  virtual std::optional<std::string> Get(Table table, std::string_view key) const = 0;
  // Rows with from <= key < to in the order of their keys; an empty `to` is the end of the table.
  virtual void Scan(Table table, std::string_view from, std::string_view to,
                    const Visit& visit) const = 0;
  virtual absl::Status status() const = 0;
};

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual void Put(Table table, std::string key, std::string value) = 0;
  // OK when there is no such row.
  virtual void Delete(Table table, std::string key) = 0;
};

}  // namespace quern::master
