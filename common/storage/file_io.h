// Files, behind an interface so that tests can put a file layer underneath that forgets what was
// not synced. Positioned I/O only: a File has no cursor, so any number of threads may use one.
//
// Durability rules that every caller relies on:
//  - bytes are durable after Datasync, a new name or a rename after SyncDir of its directory;
//  - a failed Datasync is never tried again (the kernel may have dropped the pages and would report
//    success): the caller gives the file, and usually the disk, up.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern {

// An open file; closed by its destructor. Thread-safe as far as pread and pwrite are.
class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Writes everything or fails; short writes and interrupts are continued. After a failure the
  // range may hold any part of the bytes. ResourceExhausted: disk full.
  virtual absl::Status Pwritev(std::span<const iovec> parts, uint64_t offset) = 0;
  absl::Status Pwrite(std::string_view bytes, uint64_t offset);
  // Bytes read into `out`: fewer than `n` only at the end of the file.
  virtual absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) = 0;
  // The contents and the length are durable when this returns OK. Never retried, see above.
  virtual absl::Status Datasync() = 0;
  // Starts to push a range to the disk and does not wait: keeps the final Datasync short.
  virtual absl::Status StartWriteback(uint64_t offset, uint64_t n) = 0;
  // Cuts or extends with zeros.
  virtual absl::Status Truncate(uint64_t size) = 0;
  // Reserves space for the first `n` bytes without changing the size. ResourceExhausted: disk full.
  virtual absl::Status Reserve(uint64_t n) = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // The descriptor, still owned by the file: to pass to another process or to map.
  virtual int fd() const = 0;
  virtual const std::string& path() const = 0;

 protected:
  File() = default;
};

struct OpenOptions {
  bool write = false;      // else read only
  bool create = false;     // make it when it is not there (implies write)
  bool exclusive = false;  // with create: AlreadyExists when it is there
  bool truncate = false;   // drop the contents
};

struct DiskSpace {
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;  // for this process: the file system's own reserve is not counted
};

// Paths are the operating system's. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The machine's file system. Never deleted.
  static FileSystem* Real();

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                                     const OpenOptions& options) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Replaces the target.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // With parents, all of them durable; OK when it is there, durable then as well.
  virtual absl::Status MakeDirs(const std::string& path) = 0;
  // OK when there is nothing.
  virtual absl::Status RemoveTree(const std::string& path) = 0;
  // Names (not paths) in `dir`, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& dir) = 0;
  // Makes creations, renames and removals in `dir` durable.
  virtual absl::Status SyncDir(const std::string& dir) = 0;
  virtual absl::StatusOr<DiskSpace> Space(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
};

absl::StatusOr<std::string> ReadFileToString(FileSystem* fs, const std::string& path);
// After OK the file holds exactly `bytes`, also after a power cut; after a failure or a crash it is
// as before or complete, never half. (temporary name, fsync, rename, directory fsync)
absl::Status WriteFileDurably(FileSystem* fs, const std::string& path, std::string_view bytes);

// The names in a directory, in order, as far as they can be read: for cleaning up and for looking
// around, where what cannot be listed is as good as not there.
std::vector<std::string> ReadableNames(const std::string& dir);

// False also where that cannot be told.
bool IsRegularFile(const std::string& path);
bool IsDirectory(const std::string& path);

// "a/b" -> "/where/we/are/a/b"; as it is when the directory that we are in has no path any more.
std::string AbsolutePath(const std::string& path);

// "/a/b/c" -> "/a/b"; "c" -> ".".
std::string ParentDir(std::string_view path);

}  // namespace quern
