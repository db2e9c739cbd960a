// Files as tasks see them: the distributed file system or the local machine, by path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
namespace quern::mr {

// Bytes one after another. Used by one thread.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // The next bytes, valid until the next call; empty at the end. After an error the stream is over.
  virtual absl::StatusOr<std::string_view> Next() = 0;
};

// An open input file. Streams must not outlive it.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual uint64_t length() const = 0;
  // Which file this is, whatever its name: another one that takes its name has another id. Empty
  // when the storage cannot tell.
  virtual std::string id() const { return {}; }
  // The bytes of [offset, offset + length), cut at the end of the file.
  virtual std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) = 0;
};

// A new file. Destroyed without Close, it never appears under its name.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Durable and visible when this returns OK.
  virtual absl::Status Close() = 0;
};

struct WriteOptions {
  uint32_t replication = 0;  // 0 = the default of the place
  // false: only the file's own directory is made, below one that must be there. NotFound otherwise.
  bool make_ancestors = true;
};

// Thread-safe.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  // Replaces a file of that name.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                               const WriteOptions& options) = 0;
  // Makes missing parents of the target. When the target is there: AlreadyExists, or with `replace`
  // it goes away with everything below it.
  virtual absl::Status Rename(const std::string& from, const std::string& to, bool replace) = 0;
  // Several of them. In the distributed file system all happen in one change or none; on this
  // machine one after another, and when one fails those before it are undone; each target is the
  // old tree or the new one at every moment, where the file system can exchange two names. What is
  // replaced goes when all have succeeded.
  using Moves = std::vector<std::pair<std::string, std::string>>;
  virtual absl::Status RenameAll(const Moves& moves, bool replace) = 0;
  // OK when there is nothing.
  virtual absl::Status RemoveTree(const std::string& path) = 0;
};

// Paths of this machine are file:///...; all others belong to the distributed file system.
inline constexpr std::string_view kLocalScheme = "file://";
inline bool IsLocalPath(std::string_view path) { return path.starts_with(kLocalScheme); }
inline bool IsAbsolutePath(std::string_view path) {
  return path.starts_with('/') || IsLocalPath(path);
}

// ReadableFile::id of a file of this machine, from stat().
std::string LocalFileId(uint64_t device, uint64_t inode);

// Files of this machine.
std::unique_ptr<Storage> MakeLocalStorage();

}  // namespace quern::mr
